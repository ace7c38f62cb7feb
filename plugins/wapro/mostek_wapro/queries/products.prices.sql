-- Prices (CENA_ARTYKULU) in the price lists (CENA); 0 is none.
-- key: c.ID_CENY bigint
-- :parents bigint
-- :price_list_id bigint
-- filter price_list_id reads price_list.id
-- convert currency: currency_or_base
SELECT
    c.ID_ARTYKULU AS [parent_id],
    l.ID_CENY AS [price_list.id],
    l.NAZWA AS [price_list.name],
    c.CENA_NETTO AS [net],
    c.CENA_BRUTTO AS [gross],
    COALESCE(c.SYM_WAL, '') AS [currency]
FROM dbo.CENA_ARTYKULU c
JOIN dbo.CENA l ON l.ID_CENY = c.ID_CENY
WHERE c.ID_ARTYKULU IN (:parents)
  AND (c.CENA_NETTO <> 0 OR c.CENA_BRUTTO <> 0)
  AND c.ID_CENY = :price_list_id  --? price_list_id
