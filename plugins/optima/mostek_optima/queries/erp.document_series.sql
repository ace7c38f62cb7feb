-- Definitions of documents (DokDefinicje) that an order (RO, class 308) can be written with.
-- key: d.DDf_DDfID int
-- :parents int
-- convert is_default: is_default_series
SELECT
    s.SYS_ID AS [parent_id],
    d.DDf_Symbol AS [code],
    d.DDf_Nazwa AS [name],
    d.DDf_Symbol AS [is_default]
FROM CDN.SystemCDN s
CROSS JOIN CDN.DokDefinicje d
WHERE s.SYS_ID IN (:parents)
  AND d.DDf_Klasa = 308
  AND d.DDf_Nieaktywna = 0
