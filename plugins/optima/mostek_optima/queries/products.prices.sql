-- Sales prices (TwrCeny) of the lists in use (DefCeny, by its number); 0 is none. TwC_Typ tells whether one is net or
-- gross: the other is computed. Number 1 is the purchase price.
-- key: c.TwC_TwCNumer int
-- :parents int
-- :price_list_id int
-- filter price_list_id reads price_list.id
-- convert net: net_price(_type, _price, _flag, _rate)
-- convert gross: gross_price(_type, _price, _flag, _rate)
-- convert currency: currency_or_base
SELECT
    c.TwC_TwrID AS [parent_id],
    d.DfC_Lp AS [price_list.id],
    d.DfC_Nazwa AS [price_list.name],
    c.TwC_Typ AS [_type],
    c.TwC_Wartosc AS [_price],
    t.Twr_Flaga AS [_flag],
    t.Twr_Stawka AS [_rate],
    c.TwC_Waluta AS [currency]
FROM CDN.TwrCeny c
JOIN CDN.Towary t ON t.Twr_TwrId = c.TwC_TwrID
JOIN CDN.DefCeny d ON d.DfC_Lp = c.TwC_TwCNumer
WHERE c.TwC_TwrID IN (:parents)
  AND d.DfC_Lp > 1
  AND COALESCE(d.DfC_Nieaktywna, 0) <> 1
  AND c.TwC_Wartosc <> 0
  AND d.DfC_Lp = :price_list_id  --? price_list_id
