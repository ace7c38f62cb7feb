-- Commercial documents made of the order, by their lines (ID_POZ_ZAM), or made of stock issues whose lines
-- name it.
-- key: y.document bigint
-- :parents bigint
-- :receipt varchar(5)
-- convert kind: whole
-- convert issue_date: day
SELECT
    y.origin AS [parent_id],
    h.ID_DOKUMENTU_HANDLOWEGO AS [id],
    CASE WHEN t.SYGNATURA IN (:receipt) THEN 3 ELSE 1 END AS [kind],
    h.NUMER AS [number],
    h.DATA_WYSTAWIENIA AS [issue_date]
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
) y
JOIN dbo.DOKUMENT_HANDLOWY h ON h.ID_DOKUMENTU_HANDLOWEGO = y.document
LEFT JOIN dbo.TYP_DOKUMENTU_HANDLOWEGO t ON t.ID_TYPU = h.ID_TYPU
WHERE COALESCE(h.FLAGA_STANU, 0) = 0
  AND COALESCE(CAST(h.TRYBREJESTRACJI AS int), 0) = 0
