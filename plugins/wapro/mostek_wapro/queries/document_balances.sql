-- What a contractor owes. How much of a credit limit is taken is counted here, from the open documents in PLN.
-- key: k.ID_KONTRAHENTA bigint
-- :company int
-- :proforma varchar(5)
-- :ids bigint
-- convert as_of: now()
SELECT
    k.ID_KONTRAHENTA AS [customer_id],
    NULLIF(k.LIMIT_KUPIECKI, 0) AS [credit_limit],
    CASE WHEN k.LIMIT_KUPIECKI <> 0 THEN k.LIMIT_KUPIECKI - COALESCE(
        (
            SELECT SUM(h.POZOSTALO) FROM dbo.DOKUMENT_HANDLOWY h
            LEFT JOIN dbo.TYP_DOKUMENTU_HANDLOWEGO t ON t.ID_TYPU = h.ID_TYPU
            WHERE h.ID_FIRMY = :company
              AND h.ID_PLATNIKA = k.ID_KONTRAHENTA
              AND h.POZOSTALO > 0
              AND h.TYP_DOKUMENTU = 's'
              AND COALESCE(CAST(h.TRYBREJESTRACJI AS int), 0) = 0
              AND COALESCE(h.FLAGA_STANU, 0) = 0
              AND COALESCE(t.SYGNATURA, '') NOT IN (:proforma)
        ), 0
    ) END AS [credit_left]
FROM dbo.KONTRAHENT k
WHERE COALESCE(k.ID_FIRMY, 0) = :company
  AND COALESCE(k.Incydentalny, 0) = 0
  AND k.ID_KONTRAHENTA IN (:ids)  --? ids
