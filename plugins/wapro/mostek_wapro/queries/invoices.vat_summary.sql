-- Sums of each VAT rate (INTER_DOKH_VAT).
-- :parents bigint
-- convert vat_rate.percent: vat_percent(vat_rate.percent, _vat_code)
-- convert gross: total(_net, _vat)
-- convert gross_pln: total(_net_pln, _vat_pln)
SELECT
    x.ID_DOKUMENTU_HANDLOWEGO AS [parent_id],
    x.KOD_VAT AS [vat_rate.code],
    x.KOD_VAT AS [_vat_code],
    v.STAWKA AS [vat_rate.percent],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN x.NETTO_WAL ELSE x.NETTO END AS [net],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN x.NETTO_WAL ELSE x.NETTO END AS [_net],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN x.VAT_WAL ELSE x.VAT END AS [vat],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN x.VAT_WAL ELSE x.VAT END AS [_vat],
    x.NETTO AS [net_pln],
    x.NETTO AS [_net_pln],
    x.VAT AS [vat_pln],
    x.VAT AS [_vat_pln]
FROM dbo.INTER_DOKH_VAT x
JOIN dbo.DOKUMENT_HANDLOWY h ON h.ID_DOKUMENTU_HANDLOWEGO = x.ID_DOKUMENTU_HANDLOWEGO
LEFT JOIN dbo.STAWKA_VAT v ON v.KOD_VAT = x.KOD_VAT
WHERE x.ID_DOKUMENTU_HANDLOWEGO IN (:parents)
