-- Currencies (Waluty) in use.
-- key: w.Symbol nchar(3)
-- :parents int
-- convert code: currency
SELECT
    p.Id AS [parent_id],
    w.Symbol AS [code],
    w.Nazwa AS [name]
FROM ModelDanychContainer.Podmioty p
CROSS JOIN ModelDanychContainer.Waluty w
WHERE p.Id IN (:parents)
  AND (w.Aktywna = 1 OR w.KartotekaWalut_Id IS NOT NULL)
