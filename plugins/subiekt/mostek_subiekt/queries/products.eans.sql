-- Bar codes: the main one of the card, then those of tw_KodKreskowy, whose quantity counts in the sales unit.
-- key: e.position int
-- :parents int
SELECT
    e.product AS [parent_id],
    e.code AS [code],
    e.unit AS [unit],
    e.quantity AS [quantity]
FROM (
    SELECT
        t.tw_Id AS product, 0 AS position, t.tw_PodstKodKresk AS code,
        CAST(NULL AS varchar(10)) AS unit, CAST(NULL AS money) AS quantity
    FROM dbo.tw__Towar t
    WHERE t.tw_Id IN (:parents) AND t.tw_PodstKodKresk > ''
    UNION ALL
    SELECT
        k.kk_IdTowar AS product, k.kk_Id AS position, k.kk_Kod AS code,
        NULLIF(t.tw_JednMiarySprz, t.tw_JednMiary) AS unit, k.kk_Ilosc AS quantity
    FROM dbo.tw_KodKreskowy k
    JOIN dbo.tw__Towar t ON t.tw_Id = k.kk_IdTowar
    WHERE k.kk_IdTowar IN (:parents) AND k.kk_Kod <> t.tw_PodstKodKresk
) e
WHERE 1 = 1
