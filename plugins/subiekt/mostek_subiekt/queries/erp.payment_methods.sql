-- Payment methods for sales (sl_FormaPlatnosci) that are in use; type 2 is a card that the company pays with.
-- key: f.fp_Id int
-- :parents int
-- convert kind: payment_method_kind(_type, _ksef)
SELECT
    c.pd_Id AS [parent_id],
    f.fp_Id AS [id],
    f.fp_Nazwa AS [name],
    f.fp_Termin AS [days],
    f.fp_Typ AS [_type],
    f.fp_FormaPlatnosciWysylajJako AS [_ksef]
FROM dbo.pd__Podmiot c
CROSS JOIN dbo.sl_FormaPlatnosci f
WHERE c.pd_Id IN (:parents)
  AND f.fp_Aktywna = 1
  AND f.fp_Typ <> 2
