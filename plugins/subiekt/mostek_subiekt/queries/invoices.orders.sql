-- Orders (ZK) that it was made of: sources do not agree which of the two holds the other's id, so both are asked.
-- COALESCE keeps an index on the type from being taken: the parents' ids lead.
-- key: o.dok_Id int
-- :parents int
SELECT
    r.document AS [parent_id],
    o.dok_Id AS [id],
    o.dok_NrPelny AS [number],
    o.dok_DataWyst AS [issue_date]
FROM (
    SELECT d.dok_Id AS document, d.dok_DoDokId AS related
    FROM dbo.dok__Dokument d
    WHERE d.dok_Id IN (:parents) AND d.dok_DoDokId IS NOT NULL
    UNION ALL
    SELECT z.dok_DoDokId AS document, z.dok_Id AS related
    FROM dbo.dok__Dokument z
    JOIN dbo.dok__Dokument d ON d.dok_Id = z.dok_DoDokId
    WHERE z.dok_DoDokId IN (:parents) AND (d.dok_DoDokId IS NULL OR d.dok_DoDokId <> z.dok_Id)
) r
JOIN dbo.dok__Dokument o ON o.dok_Id = r.related
WHERE COALESCE(o.dok_Typ, 0) = 16
