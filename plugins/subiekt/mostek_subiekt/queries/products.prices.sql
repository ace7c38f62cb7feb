-- The ten price levels: columns of tw_Cena, named in tw_Parametr. A level without a price is left out.
-- key: l.level int
-- :parents int
-- :price_list_id int
-- filter price_list_id reads price_list.id
-- convert currency: currency
SELECT
    c.tc_IdTowar AS [parent_id],
    l.level AS [price_list.id],
    CASE l.level
        WHEN 1 THEN p.twp_NazwaCeny1 WHEN 2 THEN p.twp_NazwaCeny2 WHEN 3 THEN p.twp_NazwaCeny3
        WHEN 4 THEN p.twp_NazwaCeny4 WHEN 5 THEN p.twp_NazwaCeny5 WHEN 6 THEN p.twp_NazwaCeny6
        WHEN 7 THEN p.twp_NazwaCeny7 WHEN 8 THEN p.twp_NazwaCeny8 WHEN 9 THEN p.twp_NazwaCeny9
        WHEN 10 THEN p.twp_NazwaCeny10
    END AS [price_list.name],
    CASE l.level
        WHEN 1 THEN c.tc_CenaNetto1 WHEN 2 THEN c.tc_CenaNetto2 WHEN 3 THEN c.tc_CenaNetto3 WHEN 4 THEN c.tc_CenaNetto4
        WHEN 5 THEN c.tc_CenaNetto5 WHEN 6 THEN c.tc_CenaNetto6 WHEN 7 THEN c.tc_CenaNetto7 WHEN 8 THEN c.tc_CenaNetto8
        WHEN 9 THEN c.tc_CenaNetto9 WHEN 10 THEN c.tc_CenaNetto10
    END AS [net],
    CASE l.level
        WHEN 1 THEN c.tc_CenaBrutto1 WHEN 2 THEN c.tc_CenaBrutto2 WHEN 3 THEN c.tc_CenaBrutto3 WHEN 4 THEN c.tc_CenaBrutto4
        WHEN 5 THEN c.tc_CenaBrutto5 WHEN 6 THEN c.tc_CenaBrutto6 WHEN 7 THEN c.tc_CenaBrutto7 WHEN 8 THEN c.tc_CenaBrutto8
        WHEN 9 THEN c.tc_CenaBrutto9 WHEN 10 THEN c.tc_CenaBrutto10
    END AS [gross],
    CASE l.level
        WHEN 1 THEN c.tc_IdWaluta1 WHEN 2 THEN c.tc_IdWaluta2 WHEN 3 THEN c.tc_IdWaluta3 WHEN 4 THEN c.tc_IdWaluta4
        WHEN 5 THEN c.tc_IdWaluta5 WHEN 6 THEN c.tc_IdWaluta6 WHEN 7 THEN c.tc_IdWaluta7 WHEN 8 THEN c.tc_IdWaluta8
        WHEN 9 THEN c.tc_IdWaluta9 WHEN 10 THEN c.tc_IdWaluta10
    END AS [currency]
FROM dbo.tw_Cena c
CROSS JOIN (
    SELECT 1 AS level UNION ALL
    SELECT 2 UNION ALL
    SELECT 3 UNION ALL
    SELECT 4 UNION ALL
    SELECT 5 UNION ALL
    SELECT 6 UNION ALL
    SELECT 7 UNION ALL
    SELECT 8 UNION ALL
    SELECT 9 UNION ALL
    SELECT 10
) l
LEFT JOIN dbo.tw_Parametr p ON p.twp_Id = (SELECT MIN(only.twp_Id) FROM dbo.tw_Parametr only)
WHERE c.tc_IdTowar IN (:parents)
  AND CASE l.level
        WHEN 1 THEN c.tc_CenaNetto1 WHEN 2 THEN c.tc_CenaNetto2 WHEN 3 THEN c.tc_CenaNetto3 WHEN 4 THEN c.tc_CenaNetto4
        WHEN 5 THEN c.tc_CenaNetto5 WHEN 6 THEN c.tc_CenaNetto6 WHEN 7 THEN c.tc_CenaNetto7 WHEN 8 THEN c.tc_CenaNetto8
        WHEN 9 THEN c.tc_CenaNetto9 WHEN 10 THEN c.tc_CenaNetto10
  END <> 0
  AND l.level = :price_list_id  --? price_list_id
