-- Currencies (sl_Waluta) in the tables of rates, and the złoty.
-- key: w.wl_Symbol char(3)
-- :parents int
-- convert code: currency
SELECT
    c.pd_Id AS [parent_id],
    w.wl_Symbol AS [code],
    w.wl_Nazwa AS [name]
FROM dbo.pd__Podmiot c
CROSS JOIN dbo.sl_Waluta w
WHERE c.pd_Id IN (:parents)
  AND (w.wl_Aktywna = 1 OR w.wl_Symbol = 'PLN')
