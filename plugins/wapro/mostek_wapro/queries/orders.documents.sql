-- Documents made of the order, by their lines (ID_POZ_ZAM): commercial ones, also those made of stock issues whose lines
-- name it, and the stock issues (WZ). Each of the two tables has ids of its own.
-- key: y.position bigint
-- :parents bigint
-- :receipt varchar(5)
-- convert kind: whole
-- convert issue_date: day
SELECT
    y.origin AS [parent_id],
    y.document AS [id],
    y.kind AS [kind],
    y.number AS [number],
    y.issued AS [issue_date]
FROM (
    SELECT
        c.origin AS origin, h.ID_DOKUMENTU_HANDLOWEGO AS document,
        CASE WHEN t.SYGNATURA IN (:receipt) THEN 3 ELSE 1 END AS kind,
        h.NUMER AS number, h.DATA_WYSTAWIENIA AS issued, h.ID_DOKUMENTU_HANDLOWEGO AS position
    FROM (
        SELECT q.ID_ZAMOWIENIA AS origin, p.ID_DOK_HANDLOWEGO AS document
        FROM dbo.POZYCJA_ZAMOWIENIA q
        JOIN dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO p ON p.ID_POZ_ZAM = q.ID_POZYCJI_ZAMOWIENIA
        WHERE q.ID_ZAMOWIENIA IN (:parents) AND p.ID_DOK_HANDLOWEGO > 0
        UNION
        SELECT q.ID_ZAMOWIENIA AS origin, m.ID_DOKUMENTU_HANDLOWEGO AS document
        FROM dbo.POZYCJA_ZAMOWIENIA q
        JOIN dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO p ON p.ID_POZ_ZAM = q.ID_POZYCJI_ZAMOWIENIA
        JOIN dbo.DOKUMENT_MAGAZYNOWY m ON m.ID_DOK_MAGAZYNOWEGO = p.ID_DOK_MAGAZYNOWEGO
        WHERE q.ID_ZAMOWIENIA IN (:parents) AND COALESCE(m.ID_DOKUMENTU_HANDLOWEGO, 0) > 0
    ) c
    JOIN dbo.DOKUMENT_HANDLOWY h ON h.ID_DOKUMENTU_HANDLOWEGO = c.document
    LEFT JOIN dbo.TYP_DOKUMENTU_HANDLOWEGO t ON t.ID_TYPU = h.ID_TYPU
    WHERE COALESCE(h.FLAGA_STANU, 0) = 0
      AND COALESCE(CAST(h.TRYBREJESTRACJI AS int), 0) = 0
    UNION
    SELECT
        q.ID_ZAMOWIENIA AS origin, m.ID_DOK_MAGAZYNOWEGO AS document,
        4 AS kind,
        m.NUMER AS number, m.DATA AS issued, m.ID_DOK_MAGAZYNOWEGO AS position
    FROM dbo.POZYCJA_ZAMOWIENIA q
    JOIN dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO p ON p.ID_POZ_ZAM = q.ID_POZYCJI_ZAMOWIENIA
    JOIN dbo.DOKUMENT_MAGAZYNOWY m ON m.ID_DOK_MAGAZYNOWEGO = p.ID_DOK_MAGAZYNOWEGO
    WHERE q.ID_ZAMOWIENIA IN (:parents)
      AND COALESCE(m.RODZAJ_DOKUMENTU, '') = 'WZ'
      AND COALESCE(m.FLAGA_STANU, 0) = 0
      AND COALESCE(CAST(m.TRYBREJESTRACJI AS int), 0) = 0
) y
WHERE 1 = 1
