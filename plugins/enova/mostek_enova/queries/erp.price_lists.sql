-- Definitions of prices (DefinicjeCen) that cards have and that are not for purchases.
-- key: l.ID int
-- :parents int
-- convert price_basis: list_basis
SELECT
    c.id AS [parent_id],
    l.ID AS [id],
    l.Nazwa AS [name],
    l.AlgorytmTyp AS [price_basis]
FROM (SELECT 1 AS id) c
CROSS JOIN dbo.DefinicjeCen l
WHERE c.id IN (:parents)
  AND COALESCE(l.Kierunek, 1) <> 2
  AND COALESCE(CAST(l.Blokada AS int), 0) = 0
  AND COALESCE(CAST(l.DodawanaDoTowaru AS int), 1) = 1
