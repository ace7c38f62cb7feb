-- Groups of contractors, which are just texts of theirs (Knt_Grupa).
-- :parents int
SELECT
    s.SYS_ID AS [parent_id],
    g.name AS [id],
    g.name AS [name]
FROM CDN.SystemCDN s
CROSS JOIN (SELECT k.Knt_Grupa AS name FROM CDN.Kontrahenci k WHERE k.Knt_Grupa <> '' GROUP BY k.Knt_Grupa) g
WHERE s.SYS_ID IN (:parents)
