-- What a contractor owes. How much of a credit limit is taken is counted here, from the open receivables in the currency
-- of the books.
-- key: p.Id int
-- :ids int
-- convert as_of: now()
SELECT
    p.Id AS [customer_id],
    CASE
        WHEN p.ZezwalajNaKredytKupiecki = 1 AND (p.Podmiot_WalutaLimitow_Id IS NULL OR w.KartotekaWalut_Id IS NOT NULL)
        THEN NULLIF(p.LimitKredytuKupieckiego, 0)
    END AS [credit_limit],
    CASE
        WHEN p.ZezwalajNaKredytKupiecki = 1 AND (p.Podmiot_WalutaLimitow_Id IS NULL OR w.KartotekaWalut_Id IS NOT NULL)
        THEN NULLIF(p.LimitKredytuKupieckiego, 0) - COALESCE((
            SELECT SUM(r.KwotaPozostala) FROM ModelDanychContainer.Rozrachunki r
            JOIN ModelDanychContainer.Waluty rw ON rw.Id = r.Waluta_Id AND rw.KartotekaWalut_Id IS NOT NULL
            WHERE r.Podmiot_Id = p.Id AND COALESCE(r.Typ, 0) = 1 AND COALESCE(r.Sciagalny, 1) = 1
        ), 0)
    END AS [credit_left]
FROM ModelDanychContainer.Podmioty p
LEFT JOIN ModelDanychContainer.Waluty w ON w.Id = p.Podmiot_WalutaLimitow_Id
WHERE COALESCE(p.Jednorazowy, 0) = 0
  AND (COALESCE(p.Typ, 0) <> 2 OR COALESCE(p.Podtyp, 0) <> 11)
  AND p.Kontrahent = 1  --? marked
  AND p.Id IN (:ids)  --? ids
