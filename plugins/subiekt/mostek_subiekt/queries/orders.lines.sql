-- Lines. How much of a line was fulfilled is not stored. Values in a foreign currency are not stored by line.
-- key: p.ob_DokHanLp int
-- :parents int
-- convert vat_rate.percent: vat_percent(vat_rate.percent, _vat_code)
-- convert vat_rate.country: country
SELECT
    p.ob_DokHanId AS [parent_id],
    p.ob_DokHanLp AS [line_number],
    t.tw_Id AS [product_id],
    t.tw_Symbol AS [product_code],
    COALESCE(t.tw_Nazwa, p.ob_Opis) AS [name],
    p.ob_Ilosc AS [quantity],
    p.ob_Jm AS [unit],
    CASE
        WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN p.ob_CenaNetto
        WHEN d.dok_CenyTyp <> 0 THEN p.ob_CenaWaluta
    END AS [net_price],
    CASE
        WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN p.ob_CenaBrutto
        WHEN d.dok_CenyTyp = 0 THEN p.ob_CenaWaluta
    END AS [gross_price],
    p.ob_Rabat AS [discount],
    v.vat_Symbol AS [vat_rate.code],
    v.vat_Symbol AS [_vat_code],
    p.ob_VatProc AS [vat_rate.percent],
    COALESCE(NULLIF(c.pa_KodPanstwaISO, ''), c.pa_KodPanstwaUE) AS [vat_rate.country],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN p.ob_WartNetto END AS [net],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN p.ob_WartVat END AS [vat],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN p.ob_WartBrutto END AS [gross],
    m.mag_Id AS [warehouse.id],
    m.mag_Symbol AS [warehouse.code],
    m.mag_Nazwa AS [warehouse.name],
    CASE WHEN t.tw_Id IS NOT NULL THEN p.ob_Opis END AS [remark]
FROM dbo.dok_Pozycja p
JOIN dbo.dok__Dokument d ON d.dok_Id = p.ob_DokHanId
LEFT JOIN dbo.tw__Towar t ON t.tw_Id = p.ob_TowId
LEFT JOIN dbo.sl_StawkaVAT v ON v.vat_Id = p.ob_VatId
LEFT JOIN dbo.sl_Panstwo c ON c.pa_Id = v.vat_IdPanstwo
LEFT JOIN dbo.sl_Magazyn m ON m.mag_Id = d.dok_MagId
WHERE p.ob_DokHanId IN (:parents)
