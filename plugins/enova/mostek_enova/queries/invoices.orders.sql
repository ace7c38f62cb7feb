-- Orders that it was made of: customers' orders above it in RelacjeHandlowe, whatever the relation's type.
-- key: o.ID int
-- :parents int
-- convert issue_date: day
SELECT
    y.document AS [parent_id],
    o.ID AS [id],
    o.NumerPelny AS [number],
    o.Data AS [issue_date]
FROM (
    SELECT w.Podrzedny AS document, w.Nadrzedny AS origin
    FROM dbo.RelacjeHandlowe w
    WHERE w.Podrzedny IN (:parents)
    GROUP BY w.Podrzedny, w.Nadrzedny
) y
JOIN dbo.DokHandlowe o ON o.ID = y.origin AND o.Kategoria = 302
WHERE 1 = 1
