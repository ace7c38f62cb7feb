-- The document that a correction corrects (TrN_ZwrId).
-- :parents int
SELECT
    h.TrN_TrNID AS [parent_id],
    c.TrN_TrNID AS [id],
    c.TrN_NumerPelny AS [number],
    c.TrN_NrKSeF AS [ksef_number],
    c.TrN_DataDok AS [issue_date]
FROM CDN.TraNag h
JOIN CDN.TraNag c ON c.TrN_TrNID = h.TrN_ZwrId
WHERE h.TrN_TrNID IN (:parents)
  AND h.TrN_Korekta <> 0
