-- Further units (tw_JednMiary); the base unit is in the product itself.
-- key: j.jm_Id int
-- :parents int
SELECT
    j.jm_IdTowar AS [parent_id],
    j.jm_IdJednMiary AS [unit],
    j.jm_Przelicznik AS [factor]
FROM dbo.tw_JednMiary j
JOIN dbo.tw__Towar t ON t.tw_Id = j.jm_IdTowar
WHERE j.jm_IdTowar IN (:parents)
  AND j.jm_IdJednMiary <> t.tw_JednMiary
