-- Sums of each VAT rate (TabeleVat), in the document's currency and in that of the books.
-- :parents int
-- convert vat_rate.percent: vat_percent(vat_rate.percent, _vat_code)
SELECT
    x.Dokument_Id AS [parent_id],
    v.Symbol AS [vat_rate.code],
    v.Symbol AS [_vat_code],
    v.Stawka AS [vat_rate.percent],
    x.WartoscNetto AS [net],
    x.WartoscVat AS [vat],
    x.WartoscBrutto AS [gross],
    x.WartoscNettoSystemowa AS [net_pln],
    x.WartoscVatSystemowa AS [vat_pln],
    x.WartoscBruttoSystemowa AS [gross_pln]
FROM ModelDanychContainer.TabeleVat x
LEFT JOIN ModelDanychContainer.StawkiVat v ON v.Id = x.StawkaVat_Id
WHERE x.Dokument_Id IN (:parents)
