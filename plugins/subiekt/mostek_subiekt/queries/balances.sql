-- What a contractor owes. How much of a credit limit is taken is counted here, from the open receivables in PLN.
-- key: k.kh_Id int
-- :ids int
-- convert as_of: now()
SELECT
    k.kh_Id AS [customer_id],
    NULLIF(k.kh_MaxWartKred, 0) AS [credit_limit],
    CASE WHEN k.kh_MaxWartKred <> 0 THEN k.kh_MaxWartKred - COALESCE(
        (
            SELECT SUM(f.nzf_Wartosc) FROM dbo.nz__Finanse f
            WHERE f.nzf_IdObiektu = k.kh_Id AND f.nzf_TypObiektu = 1 AND f.nzf_Typ = 39 AND f.nzf_Status <> 2
        ), 0
    ) END AS [credit_left]
FROM dbo.kh__Kontrahent k
WHERE k.kh_Jednorazowy = 0
  AND k.kh_Id IN (:ids)  --? ids
