-- Sums of each VAT rate (TraVat), without the settlement of advances (TrV_Typ 1).
-- key: v.TrV_TrVID int
-- :parents int
-- convert vat_rate.code: vat_code(_flag, vat_rate.percent)
-- convert vat_rate.percent: vat_percent(_flag, vat_rate.percent)
-- convert gross: total(_net, _vat)
-- convert gross_pln: total(_net_pln, _vat_pln)
SELECT
    v.TrV_TrNID AS [parent_id],
    v.TrV_Flaga AS [_flag],
    v.TrV_Stawka AS [vat_rate.percent],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN v.TrV_NettoWal ELSE v.TrV_Netto END AS [net],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN v.TrV_NettoWal ELSE v.TrV_Netto END AS [_net],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN v.TrV_VATWal ELSE v.TrV_VAT END AS [vat],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN v.TrV_VATWal ELSE v.TrV_VAT END AS [_vat],
    v.TrV_Netto AS [net_pln],
    v.TrV_Netto AS [_net_pln],
    v.TrV_VAT AS [vat_pln],
    v.TrV_VAT AS [_vat_pln]
FROM CDN.TraVat v
JOIN CDN.TraNag h ON h.TrN_TrNID = v.TrV_TrNID
WHERE v.TrV_TrNID IN (:parents)
  AND v.TrV_Typ = 0
