-- The document that a correction corrects; its id is absent if it is not in the database (KFSn).
-- COALESCE keeps an index on the type from being taken: the parents' ids lead.
-- :parents int
SELECT
    d.dok_Id AS [parent_id],
    d.dok_DoDokId AS [id],
    d.dok_DoDokNrPelny AS [number],
    COALESCE(
        (SELECT n.ksefnr_NumerKSeF FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_Id = d.dok_DoNumerKSeFId),
        d.dok_DoNumerKSeF
    ) AS [ksef_number],
    d.dok_DoNumerKSeF AS [ksef_number],
    (SELECT n.ksefnr_NumerKSeF FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_Id = d.dok_DoNumerKSeFId) AS [ksef_number],
    d.dok_DoDokDataWyst AS [issue_date]
FROM dbo.dok__Dokument d
WHERE d.dok_Id IN (:parents)
  AND COALESCE(d.dok_Typ, 0) IN (6, 67)
  AND (d.dok_DoDokId IS NOT NULL OR d.dok_DoDokNrPelny > '')
