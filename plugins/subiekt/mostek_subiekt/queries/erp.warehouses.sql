-- Warehouses (sl_Magazyn); the main one is the default.
-- key: m.mag_Id int
-- :parents int
SELECT
    c.pd_Id AS [parent_id],
    m.mag_Id AS [id],
    m.mag_Symbol AS [code],
    m.mag_Nazwa AS [name],
    m.mag_Glowny AS [is_default]
FROM dbo.pd__Podmiot c
CROSS JOIN dbo.sl_Magazyn m
WHERE c.pd_Id IN (:parents)
