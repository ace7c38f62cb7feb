-- Contact persons (KntOsoby) in use; KnO_Nazwisko holds first and last name.
-- key: o.KnO_KnOId int
-- :parents int
-- convert is_default: flag
SELECT
    o.KnO_KntId AS [parent_id],
    o.KnO_KnOId AS [id],
    o.KnO_Nazwisko AS [last_name],
    o.KnO_Email AS [email],
    COALESCE(NULLIF(o.KnO_Telefon, ''), o.KnO_GSM) AS [phone],
    o.KnO_Domyslny AS [is_default]
FROM CDN.KntOsoby o
WHERE o.KnO_KntId IN (:parents)
  AND o.KnO_Nieaktywny = 0
