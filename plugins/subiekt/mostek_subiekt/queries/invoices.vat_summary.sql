-- Sums of each VAT rate (dok_Vat); of a correction, the difference.
-- key: x.vt_Id int
-- :parents int
-- convert vat_rate.percent: vat_percent(vat_rate.percent, _vat_code)
-- convert vat_rate.country: country
SELECT
    x.vt_DokId AS [parent_id],
    v.vat_Symbol AS [vat_rate.code],
    v.vat_Symbol AS [_vat_code],
    x.vt_VatProc AS [vat_rate.percent],
    COALESCE(NULLIF(c.pa_KodPanstwaISO, ''), c.pa_KodPanstwaUE) AS [vat_rate.country],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN x.vt_WartNetto ELSE x.vt_WartNettoWaluta END AS [net],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN x.vt_WartNetto END AS [net],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN x.vt_WartVat ELSE x.vt_WartVatWaluta END AS [vat],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN x.vt_WartVat END AS [vat],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN x.vt_WartBrutto ELSE x.vt_WartBruttoWaluta END AS [gross],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN x.vt_WartBrutto END AS [gross],
    x.vt_WartNetto AS [net_pln],
    x.vt_WartVat AS [vat_pln],
    x.vt_WartBrutto AS [gross_pln]
FROM dbo.dok_Vat x
JOIN dbo.dok__Dokument d ON d.dok_Id = x.vt_DokId
LEFT JOIN dbo.sl_StawkaVAT v ON v.vat_Id = x.vt_VatId
LEFT JOIN dbo.sl_Panstwo c ON c.pa_Id = v.vat_IdPanstwo
WHERE x.vt_DokId IN (:parents)
