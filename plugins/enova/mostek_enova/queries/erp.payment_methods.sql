-- Payment methods (SposobyZaplaty) in use: those of payments. Cards of contractors name FormyPlatnosci.
-- key: s.ID int
-- :parents int
-- convert kind: payment_method_kind
SELECT
    c.id AS [parent_id],
    s.ID AS [id],
    s.Nazwa AS [name],
    s.Typ AS [kind]
FROM (SELECT 1 AS id) c
CROSS JOIN dbo.SposobyZaplaty s
WHERE c.id IN (:parents)
  AND COALESCE(CAST(s.Blokada AS int), 0) = 0
