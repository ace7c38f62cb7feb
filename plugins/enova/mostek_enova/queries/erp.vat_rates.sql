-- VAT rates (DefStawekVat) in use. A rate of 0 % and an exempt one both have the percentage 0: the status tells.
-- key: v.ID int
-- :parents int
-- convert percent: rate_percent(_percent, _status)
SELECT
    c.id AS [parent_id],
    v.Kod AS [code],
    v.StawkaProcent AS [_percent],
    v.StawkaStatus AS [_status]
FROM (SELECT 1 AS id) c
CROSS JOIN dbo.DefStawekVat v
WHERE c.id IN (:parents)
  AND COALESCE(CAST(v.Zablokowane AS int), 0) = 0
