-- Groups of contractors (GRUPA_KONTRAHENTA).
-- key: g.ID_GRUPY bigint
-- :parents bigint
SELECT
    c.ID_FIRMY AS [parent_id],
    g.ID_GRUPY AS [id],
    g.NAZWA AS [name]
FROM dbo.FIRMA c
JOIN dbo.GRUPA_KONTRAHENTA g ON (g.ID_FIRMY = c.ID_FIRMY)
WHERE c.ID_FIRMY IN (:parents)
