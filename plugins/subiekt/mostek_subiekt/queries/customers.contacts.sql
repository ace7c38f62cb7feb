-- Contact persons (kh_Pracownik) that are not blocked.
-- key: k.pk_Id int
-- :parents int
SELECT
    k.pk_IdKh AS [parent_id],
    k.pk_Id AS [id],
    k.pk_Imie AS [first_name],
    k.pk_Nazwisko AS [last_name],
    k.pk_Stanowisko AS [position],
    k.pk_EMail AS [email],
    COALESCE(NULLIF(k.pk_Telefon, ''), k.pk_TelKomorka) AS [phone],
    k.pk_Podstaw AS [is_default]
FROM dbo.kh_Pracownik k
WHERE k.pk_IdKh IN (:parents)
  AND k.pk_Zablokowany = 0
