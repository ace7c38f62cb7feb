-- Warehouses (Magazyny) in use.
-- key: m.Mag_MagId int
-- :parents int
-- convert is_default: is_default_warehouse
SELECT
    s.SYS_ID AS [parent_id],
    m.Mag_MagId AS [id],
    m.Mag_Symbol AS [code],
    m.Mag_Nazwa AS [name],
    m.Mag_MagId AS [is_default]
FROM CDN.SystemCDN s
CROSS JOIN CDN.Magazyny m
WHERE s.SYS_ID IN (:parents)
  AND m.Mag_NieAktywny = 0
