-- VAT rates (STAWKA_VAT) in use.
-- key: v.KOD_VAT varchar(3)
-- :parents bigint
-- convert percent: vat_percent(percent, _code)
SELECT
    c.ID_FIRMY AS [parent_id],
    v.KOD_VAT AS [code],
    v.KOD_VAT AS [_code],
    v.STAWKA AS [percent]
FROM dbo.FIRMA c
CROSS JOIN dbo.STAWKA_VAT v
WHERE c.ID_FIRMY IN (:parents)
  AND COALESCE(CAST(v.AKTYWNY AS int), 1) = 1
