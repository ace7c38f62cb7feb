-- What a contractor owes. How much of a credit limit is taken is counted here, from the open receivables in PLN.
-- key: k.ID_KONTRAHENTA bigint
-- :company int
-- :contractor_cards char(1)
-- :ids bigint
-- convert as_of: now()
SELECT
    k.ID_KONTRAHENTA AS [customer_id],
    NULLIF(k.LIMIT_KUPIECKI, 0) AS [credit_limit],
    CASE WHEN k.LIMIT_KUPIECKI <> 0 THEN k.LIMIT_KUPIECKI - COALESCE(
        (
            SELECT SUM(ABS(r.POZOSTALO)) FROM dbo.ROZRACHUNEK r
            LEFT JOIN dbo.DOKUMENT_HANDLOWY h ON h.ID_DOKUMENTU_HANDLOWEGO = r.ID_NAG_DOK_M AND r.TYP_DOK = 'h'
            WHERE r.ID_KONTRAHENTA = k.ID_KONTRAHENTA
              AND COALESCE(r.ID_FIRMY, 0) = :company
              AND r.STRONA = 'WN' AND r.RODZAJ = 'N'
              AND (r.TYP_KARTOTEKI IN (:contractor_cards) OR '*' IN (:contractor_cards))
              AND COALESCE(r.FLAGA_STANU, 0) = 0
              AND (h.ID_DOKUMENTU_HANDLOWEGO IS NULL OR h.TYP_DOKUMENTU = 's')
        ), 0
    ) END AS [credit_left]
FROM dbo.KONTRAHENT k
WHERE COALESCE(k.ID_FIRMY, 0) = :company
  AND COALESCE(k.Incydentalny, 0) = 0
  AND k.ID_KONTRAHENTA IN (:ids)  --? ids
