-- Receipts whose turnover an invoice repeats: those that it is related to, whichever of them is above.
-- key: o.ID int
-- :parents int
-- :receipt int
-- convert issue_date: day
SELECT
    y.document AS [parent_id],
    o.ID AS [id],
    o.NumerPelny AS [number],
    o.Data AS [issue_date]
FROM (
    SELECT w.Podrzedny AS document, w.Nadrzedny AS origin
    FROM dbo.RelacjeHandlowe w
    WHERE w.Podrzedny IN (:parents) AND w.Typ NOT IN (1, 11)
    UNION
    SELECT w.Nadrzedny AS document, w.Podrzedny AS origin
    FROM dbo.RelacjeHandlowe w
    WHERE w.Nadrzedny IN (:parents) AND w.Typ NOT IN (1, 11)
) y
JOIN dbo.DokHandlowe d ON d.ID = y.document AND d.Kategoria = 2 AND d.Definicja NOT IN (:receipt)
JOIN dbo.DokHandlowe o ON o.ID = y.origin AND o.Kategoria = 2 AND o.Definicja IN (:receipt)
WHERE 1 = 1
