-- What a set consists of (tw_Komplet).
-- key: c.kpl_Id int
-- :parents int
SELECT
    c.kpl_IdKomplet AS [parent_id],
    t.tw_Id AS [product_id],
    t.tw_Symbol AS [product_code],
    t.tw_Nazwa AS [product_name],
    c.kpl_Liczba AS [quantity],
    t.tw_JednMiary AS [unit]
FROM dbo.tw_Komplet c
JOIN dbo.tw__Towar t ON t.tw_Id = c.kpl_IdSkladnik
WHERE c.kpl_IdKomplet IN (:parents)
