-- Warehouses (MAGAZYN).
-- key: m.ID_MAGAZYNU bigint
-- :parents bigint
SELECT
    c.ID_FIRMY AS [parent_id],
    m.ID_MAGAZYNU AS [id],
    m.SYMBOL AS [code],
    m.NAZWA AS [name]
FROM dbo.FIRMA c
JOIN dbo.MAGAZYN m ON (m.ID_FIRMY = c.ID_FIRMY)
WHERE c.ID_FIRMY IN (:parents)
