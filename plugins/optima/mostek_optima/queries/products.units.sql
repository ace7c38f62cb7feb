-- Further units: those of TwrJMZ, and the bulk unit of the card if it is not among them. L base units are M of these.
-- key: u.position bigint
-- :parents int
-- convert factor: ratio(_many, _of)
SELECT
    u.product AS [parent_id],
    u.unit AS [unit],
    u.many AS [_many],
    u.of_these AS [_of]
FROM (
    SELECT t.Twr_TwrId AS product, 0 AS position, t.Twr_JMZ AS unit, t.Twr_JMPrzelicznikL AS many, t.Twr_JMPrzelicznikM AS of_these
    FROM CDN.Towary t
    WHERE t.Twr_TwrId IN (:parents) AND t.Twr_JMZ <> '' AND t.Twr_JMZ <> t.Twr_JM
      AND NOT EXISTS (SELECT 1 FROM CDN.TwrJMZ x WHERE x.TwJZ_TwrID = t.Twr_TwrId AND x.TwJZ_JM = t.Twr_JMZ)
    UNION ALL
    SELECT j.TwJZ_TwrID AS product, j.TwJZ_TwJZId AS position, j.TwJZ_JM AS unit, j.TwJZ_JMPrzelicznikL AS many, j.TwJZ_JMPrzelicznikM AS of_these
    FROM CDN.TwrJMZ j
    JOIN CDN.Towary t ON t.Twr_TwrId = j.TwJZ_TwrID
    WHERE j.TwJZ_TwrID IN (:parents) AND j.TwJZ_JM <> t.Twr_JM
      AND NOT EXISTS (
          SELECT 1 FROM CDN.TwrJMZ x
          WHERE x.TwJZ_TwrID = j.TwJZ_TwrID AND x.TwJZ_JM = j.TwJZ_JM AND x.TwJZ_TwJZId < j.TwJZ_TwJZId
      )
) u
WHERE 1 = 1
