-- Warehouses (Magazyny); the main one of a branch (JednostkiOrganizacyjne) is the default.
-- key: m.Id int
-- :parents int
SELECT
    p.Id AS [parent_id],
    m.Id AS [id],
    m.Symbol AS [code],
    m.Nazwa AS [name],
    CASE WHEN EXISTS (SELECT 1 FROM ModelDanychContainer.JednostkiOrganizacyjne b WHERE b.GlownyMagazyn_Id = m.Id) THEN 1 ELSE 0 END AS [is_default]
FROM ModelDanychContainer.Podmioty p
CROSS JOIN ModelDanychContainer.Magazyny m
WHERE p.Id IN (:parents)
