-- Receipts (305) that it was made of: they point to it (TrN_FaId).
-- key: p.TrN_TrNID int
-- :parents int
SELECT
    p.TrN_FaId AS [parent_id],
    p.TrN_TrNID AS [id],
    p.TrN_NumerPelny AS [number],
    p.TrN_DataDok AS [issue_date]
FROM CDN.TraNag p
WHERE p.TrN_FaId IN (:parents)
  AND p.TrN_TypDokumentu = 305
  AND p.TrN_Korekta = 0
