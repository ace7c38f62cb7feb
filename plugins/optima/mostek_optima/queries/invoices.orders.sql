-- Orders (308) that it was made of (TraNagRelacje).
-- key: o.TrN_TrNID int
-- :parents int
SELECT
    r.invoice AS [parent_id],
    o.TrN_TrNID AS [id],
    o.TrN_NumerPelny AS [number],
    o.TrN_DataDok AS [issue_date]
FROM (
    SELECT x.TrR_FaId AS invoice, x.TrR_TrNId AS origin FROM CDN.TraNagRelacje x
    WHERE x.TrR_FaId IN (:parents)
    GROUP BY x.TrR_FaId, x.TrR_TrNId
) r
JOIN CDN.TraNag o ON o.TrN_TrNID = r.origin AND o.TrN_TypDokumentu = 308
WHERE 1 = 1
