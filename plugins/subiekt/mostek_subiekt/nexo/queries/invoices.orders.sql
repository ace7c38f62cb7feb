-- Orders that a document realises (DokumentDokument).
-- key: o.Id int
-- :parents int
-- :order nvarchar(16)
SELECT
    l.DokumentyRealizujace_Id AS [parent_id],
    o.Id AS [id],
    o.NumerWewnetrzny_PelnaSygnatura AS [number],
    o.DataWprowadzenia AS [issue_date]
FROM ModelDanychContainer.DokumentDokument l
JOIN ModelDanychContainer.Dokumenty o ON o.Id = l.DokumentyRealizowane_Id
WHERE l.DokumentyRealizujace_Id IN (:parents)
  AND COALESCE(o.Symbol, '') IN (:order)
