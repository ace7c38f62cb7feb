-- What a contractor owes. How much of a credit limit is taken is the program's own count.
-- key: k.Knt_KntId int
-- :one_off varchar(20)
-- :ids int
-- convert as_of: now()
SELECT
    k.Knt_KntId AS [customer_id],
    CASE WHEN k.Knt_LimitFlag = 1 AND k.Knt_LimitKredytuWal IN ('', 'PLN') THEN k.Knt_LimitKredytu END AS [credit_limit],
    CASE WHEN k.Knt_LimitFlag = 1 AND k.Knt_LimitKredytuWal IN ('', 'PLN') THEN k.Knt_LimitKredytu - k.Knt_LimitKredytuWykorzystany END AS [credit_left]
FROM CDN.Kontrahenci k
WHERE k.Knt_Kod NOT LIKE :one_off
  AND k.Knt_KntId IN (:ids)  --? ids
