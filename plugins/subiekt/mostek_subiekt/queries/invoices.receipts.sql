-- The receipts that a retail invoice (FSd) repeats: dok_PowiazanieFsdPA, or the related document where nothing is there.
-- COALESCE keeps an index on the type from being taken: the parents' ids lead.
-- key: r.receipt int
-- :parents int
SELECT
    r.invoice AS [parent_id],
    o.dok_Id AS [id],
    o.dok_NrPelny AS [number],
    COALESCE(
        (SELECT n.ksefnr_NumerKSeF FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_Id = o.dok_NumerKSeFId),
        o.dok_NumerKSeF
    ) AS [ksef_number],
    o.dok_NumerKSeF AS [ksef_number],
    (SELECT n.ksefnr_NumerKSeF FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_Id = o.dok_NumerKSeFId) AS [ksef_number],
    o.dok_DataWyst AS [issue_date]
FROM (
    SELECT x.dfd_IdFS AS invoice, x.dfd_IdPA AS receipt
    FROM dbo.dok_PowiazanieFsdPA x
    WHERE x.dfd_IdFS IN (:parents) AND x.dfd_Typ = 21
    UNION ALL
    SELECT d.dok_Id AS invoice, d.dok_DoDokId AS receipt
    FROM dbo.dok__Dokument d
    WHERE d.dok_Id IN (:parents) AND COALESCE(d.dok_Typ, 0) = 2 AND COALESCE(d.dok_Podtyp, 0) = 1 AND d.dok_DoDokId IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM dbo.dok_PowiazanieFsdPA z WHERE z.dfd_IdFS = d.dok_Id AND z.dfd_Typ = 21)
) r
JOIN dbo.dok__Dokument o ON o.dok_Id = r.receipt
WHERE COALESCE(o.dok_Typ, 0) = 21
