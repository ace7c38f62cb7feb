-- VAT rates (sl_StawkaVAT) that the program shows.
-- key: v.vat_Id int
-- :parents int
-- convert percent: vat_percent(percent, _code)
-- convert country: country
SELECT
    c.pd_Id AS [parent_id],
    v.vat_Symbol AS [code],
    v.vat_Symbol AS [_code],
    v.vat_Stawka AS [percent],
    COALESCE(NULLIF(p.pa_KodPanstwaISO, ''), p.pa_KodPanstwaUE) AS [country]
FROM dbo.pd__Podmiot c
CROSS JOIN dbo.sl_StawkaVAT v
LEFT JOIN dbo.sl_Panstwo p ON p.pa_Id = v.vat_IdPanstwo
WHERE c.pd_Id IN (:parents)
  AND v.vat_CzyWidoczna = 1
