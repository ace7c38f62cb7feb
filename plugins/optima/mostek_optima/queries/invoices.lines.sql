-- Lines (TraElem), without the components of composite services. Prices are those before discount, of the base unit:
-- what they are per in a line of another unit is not known.
-- key: e.TrE_Lp int
-- :parents int
-- convert vat_rate.code: vat_code(_flag, vat_rate.percent)
-- convert vat_rate.percent: vat_percent(_flag, vat_rate.percent)
SELECT
    e.TrE_TrNId AS [parent_id],
    e.TrE_Lp AS [line_number],
    e.TrE_TwrId AS [product_id],
    e.TrE_TwrKod AS [product_code],
    e.TrE_TwrNazwa AS [name],
    CASE WHEN e.TrE_JmZ IN ('', e.TrE_Jm) THEN e.TrE_Ilosc ELSE e.TrE_IloscJM END AS [quantity],
    CASE WHEN e.TrE_JmZ IN ('', e.TrE_Jm) THEN e.TrE_Jm ELSE e.TrE_JmZ END AS [unit],
    CASE WHEN e.TrE_TypNB = 1 AND e.TrE_JmZ IN ('', e.TrE_Jm) THEN e.TrE_Cena0WD END AS [net_price],
    CASE WHEN e.TrE_TypNB = 2 AND e.TrE_JmZ IN ('', e.TrE_Jm) THEN e.TrE_Cena0WD END AS [gross_price],
    e.TrE_Rabat AS [discount],
    e.TrE_Flaga AS [_flag],
    e.TrE_Stawka AS [vat_rate.percent],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN e.TrE_WartoscNettoWal ELSE e.TrE_WartoscNetto END AS [net],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN e.TrE_WartoscBruttoWal ELSE e.TrE_WartoscBrutto END - CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN e.TrE_WartoscNettoWal ELSE e.TrE_WartoscNetto END AS [vat],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN e.TrE_WartoscBruttoWal ELSE e.TrE_WartoscBrutto END AS [gross],
    e.TrE_TwrSWW AS [pkwiu],
    e.TrE_KodCN AS [cn],
    e.TrE_TwrOpis AS [remark]
FROM CDN.TraElem e
JOIN CDN.TraNag h ON h.TrN_TrNID = e.TrE_TrNId
WHERE e.TrE_TrNId IN (:parents)
  AND e.TrE_UslugaZlozonaId = 0
