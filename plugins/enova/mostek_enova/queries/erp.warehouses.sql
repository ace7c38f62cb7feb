-- Warehouses (Magazyny).
-- key: m.ID int
-- :parents int
-- convert is_default: is_default_warehouse
SELECT
    c.id AS [parent_id],
    m.ID AS [id],
    m.Symbol AS [code],
    m.Nazwa AS [name],
    m.Symbol AS [is_default]
FROM (SELECT 1 AS id) c
CROSS JOIN dbo.Magazyny m
WHERE c.id IN (:parents)
