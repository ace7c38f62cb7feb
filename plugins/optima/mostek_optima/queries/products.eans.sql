-- Bar codes: that of the card, then those of TwrEan.
-- key: e.position bigint
-- :parents int
SELECT
    e.product AS [parent_id],
    e.code AS [code],
    e.unit AS [unit]
FROM (
    SELECT t.Twr_TwrId AS product, 0 AS position, t.Twr_EAN AS code, '' AS unit
    FROM CDN.Towary t
    WHERE t.Twr_TwrId IN (:parents) AND t.Twr_EAN > ''
    UNION ALL
    SELECT x.TwE_TwrID AS product, x.TwE_TwEId AS position, x.TwE_EAN AS code, COALESCE(NULLIF(x.TwE_JM, t.Twr_JM), '') AS unit
    FROM CDN.TwrEan x
    JOIN CDN.Towary t ON t.Twr_TwrId = x.TwE_TwrID
    WHERE x.TwE_TwrID IN (:parents) AND x.TwE_EAN > '' AND x.TwE_EAN <> t.Twr_EAN
) e
WHERE 1 = 1
