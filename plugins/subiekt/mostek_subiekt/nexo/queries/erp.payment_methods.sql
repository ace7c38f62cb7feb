-- Payment methods (FormyPlatnosci) in use.
-- key: f.Id int
-- :parents int
SELECT
    p.Id AS [parent_id],
    f.Id AS [id],
    f.Nazwa AS [name],
    f.TerminPlatnosci AS [days]
FROM ModelDanychContainer.Podmioty p
CROSS JOIN ModelDanychContainer.FormyPlatnosci f
WHERE p.Id IN (:parents)
  AND f.Aktywna = 1
