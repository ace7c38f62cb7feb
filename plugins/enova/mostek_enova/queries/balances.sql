-- What a contractor owes. How much of the credit limit is left the program counts itself; it is not stored.
-- key: k.ID int
-- :one_off nvarchar(100)
-- :ids int
-- convert as_of: now()
-- convert credit_limit: base_amount(_limit, _limit_currency)
SELECT
    k.ID AS [customer_id],
    CASE WHEN COALESCE(k.TypLimituKredytowego, 0) = 0 THEN k.LimitKredytuValue END AS [_limit],
    k.LimitKredytuSymbol AS [_limit_currency]
FROM dbo.Kontrahenci k
WHERE COALESCE(k.Kod, '') NOT IN (:one_off)
  AND k.ID IN (:ids)  --? ids
