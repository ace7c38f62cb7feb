-- Sums of each VAT rate (SumyVAT).
-- key: x.ID int
-- :parents int
-- convert vat_rate.percent: rate_percent(_percent, _status)
SELECT
    x.Dokument AS [parent_id],
    v.Kod AS [vat_rate.code],
    x.StawkaProcent AS [_percent],
    x.StawkaStatus AS [_status],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN x.SumaNetto ELSE x.SumaCyNettoCyValue END AS [net],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN x.SumaNetto END AS [net],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN x.SumaVAT ELSE x.SumaCyVATCyValue END AS [vat],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN x.SumaVAT END AS [vat],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN x.SumaBrutto ELSE x.SumaCyBruttoCyValue END AS [gross],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN x.SumaBrutto END AS [gross],
    x.SumaNetto AS [net_pln],
    x.SumaVAT AS [vat_pln],
    x.SumaBrutto AS [gross_pln]
FROM dbo.SumyVAT x
JOIN dbo.DokHandlowe d ON d.ID = x.Dokument
LEFT JOIN dbo.DefStawekVat v ON v.ID = x.DefinicjaStawki
WHERE x.Dokument IN (:parents)
