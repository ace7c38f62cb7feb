-- Orders that it was made of, by its lines (ID_POZ_ZAM) or those of the stock issues that it was made of.
-- key: y.origin bigint
-- :parents bigint
-- convert issue_date: day
SELECT
    y.document AS [parent_id],
    z.ID_ZAMOWIENIA AS [id],
    z.NUMER AS [number],
    z.DATA AS [issue_date]
FROM (
    SELECT p.ID_DOK_HANDLOWEGO AS document, q.ID_ZAMOWIENIA AS origin
    FROM dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO p
    JOIN dbo.POZYCJA_ZAMOWIENIA q ON q.ID_POZYCJI_ZAMOWIENIA = p.ID_POZ_ZAM
    WHERE p.ID_DOK_HANDLOWEGO IN (:parents) AND p.ID_POZ_ZAM > 0
    UNION
    SELECT m.ID_DOKUMENTU_HANDLOWEGO AS document, q.ID_ZAMOWIENIA AS origin
    FROM dbo.DOKUMENT_MAGAZYNOWY m
    JOIN dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO p ON p.ID_DOK_MAGAZYNOWEGO = m.ID_DOK_MAGAZYNOWEGO
    JOIN dbo.POZYCJA_ZAMOWIENIA q ON q.ID_POZYCJI_ZAMOWIENIA = p.ID_POZ_ZAM
    WHERE m.ID_DOKUMENTU_HANDLOWEGO IN (:parents) AND p.ID_POZ_ZAM > 0
) y
JOIN dbo.ZAMOWIENIE z ON z.ID_ZAMOWIENIA = y.origin
WHERE 1 = 1
