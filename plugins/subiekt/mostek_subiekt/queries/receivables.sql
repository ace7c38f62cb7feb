-- Settlements (nz__Finanse) of contractors: receivables (39) and what the company owes them (40), but not for purchases
-- (FZ, RZ, KFZ). nzf_Wartosc* is what remains. A KFZ makes a receivable of a supplier: no customer's invoice.
-- key: f.nzf_Id int
-- :customer_id int
-- :due_date_before datetime
-- :overdue_on datetime
-- :currency char(3)
-- :include_settled_since datetime
-- filter customer_id reads payer.id
-- filter due_date_before reads due_date
-- filter overdue_on reads due_date
-- filter include_settled_since reads last_payment_date
-- convert kind: receivable_kind(_source, _is_note, _document_type)
-- convert direction: direction
-- convert days_overdue: days_overdue(due_date, remaining)
-- convert currency: currency
-- convert uncollectible: uncollectible
SELECT
    f.nzf_Id AS [id],
    f.nzf_Zrodlo AS [_source],
    f.nzf_Nota AS [_is_note],
    d.dok_Typ AS [_document_type],
    f.nzf_Typ AS [direction],
    f.nzf_NumerPelny AS [document_number],
    CASE WHEN d.dok_Typ IN (2, 6, 21, 62, 67) THEN d.dok_Id END AS [invoice_id],
    COALESCE(
        (SELECT n.ksefnr_NumerKSeF FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_Id = f.nzf_IdNumerKSeF),
        NULLIF(f.nzf_NumerKSeF, ''),
        (SELECT n.ksefnr_NumerKSeF FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_Id = d.dok_NumerKSeFId),
        d.dok_NumerKSeF
    ) AS [ksef_number],
    d.dok_NumerKSeF AS [ksef_number],
    CASE WHEN b.kh_Jednorazowy = 0 THEN b.kh_Id END AS [debtor.id],
    b.kh_Symbol AS [debtor.code],
    ba.adr_Nazwa AS [debtor.name],
    CASE WHEN p.kh_Jednorazowy = 0 THEN p.kh_Id END AS [payer.id],
    p.kh_Symbol AS [payer.code],
    pa.adr_Nazwa AS [payer.name],
    f.nzf_Data AS [issue_date],
    f.nzf_TerminPlatnosci AS [due_date],
    f.nzf_IdWaluty AS [currency],
    f.nzf_WartoscPierwotnaWaluta AS [original],
    f.nzf_WartoscWaluta AS [remaining],
    f.nzf_WartoscPierwotna AS [original_pln],
    f.nzf_Wartosc AS [remaining_pln],
    f.nzf_VATPierwotnyWaluta AS [original_vat],
    f.nzf_VATPozostaloWaluta AS [remaining_vat],
    f.nzf_MechanizmPodzielonejPlatnosci AS [split_payment],
    f.nzf_Status AS [uncollectible],
    f.nzf_DataOstatniejSplaty AS [last_payment_date]
FROM dbo.nz__Finanse f
LEFT JOIN dbo.dok__Dokument d ON d.dok_Id = f.nzf_IdDokumentAuto
LEFT JOIN dbo.kh__Kontrahent p ON p.kh_Id = f.nzf_IdObiektu
LEFT JOIN dbo.adr__Ewid pa ON pa.adr_IdObiektu = f.nzf_IdObiektu AND pa.adr_TypAdresu = 1
LEFT JOIN dbo.kh__Kontrahent b ON b.kh_Id = COALESCE(d.dok_PlatnikId, f.nzf_IdObiektu)
LEFT JOIN dbo.adr__Ewid ba ON ba.adr_IdObiektu = b.kh_Id AND ba.adr_TypAdresu = 1
WHERE f.nzf_Typ IN (39, 40)
  AND f.nzf_TypObiektu = 1
  AND (f.nzf_Typ = 39 OR d.dok_Typ IS NULL OR d.dok_Typ NOT IN (1, 3, 5))
  AND f.nzf_IdObiektu = :customer_id  --? customer_id
  AND f.nzf_TerminPlatnosci < :due_date_before  --? due_date_before
  AND f.nzf_TerminPlatnosci < :overdue_on AND f.nzf_WartoscWaluta <> 0  --? overdue_on
  AND f.nzf_IdWaluty = :currency  --? currency
  AND f.nzf_WartoscWaluta <> 0  --? not include_settled_since
  AND (  --? include_settled_since
      f.nzf_WartoscWaluta <> 0 OR f.nzf_DataOstatniejSplaty >= :include_settled_since  --? include_settled_since
  )  --? include_settled_since
