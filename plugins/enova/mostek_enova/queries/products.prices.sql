-- Prices of the cards (Ceny) by their definitions; definitions of purchase prices are left out, and rows of zeros. What a
-- buyer pays in the end is counted by the program from individual, group, threshold and promotional prices.
-- key: c.ID int
-- :parents int
-- :price_list_id int
-- filter price_list_id reads price_list.id
-- convert currency: currency_or_base
-- convert valid_from: day
-- convert valid_to: day
SELECT
    c.Towar AS [parent_id],
    l.ID AS [price_list.id],
    l.Nazwa AS [price_list.name],
    CASE WHEN COALESCE(c.NettoSymbol, '') = COALESCE(c.BruttoSymbol, '') THEN c.NettoValue END AS [net],
    c.BruttoValue AS [gross],
    COALESCE(c.BruttoSymbol, '') AS [currency],
    c.OkresFrom AS [valid_from],
    c.OkresTo AS [valid_to]
FROM dbo.Ceny c
JOIN dbo.DefinicjeCen l ON l.ID = c.Definicja
WHERE c.Towar IN (:parents)
  AND COALESCE(l.Kierunek, 1) <> 2
  AND COALESCE(CAST(l.Blokada AS int), 0) = 0
  AND (c.NettoValue <> 0 OR c.BruttoValue <> 0)
  AND c.Definicja = :price_list_id  --? price_list_id
