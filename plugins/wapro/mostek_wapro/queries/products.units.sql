-- Further units (JEDNOSTKA).
-- key: j.ID_JEDNOSTKI bigint
-- :parents bigint
SELECT
    j.ID_ARTYKULU AS [parent_id],
    j.SKROT AS [unit],
    j.PRZELICZNIK AS [factor]
FROM dbo.JEDNOSTKA j
JOIN dbo.ARTYKUL t ON t.ID_ARTYKULU = j.ID_ARTYKULU
WHERE j.ID_ARTYKULU IN (:parents)
  AND j.ID_JEDNOSTKI <> t.ID_JEDNOSTKI
