-- VAT rates (StawkiVat).
-- key: v.Id uniqueidentifier
-- :parents int
-- convert percent: vat_percent(percent, _code)
SELECT
    p.Id AS [parent_id],
    v.Symbol AS [code],
    v.Symbol AS [_code],
    v.Stawka AS [percent]
FROM ModelDanychContainer.Podmioty p
CROSS JOIN ModelDanychContainer.StawkiVat v
WHERE p.Id IN (:parents)
