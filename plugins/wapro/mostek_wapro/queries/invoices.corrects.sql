-- The document that a correction corrects. A document that corrects none points to itself or to none.
-- :parents bigint
-- convert issue_date: day
SELECT
    h.ID_DOKUMENTU_HANDLOWEGO AS [parent_id],
    c.ID_DOKUMENTU_HANDLOWEGO AS [id],
    c.NUMER AS [number],
    c.DATA_WYSTAWIENIA AS [issue_date]
FROM dbo.DOKUMENT_HANDLOWY h
JOIN dbo.DOKUMENT_HANDLOWY c ON c.ID_DOKUMENTU_HANDLOWEGO = h.ID_DOK_KORYGOWANEGO
WHERE h.ID_DOKUMENTU_HANDLOWEGO IN (:parents)
  AND CAST(h.DOK_KOREKTY AS int) = 1
  AND h.ID_DOK_KORYGOWANEGO <> h.ID_DOKUMENTU_HANDLOWEGO
