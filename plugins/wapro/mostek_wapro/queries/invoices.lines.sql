-- Lines (POZYCJA_DOKUMENTU_MAGAZYNOWEGO). Values of lines are not stored: they are counted where no discount leaves open
-- what the price means. Lines of an invoice that was made of stock issues name the issue (DOKUMENT_MAGAZYNOWY): these are
-- asked where no line names the invoice itself.
-- key: p.ID_POZ_DOK_MAG bigint
-- :parents bigint
-- convert discount: only_discount(discount, _discount2, _discount3)
-- convert vat_rate.percent: vat_percent(vat_rate.percent, _vat_code)
-- convert net: net_value(_basis, _quantity, _net_price, _discount, _discount2, _discount3)
-- convert gross: gross_value(_basis, _quantity, _gross_price, _discount, _discount2, _discount3)
SELECT
    y.document AS [parent_id],
    ROW_NUMBER() OVER (PARTITION BY y.document ORDER BY p.ID_POZ_DOK_MAG) AS [line_number],
    t.ID_ARTYKULU AS [product_id],
    t.INDEKS_KATALOGOWY AS [product_code],
    COALESCE(NULLIF(t.NAZWA_CALA, ''), t.NAZWA) AS [name],
    h.OBLICZANIE_WG_CEN AS [_basis],
    p.ILOSC AS [quantity],
    p.ILOSC AS [_quantity],
    p.JEDNOSTKA AS [unit],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN p.CENA_NETTO_WAL ELSE p.CENA_NETTO END AS [net_price],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN p.CENA_NETTO_WAL ELSE p.CENA_NETTO END AS [_net_price],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN p.CENA_BRUTTO_WAL ELSE p.CENA_BRUTTO END AS [gross_price],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN p.CENA_BRUTTO_WAL ELSE p.CENA_BRUTTO END AS [_gross_price],
    p.RABAT AS [discount],
    p.RABAT AS [_discount],
    p.RABAT2 AS [_discount2],
    p.RABAT2_ZB AS [_discount3],
    p.KOD_VAT AS [vat_rate.code],
    p.KOD_VAT AS [_vat_code],
    v.STAWKA AS [vat_rate.percent],
    t.PKWIU AS [pkwiu],
    t.KOD_CN AS [cn],
    p.OPIS AS [remark]
FROM (
    SELECT d.ID_DOK_HANDLOWEGO AS document, d.ID_POZ_DOK_MAG AS line
    FROM dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO d
    WHERE d.ID_DOK_HANDLOWEGO IN (:parents)
    UNION ALL
    SELECT m.ID_DOKUMENTU_HANDLOWEGO AS document, i.ID_POZ_DOK_MAG AS line
    FROM dbo.DOKUMENT_MAGAZYNOWY m
    JOIN dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO i ON i.ID_DOK_MAGAZYNOWEGO = m.ID_DOK_MAGAZYNOWEGO
    WHERE m.ID_DOKUMENTU_HANDLOWEGO IN (:parents)
      AND COALESCE(i.ID_DOK_HANDLOWEGO, 0) = 0
      AND NOT EXISTS (
          SELECT 1 FROM dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO o
          WHERE o.ID_DOK_HANDLOWEGO = m.ID_DOKUMENTU_HANDLOWEGO
      )
) y
JOIN dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO p ON p.ID_POZ_DOK_MAG = y.line
JOIN dbo.DOKUMENT_HANDLOWY h ON h.ID_DOKUMENTU_HANDLOWEGO = y.document
LEFT JOIN dbo.ARTYKUL t ON t.ID_ARTYKULU = p.ID_ARTYKULU
LEFT JOIN dbo.STAWKA_VAT v ON v.KOD_VAT = p.KOD_VAT
WHERE 1 = 1
