-- Payment methods (FORMA_PLATNOSCI) in use.
-- key: f.ID_FORMY bigint
-- :parents bigint
-- convert kind: payment_method_kind(_name, _terminal)
SELECT
    c.ID_FIRMY AS [parent_id],
    f.ID_FORMY AS [id],
    f.KOD AS [code],
    f.NAZWA AS [name],
    f.NAZWA AS [_name],
    f.TERMINAL AS [_terminal],
    f.DNI_NALEZNOSCI AS [days]
FROM dbo.FIRMA c
JOIN dbo.FORMA_PLATNOSCI f ON (f.ID_FIRMY = c.ID_FIRMY OR f.ID_FIRMY IS NULL)
WHERE c.ID_FIRMY IN (:parents)
  AND COALESCE(CAST(f.AKTYWNA AS int), 1) = 1
