-- Sales prices (DefCeny); number 1 is the purchase price.
-- key: d.DfC_Lp int
-- :parents int
-- convert currency: currency_or_base
-- convert price_basis: price_basis
SELECT
    s.SYS_ID AS [parent_id],
    d.DfC_Lp AS [id],
    d.DfC_Nazwa AS [name],
    d.DfC_Waluta AS [currency],
    d.DfC_Typ AS [price_basis]
FROM CDN.SystemCDN s
CROSS JOIN CDN.DefCeny d
WHERE s.SYS_ID IN (:parents)
  AND d.DfC_Lp > 1
  AND COALESCE(d.DfC_Nieaktywna, 0) <> 1
