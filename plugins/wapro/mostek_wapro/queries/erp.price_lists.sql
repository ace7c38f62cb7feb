-- Price lists (CENA).
-- key: l.ID_CENY bigint
-- :parents bigint
SELECT
    c.ID_FIRMY AS [parent_id],
    l.ID_CENY AS [id],
    l.NAZWA AS [name]
FROM dbo.FIRMA c
JOIN dbo.CENA l ON (l.ID_FIRMY = c.ID_FIRMY)
WHERE c.ID_FIRMY IN (:parents)
