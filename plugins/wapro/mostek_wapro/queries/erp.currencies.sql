-- Currencies (WALUTY).
-- key: w.SYM_WALUTY varchar(3)
-- :parents bigint
-- convert code: currency
SELECT
    c.ID_FIRMY AS [parent_id],
    w.SYM_WALUTY AS [code],
    w.NAZWA AS [name]
FROM dbo.FIRMA c
CROSS JOIN dbo.WALUTY w
WHERE c.ID_FIRMY IN (:parents)
