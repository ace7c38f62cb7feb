-- Documents that realise an order (DokumentDokument) and are not void.
-- key: d.Id int
-- :parents int
-- :sales nvarchar(16)
-- :receipt nvarchar(16)
-- :advance nvarchar(16)
-- :stock_issue nvarchar(16)
-- convert kind: whole
SELECT
    l.DokumentyRealizowane_Id AS [parent_id],
    d.Id AS [id],
    CASE WHEN d.Symbol IN (:advance) THEN 2 WHEN d.Symbol IN (:receipt) THEN 3 WHEN d.Symbol IN (:sales) THEN 1 WHEN d.Symbol IN (:stock_issue) THEN 4 ELSE 5 END AS [kind],
    d.NumerWewnetrzny_PelnaSygnatura AS [number],
    (SELECT MIN(k.Numer) FROM ModelDanychContainer.NumeryKSeFDokumentow k WHERE k.Dokument_Id = d.Id) AS [ksef_number],
    d.DataWprowadzenia AS [issue_date]
FROM ModelDanychContainer.DokumentDokument l
JOIN ModelDanychContainer.Dokumenty d ON d.Id = l.DokumentyRealizujace_Id
LEFT JOIN ModelDanychContainer.StatusyDokumentow st ON st.Id = d.StatusDokumentuId
WHERE l.DokumentyRealizowane_Id IN (:parents)
  AND COALESCE(st.Uniewazniony, 0) = 0
