-- Documents made of the order: those below it in RelacjeHandlowe that are approved.
-- key: o.ID int
-- :parents int
-- :receipt int
-- :advance int
-- convert kind: whole
-- convert issue_date: day
SELECT
    y.document AS [parent_id],
    o.ID AS [id],
    CASE
        WHEN o.Kategoria = 2 AND o.Definicja IN (:receipt) THEN 3
        WHEN o.Kategoria = 2 AND o.Definicja IN (:advance) THEN 2
        WHEN o.Kategoria = 2 THEN 1
        WHEN o.Kategoria = 104 THEN 4
        ELSE 5
    END AS [kind],
    o.NumerPelny AS [number],
    (SELECT q.NumerDokumentuKSeF FROM dbo.KSeFKomunikaty q WHERE q.ID = o.KSeFKomunikat AND q.RodzajKonta = 1) AS [ksef_number],
    o.Data AS [issue_date]
FROM (
    SELECT w.Nadrzedny AS document, w.Podrzedny AS origin
    FROM dbo.RelacjeHandlowe w
    WHERE w.Nadrzedny IN (:parents)
    GROUP BY w.Nadrzedny, w.Podrzedny
) y
JOIN dbo.DokHandlowe o ON o.ID = y.origin
WHERE o.Stan IN (1, 2)
