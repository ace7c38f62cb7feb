-- Prices (PozycjeCennika) of lists that were published and are not closed: the product's main row of each.
-- key: c.Id int
-- :parents int
-- :price_list_id int
-- filter price_list_id reads price_list.id
-- convert currency: currency
-- convert from_quantity: not_zero
SELECT
    i.Asortyment_Id AS [parent_id],
    c.Id AS [price_list.id],
    c.Tytul AS [price_list.name],
    i.CenaNetto AS [net],
    i.CenaBrutto AS [gross],
    w.Symbol AS [currency],
    CASE WHEN j.AsortymentPodstawowej_Id IS NULL THEN u.Symbol END AS [unit],
    CASE WHEN c.Bazowy = 1 THEN NULL ELSE c.HarmonogramWaznosci_DataPoczatkowa END AS [valid_from],
    CASE WHEN c.Bazowy = 1 THEN NULL ELSE c.HarmonogramWaznosci_DataKoncowa END AS [valid_to],
    COALESCE(i.IloscMinAsortymentu, 0) AS [from_quantity]
FROM ModelDanychContainer.PozycjeCennika i
JOIN ModelDanychContainer.Cenniki c ON c.Id = i.Cennik_Id
LEFT JOIN ModelDanychContainer.Waluty w ON w.Id = c.Waluta_Id
LEFT JOIN ModelDanychContainer.JednostkiMiarAsortymentow j ON j.Id = i.JednostkaMiaryAsortymentu_Id
LEFT JOIN ModelDanychContainer.JednostkiMiar u ON u.Id = j.JednostkaMiary_Id
WHERE i.Asortyment_Id IN (:parents)
  AND i.Glowna = 1
  AND c.DataZatwierdzenia IS NOT NULL
  AND c.DataZamkniecia IS NULL
  AND c.Id = :price_list_id  --? price_list_id
