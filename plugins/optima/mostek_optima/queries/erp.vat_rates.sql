-- VAT rates that products have: a list of rates is in no table that is known.
-- :parents int
-- convert code: vat_code(_flag, _rate)
-- convert percent: vat_percent(_flag, _rate)
SELECT
    s.SYS_ID AS [parent_id],
    r.flag AS [_flag],
    r.rate AS [_rate]
FROM CDN.SystemCDN s
CROSS JOIN (SELECT t.Twr_Flaga AS flag, t.Twr_Stawka AS rate FROM CDN.Towary t GROUP BY t.Twr_Flaga, t.Twr_Stawka) r
WHERE s.SYS_ID IN (:parents)
