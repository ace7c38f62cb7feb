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
            WHERE h.ID_DOKUMENTU_HANDLOWEGO IN (
                SELECT x.ID_DOKUMENTU_HANDLOWEGO FROM dbo.DOKUMENT_HANDLOWY x
                WHERE x.ID_FIRMY = :company AND x.ID_PLATNIKA = k.ID_KONTRAHENTA
                UNION ALL
                SELECT x.ID_DOKUMENTU_HANDLOWEGO FROM dbo.DOKUMENT_HANDLOWY x
                WHERE x.ID_FIRMY = :company AND x.ID_KONTRAHENTA = k.ID_KONTRAHENTA AND COALESCE(x.ID_PLATNIKA, 0) = 0
            )
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
