-- Bar codes: that of the card, then those of KodyKreskowe.
-- key: e.position int
-- :parents int
SELECT
    e.product AS [parent_id],
    e.code AS [code]
FROM (
    SELECT t.ID AS product, 0 AS position, t.EAN AS code
    FROM dbo.Towary t
    WHERE t.ID IN (:parents) AND t.EAN > ''
    UNION ALL
    SELECT b.Zapis AS product, b.ID AS position, b.Kod AS code
    FROM dbo.KodyKreskowe b
    JOIN dbo.Towary t ON t.ID = b.Zapis
    WHERE b.ZapisType = 'Towary' AND b.Zapis IN (:parents) AND b.Kod > '' AND (t.EAN IS NULL OR b.Kod <> t.EAN)
) e
WHERE 1 = 1
