-- Documents made of the order (TraNagRelacje), by their class: 302 FA, 305 PA, 306 WZ.
-- key: d.TrN_TrNID int
-- :parents int
-- :advance int
-- convert kind: whole
SELECT
    r.origin AS [parent_id],
    d.TrN_TrNID AS [id],
    CASE
        WHEN d.TrN_TypDokumentu = 302 AND d.TrN_Rodzaj IN (:advance) THEN 2
        WHEN d.TrN_TypDokumentu = 302 THEN 1
        WHEN d.TrN_TypDokumentu = 305 THEN 3
        WHEN d.TrN_TypDokumentu = 306 THEN 4
        ELSE 5
    END AS [kind],
    d.TrN_NumerPelny AS [number],
    d.TrN_NrKSeF AS [ksef_number],
    d.TrN_DataDok AS [issue_date]
FROM (
    SELECT x.TrR_TrNId AS origin, x.TrR_FaId AS document FROM CDN.TraNagRelacje x
    WHERE x.TrR_TrNId IN (:parents)
    GROUP BY x.TrR_TrNId, x.TrR_FaId
) r
JOIN CDN.TraNag d ON d.TrN_TrNID = r.document
WHERE d.TrN_Bufor = 0 AND d.TrN_Anulowany = 0
