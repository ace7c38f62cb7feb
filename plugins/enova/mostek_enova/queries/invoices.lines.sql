-- Lines (PozycjeDokHan) that are not cancelled. Values are those stored, after the discount; prices are before it, net or
-- gross as the document is counted. Of a document in a foreign currency only the value that it is counted from is known.
-- key: p.Lp int
-- :parents int
-- convert net_price: if_net(_price, _basis)
-- convert gross_price: if_gross(_price, _basis)
-- convert discount: fraction_percent
-- convert vat_rate.percent: rate_percent(_percent, _status)
-- convert net: line_net(_net, _value, _basis, _currency)
-- convert vat: base_amount(_vat, _currency)
-- convert gross: line_gross(_gross, _value, _basis, _currency)
SELECT
    p.Dokument AS [parent_id],
    p.Lp AS [line_number],
    t.ID AS [product_id],
    t.Kod AS [product_code],
    COALESCE(NULLIF(p.Nazwa, ''), t.Nazwa) AS [name],
    p.IloscValue AS [quantity],
    p.IloscSymbol AS [unit],
    p.SWW AS [pkwiu],
    d.LiczonaOd AS [_basis],
    COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') AS [_currency],
    CASE WHEN COALESCE(NULLIF(p.CenaSymbol, ''), 'PLN') = COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') THEN p.CenaValue END AS [_price],
    CASE WHEN COALESCE(NULLIF(p.WartoscCySymbol, ''), 'PLN') = COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') THEN p.WartoscCyValue END AS [_value],
    p.Rabat AS [discount],
    v.Kod AS [vat_rate.code],
    p.StawkaProcent AS [_percent],
    p.StawkaStatus AS [_status],
    p.SumaNetto AS [_net],
    p.SumaVAT AS [_vat],
    p.SumaBrutto AS [_gross],
    p.Opis AS [remark]
FROM dbo.PozycjeDokHan p
JOIN dbo.DokHandlowe d ON d.ID = p.Dokument
LEFT JOIN dbo.Towary t ON t.ID = p.Towar
LEFT JOIN dbo.DefStawekVat v ON v.ID = p.DefinicjaStawki
WHERE p.Dokument IN (:parents)
  AND COALESCE(p.StatusPozycji, 0) = 0
  AND d.Kategoria <> 3  --? without_corrections
