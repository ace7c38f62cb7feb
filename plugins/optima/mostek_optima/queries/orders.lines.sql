-- Lines (TraElem). What was issued are rows of TraSElem below zero that point to the issue.
-- key: e.TrE_Lp int
-- :parents int
-- convert fulfilled_quantity: fulfilled(_issued, _state, _base, _printed)
-- convert vat_rate.code: vat_code(_flag, vat_rate.percent)
-- convert vat_rate.percent: vat_percent(_flag, vat_rate.percent)
SELECT
    e.TrE_TrNId AS [parent_id],
    e.TrE_Lp AS [line_number],
    e.TrE_TwrId AS [product_id],
    e.TrE_TwrKod AS [product_code],
    e.TrE_TwrNazwa AS [name],
    CASE WHEN e.TrE_JmZ IN ('', e.TrE_Jm) THEN e.TrE_Ilosc ELSE e.TrE_IloscJM END AS [quantity],
    (
        SELECT 0 - SUM(s.TrS_Ilosc) FROM CDN.TraSElem s
        WHERE s.TrS_TrEId = e.TrE_TrEID AND s.TrS_TrEIdWydania <> 0
    ) AS [_issued],
    h.TrN_ZwroconoCalaIlosc AS [_state],
    e.TrE_Ilosc AS [_base],
    CASE WHEN e.TrE_JmZ IN ('', e.TrE_Jm) THEN e.TrE_Ilosc ELSE e.TrE_IloscJM END AS [_printed],
    CASE WHEN e.TrE_JmZ IN ('', e.TrE_Jm) THEN e.TrE_Jm ELSE e.TrE_JmZ END AS [unit],
    CASE WHEN e.TrE_TypNB = 1 AND e.TrE_JmZ IN ('', e.TrE_Jm) THEN e.TrE_Cena0WD END AS [net_price],
    CASE WHEN e.TrE_TypNB = 2 AND e.TrE_JmZ IN ('', e.TrE_Jm) THEN e.TrE_Cena0WD END AS [gross_price],
    e.TrE_Rabat AS [discount],
    e.TrE_Flaga AS [_flag],
    e.TrE_Stawka AS [vat_rate.percent],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN e.TrE_WartoscNettoWal ELSE e.TrE_WartoscNetto END AS [net],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN e.TrE_WartoscBruttoWal ELSE e.TrE_WartoscBrutto END - CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN e.TrE_WartoscNettoWal ELSE e.TrE_WartoscNetto END AS [vat],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN e.TrE_WartoscBruttoWal ELSE e.TrE_WartoscBrutto END AS [gross],
    m.Mag_MagId AS [warehouse.id],
    m.Mag_Symbol AS [warehouse.code],
    m.Mag_Nazwa AS [warehouse.name],
    e.TrE_TwrOpis AS [remark]
FROM CDN.TraElem e
JOIN CDN.TraNag h ON h.TrN_TrNID = e.TrE_TrNId
LEFT JOIN CDN.Magazyny m ON m.Mag_MagId = e.TrE_MagId
WHERE e.TrE_TrNId IN (:parents)
  AND e.TrE_UslugaZlozonaId = 0
