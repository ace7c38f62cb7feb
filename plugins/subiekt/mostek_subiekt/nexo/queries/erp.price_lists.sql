-- Price lists (Cenniki) that were published and are not closed.
-- key: c.Id int
-- :parents int
-- convert currency: currency
SELECT
    p.Id AS [parent_id],
    c.Id AS [id],
    c.Sygnatura_PelnaSygnatura AS [code],
    c.Tytul AS [name],
    w.Symbol AS [currency]
FROM ModelDanychContainer.Podmioty p
CROSS JOIN ModelDanychContainer.Cenniki c
LEFT JOIN ModelDanychContainer.Waluty w ON w.Id = c.Waluta_Id
WHERE p.Id IN (:parents)
  AND c.DataZatwierdzenia IS NOT NULL
  AND c.DataZamkniecia IS NULL
