-- The document that a correction corrects.
-- :parents int
SELECT
    d.Id AS [parent_id],
    o.Id AS [id],
    o.NumerWewnetrzny_PelnaSygnatura AS [number],
    (SELECT MIN(k.Numer) FROM ModelDanychContainer.NumeryKSeFDokumentow k WHERE k.Dokument_Id = o.Id) AS [ksef_number],
    o.DataWprowadzenia AS [issue_date]
FROM ModelDanychContainer.Dokumenty d
JOIN ModelDanychContainer.Dokumenty o ON o.Id = d.DokumentKorygowanyId
WHERE d.Id IN (:parents)
