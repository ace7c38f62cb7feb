-- Contact persons (KONTAKT).
-- key: o.ID_KONTAKTU bigint
-- :parents bigint
-- convert is_default: flag
SELECT
    o.ID_KONTRAHENTA AS [parent_id],
    o.ID_KONTAKTU AS [id],
    o.IMIE AS [first_name],
    o.NAZWISKO AS [last_name],
    o.STANOWISKO AS [position],
    o.E_MAIL AS [email],
    COALESCE(NULLIF(o.TEL, ''), o.TEL_KOM) AS [phone],
    o.DOMYSLNY AS [is_default]
FROM dbo.KONTAKT o
WHERE o.ID_KONTRAHENTA IN (:parents)
