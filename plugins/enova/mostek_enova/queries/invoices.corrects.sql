-- The documents that a correction corrects (RelacjeHandlowe of the type 1: the one corrected is above).
-- key: o.ID int
-- :parents int
-- convert issue_date: day
SELECT
    w.Podrzedny AS [parent_id],
    o.ID AS [id],
    o.NumerPelny AS [number],
    (SELECT q.NumerDokumentuKSeF FROM dbo.KSeFKomunikaty q WHERE q.ID = o.KSeFKomunikat AND q.RodzajKonta = 1) AS [ksef_number],
    o.Data AS [issue_date]
FROM dbo.RelacjeHandlowe w
JOIN dbo.DokHandlowe d ON d.ID = w.Podrzedny AND d.Kategoria = 3
JOIN dbo.DokHandlowe o ON o.ID = w.Nadrzedny
WHERE w.Podrzedny IN (:parents)
  AND w.Typ = 1
