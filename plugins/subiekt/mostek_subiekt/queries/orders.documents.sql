-- Documents made of an order: sources do not agree which of the two holds the other's id, so both are asked.
-- COALESCE keeps an index on the type from being taken: the parents' ids lead.
-- key: o.dok_Id int
-- :parents int
-- convert kind: order_document_kind(_type, _subtype)
SELECT
    r.document AS [parent_id],
    o.dok_Id AS [id],
    o.dok_Typ AS [_type],
    o.dok_Podtyp AS [_subtype],
    o.dok_NrPelny AS [number],
    COALESCE(
        (SELECT n.ksefnr_NumerKSeF FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_Id = o.dok_NumerKSeFId),
        o.dok_NumerKSeF
    ) AS [ksef_number],
    o.dok_NumerKSeF AS [ksef_number],
    (SELECT n.ksefnr_NumerKSeF FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_Id = o.dok_NumerKSeFId) AS [ksef_number],
    o.dok_DataWyst AS [issue_date]
FROM (
    SELECT z.dok_DoDokId AS document, z.dok_Id AS related
    FROM dbo.dok__Dokument z
    WHERE z.dok_DoDokId IN (:parents)
    UNION ALL
    SELECT d.dok_Id AS document, d.dok_DoDokId AS related
    FROM dbo.dok__Dokument d
    JOIN dbo.dok__Dokument z ON z.dok_Id = d.dok_DoDokId
    WHERE d.dok_Id IN (:parents) AND (z.dok_DoDokId IS NULL OR z.dok_DoDokId <> d.dok_Id)
) r
JOIN dbo.dok__Dokument o ON o.dok_Id = r.related
WHERE COALESCE(o.dok_Typ, 0) IN (2, 11, 21, 62)
  AND o.dok_Status <> 2
