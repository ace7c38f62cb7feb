-- Lines (POZYCJA_ZAMOWIENIA). A price is final: discounts are in it.
-- key: q.ID_POZYCJI_ZAMOWIENIA bigint
-- :parents bigint
-- convert vat_rate.percent: vat_percent(vat_rate.percent, _vat_code)
-- convert net: net_value(_basis, _quantity, _net_price, _markup, _none)
-- convert gross: gross_value(_basis, _quantity, _gross_price, _markup, _none)
SELECT
    q.ID_ZAMOWIENIA AS [parent_id],
    ROW_NUMBER() OVER (PARTITION BY q.ID_ZAMOWIENIA ORDER BY q.ID_POZYCJI_ZAMOWIENIA) AS [line_number],
    t.ID_ARTYKULU AS [product_id],
    t.INDEKS_KATALOGOWY AS [product_code],
    COALESCE(NULLIF(t.NAZWA_CALA, ''), t.NAZWA) AS [name],
    z.OBLICZANIE_WG_CEN AS [_basis],
    q.ZAMOWIONO AS [quantity],
    q.ZAMOWIONO AS [_quantity],
    q.ZREALIZOWANO AS [fulfilled_quantity],
    q.JEDNOSTKA AS [unit],
    q.NARZUT AS [_markup],
    0 AS [_none],
    CASE WHEN CAST(z.DOK_WAL AS int) = 1 THEN q.CENA_NETTO_WAL ELSE q.CENA_NETTO END AS [net_price],
    CASE WHEN CAST(z.DOK_WAL AS int) = 1 THEN q.CENA_NETTO_WAL ELSE q.CENA_NETTO END AS [_net_price],
    CASE WHEN CAST(z.DOK_WAL AS int) = 1 THEN q.CENA_BRUTTO_WAL ELSE q.CENA_BRUTTO END AS [gross_price],
    CASE WHEN CAST(z.DOK_WAL AS int) = 1 THEN q.CENA_BRUTTO_WAL ELSE q.CENA_BRUTTO END AS [_gross_price],
    q.KOD_VAT AS [vat_rate.code],
    q.KOD_VAT AS [_vat_code],
    v.STAWKA AS [vat_rate.percent],
    m.ID_MAGAZYNU AS [warehouse.id],
    m.SYMBOL AS [warehouse.code],
    m.NAZWA AS [warehouse.name],
    q.OPIS AS [remark]
FROM dbo.POZYCJA_ZAMOWIENIA q
JOIN dbo.ZAMOWIENIE z ON z.ID_ZAMOWIENIA = q.ID_ZAMOWIENIA
LEFT JOIN dbo.ARTYKUL t ON t.ID_ARTYKULU = q.ID_ARTYKULU
LEFT JOIN dbo.STAWKA_VAT v ON v.KOD_VAT = q.KOD_VAT
LEFT JOIN dbo.MAGAZYN m ON m.ID_MAGAZYNU = z.ID_MAGAZYNU
WHERE q.ID_ZAMOWIENIA IN (:parents)
