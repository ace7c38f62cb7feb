-- Bar codes (KodyKreskowe) of a product's units: that of the base unit first. Codes of deposits are left out.
-- key: e.position int
-- :parents int
SELECT
    e.product AS [parent_id],
    e.code AS [code],
    e.unit AS [unit]
FROM (
    SELECT
        j.Asortyment_Id AS product,
        k.Kod AS code,
        CASE WHEN j.AsortymentPodstawowej_Id IS NULL THEN u.Symbol END AS unit,
        ROW_NUMBER() OVER (
            ORDER BY
                CASE WHEN j.AsortymentPodstawowej_Id IS NOT NULL AND k.JednostkaMiaryAsortymentuZKodemPodstawowym_Id IS NOT NULL THEN 0 ELSE 1 END,
                k.Id
        ) AS position
    FROM ModelDanychContainer.JednostkiMiarAsortymentow j
    JOIN ModelDanychContainer.KodyKreskowe k ON k.JednostkaMiaryAsortymentu_Id = j.Id
    LEFT JOIN ModelDanychContainer.JednostkiMiar u ON u.Id = j.JednostkaMiary_Id
    WHERE j.Asortyment_Id IN (:parents) AND k.AsortymentDlaKtoregoKodKaucjiId IS NULL
) e
WHERE 1 = 1
