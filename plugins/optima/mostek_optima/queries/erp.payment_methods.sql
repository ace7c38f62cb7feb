-- Payment forms (FormyPlatnosci) in use.
-- key: f.FPl_FPlId int
-- :parents int
-- convert kind: payment_method_kind(_type, _name)
SELECT
    s.SYS_ID AS [parent_id],
    f.FPl_FPlId AS [id],
    f.FPl_Nazwa AS [name],
    f.FPl_Nazwa AS [_name],
    f.FPl_Typ AS [_type],
    f.FPl_Termin AS [days]
FROM CDN.SystemCDN s
CROSS JOIN CDN.FormyPlatnosci f
WHERE s.SYS_ID IN (:parents)
  AND f.FPl_NieAktywny = 0
