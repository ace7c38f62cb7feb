-- Bar codes: that of the card, then those of KOD_KRESKOWY.
-- key: e.position bigint
-- :parents bigint
SELECT
    e.product AS [parent_id],
    e.code AS [code],
    j.SKROT AS [unit],
    e.quantity AS [quantity]
FROM (
    SELECT
        t.ID_ARTYKULU AS product, 0 AS position, t.KOD_KRESKOWY AS code,
        CAST(NULL AS bigint) AS unit, CAST(NULL AS decimal(16, 4)) AS quantity
    FROM dbo.ARTYKUL t
    WHERE t.ID_ARTYKULU IN (:parents) AND t.KOD_KRESKOWY > ''
    UNION ALL
    SELECT
        k.ID_ARTYKULU AS product, k.ID_KODU_KRESKOWEGO AS position, k.KOD_KRESKOWY AS code,
        NULLIF(k.ID_JEDNOSTKI, t.ID_JEDNOSTKI) AS unit, k.DOM_ILOSC AS quantity
    FROM dbo.KOD_KRESKOWY k
    JOIN dbo.ARTYKUL t ON t.ID_ARTYKULU = k.ID_ARTYKULU
    WHERE k.ID_ARTYKULU IN (:parents) AND (t.KOD_KRESKOWY IS NULL OR k.KOD_KRESKOWY <> t.KOD_KRESKOWY)
) e
LEFT JOIN dbo.JEDNOSTKA j ON j.ID_JEDNOSTKI = e.unit
WHERE 1 = 1
