-- Definitions of customers' orders (DefDokHandlowych of the category 302).
-- key: f.ID int
-- :parents int
-- convert is_default: is_default_series
SELECT
    c.id AS [parent_id],
    f.Symbol AS [code],
    f.Nazwa AS [name],
    f.Symbol AS [is_default]
FROM (SELECT 1 AS id) c
CROSS JOIN dbo.DefDokHandlowych f
WHERE c.id IN (:parents)
  AND f.Kategoria = 302
  AND COALESCE(CAST(f.Blokada AS int), 0) = 0
