-- Price levels that have a name (tw_Parametr). The default is that of new orders (dok_Parametr of ZK).
-- key: l.level int
-- :parents int
SELECT
    c.pd_Id AS [parent_id],
    l.level AS [id],
    CASE l.level
        WHEN 1 THEN p.twp_NazwaCeny1 WHEN 2 THEN p.twp_NazwaCeny2 WHEN 3 THEN p.twp_NazwaCeny3
        WHEN 4 THEN p.twp_NazwaCeny4 WHEN 5 THEN p.twp_NazwaCeny5 WHEN 6 THEN p.twp_NazwaCeny6
        WHEN 7 THEN p.twp_NazwaCeny7 WHEN 8 THEN p.twp_NazwaCeny8 WHEN 9 THEN p.twp_NazwaCeny9
        WHEN 10 THEN p.twp_NazwaCeny10
    END AS [name],
    CASE WHEN l.level = (
        SELECT MIN(z.dkp_CenyPoziom) FROM dbo.dok_Parametr z
        WHERE z.dkp_Typ = 16 AND z.dkp_Podtyp = 0 AND z.dkp_DefiniowalnyId = 0
    ) THEN 1 ELSE 0 END AS [is_default]
FROM dbo.pd__Podmiot c
CROSS JOIN (
    SELECT 1 AS level UNION ALL
    SELECT 2 UNION ALL
    SELECT 3 UNION ALL
    SELECT 4 UNION ALL
    SELECT 5 UNION ALL
    SELECT 6 UNION ALL
    SELECT 7 UNION ALL
    SELECT 8 UNION ALL
    SELECT 9 UNION ALL
    SELECT 10
) l
JOIN dbo.tw_Parametr p ON p.twp_Id = (SELECT MIN(only.twp_Id) FROM dbo.tw_Parametr only)
WHERE c.pd_Id IN (:parents)
  AND CASE l.level
        WHEN 1 THEN p.twp_NazwaCeny1 WHEN 2 THEN p.twp_NazwaCeny2 WHEN 3 THEN p.twp_NazwaCeny3
        WHEN 4 THEN p.twp_NazwaCeny4 WHEN 5 THEN p.twp_NazwaCeny5 WHEN 6 THEN p.twp_NazwaCeny6
        WHEN 7 THEN p.twp_NazwaCeny7 WHEN 8 THEN p.twp_NazwaCeny8 WHEN 9 THEN p.twp_NazwaCeny9
        WHEN 10 THEN p.twp_NazwaCeny10
  END > ''
