-- Groups of customers (sl_GrupaKh).
-- key: g.grk_Id int
-- :parents int
SELECT
    c.pd_Id AS [parent_id],
    g.grk_Id AS [id],
    g.grk_Nazwa AS [name]
FROM dbo.pd__Podmiot c
CROSS JOIN dbo.sl_GrupaKh g
WHERE c.pd_Id IN (:parents)
