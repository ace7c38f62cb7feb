-- Delivery places (MIEJSCE_DOSTAWY).
-- key: m.ID_MIEJSCA_DOSTAWY bigint
-- :parents bigint
-- convert address.country: country
SELECT
    m.ID_KONTRAHENTA AS [parent_id],
    m.ID_MIEJSCA_DOSTAWY AS [id],
    COALESCE(NULLIF(m.FIRMA, ''), m.ODBIORCA) AS [name],
    m.ULICA_LOKAL AS [address.address_line],
    m.KOD_POCZTOWY AS [address.postal_code],
    m.MIEJSCOWOSC AS [address.city],
    m.SYM_KRAJU AS [address.country],
    m.TEL AS [phone],
    CASE WHEN k.ID_MIEJSCA_DOSTAWY_DOM = m.ID_MIEJSCA_DOSTAWY THEN 1 ELSE 0 END AS [is_default]
FROM dbo.MIEJSCE_DOSTAWY m
JOIN dbo.KONTRAHENT k ON k.ID_KONTRAHENTA = m.ID_KONTRAHENTA
WHERE m.ID_KONTRAHENTA IN (:parents)
