-- Lines. A correction has each line it corrects twice: as the difference (ob_Status 1), which its totals sum, and as it
-- is afterwards (2), which is left out. Values in a foreign currency are not stored by line.
-- key: p.ob_DokHanLp int
-- :parents int
-- convert quantity: signed(quantity, _sign)
-- convert vat_rate.percent: vat_percent(vat_rate.percent, _vat_code)
-- convert vat_rate.country: country
-- convert gtu: gtu
SELECT
    p.ob_DokHanId AS [parent_id],
    p.ob_DokHanLp AS [line_number],
    t.tw_Id AS [product_id],
    t.tw_Symbol AS [product_code],
    COALESCE(t.tw_Nazwa, p.ob_Opis) AS [name],
    p.ob_Ilosc AS [quantity],
    p.ob_Znak AS [_sign],
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
    p.ob_OznaczenieGTU AS [gtu],
    p.ob_TowPkwiu AS [pkwiu],
    p.ob_TowKodCN AS [cn],
    CASE WHEN t.tw_Id IS NOT NULL THEN p.ob_Opis END AS [remark]
FROM dbo.dok_Pozycja p
JOIN dbo.dok__Dokument d ON d.dok_Id = p.ob_DokHanId
LEFT JOIN dbo.tw__Towar t ON t.tw_Id = p.ob_TowId
LEFT JOIN dbo.sl_StawkaVAT v ON v.vat_Id = p.ob_VatId
LEFT JOIN dbo.sl_Panstwo c ON c.pa_Id = v.vat_IdPanstwo
WHERE p.ob_DokHanId IN (:parents)
  AND COALESCE(p.ob_Status, 0) = CASE WHEN d.dok_Typ IN (6, 67) THEN 1 ELSE 0 END
