-- Payments (BnkZdarzenia) of contractors that are out of the buffer and subject to settlement, without those of purchases
-- (by the class of the document, or of its definition). Amounts have no sign: BZd_Kierunek tells who owes.
-- key: z.BZd_BZdID int
-- :one_off varchar(20)
-- :customer_id int
-- :due_date_before datetime
-- :overdue_on datetime
-- :currency varchar(3)
-- :include_settled_since datetime
-- filter customer_id reads payer.id
-- filter due_date_before reads due_date
-- filter overdue_on reads due_date
-- filter include_settled_since reads last_payment_date
-- convert kind: receivable_kind(_source, _source)
-- convert direction: direction
-- convert instalment: of_several(instalment, _count)
-- convert instalment_count: of_several(_count, _count)
-- convert debtor.name: joined(debtor.name, _debtor_name2, _debtor_name3)
-- convert payer.name: joined(payer.name, _payer_name2, _payer_name3)
-- convert days_overdue: days_overdue(due_date, _remaining)
-- convert currency: currency_or_base
-- convert split_payment: flag
SELECT
    z.BZd_BZdID AS [id],
    z.BZd_DokumentTyp AS [_source],
    z.BZd_Kierunek AS [direction],
    COALESCE(NULLIF(z.BZd_NumerPelny, ''), NULLIF(z.BZd_NumerObcy, ''), z.BZd_Opis) AS [document_number],
    CASE WHEN h.TrN_TypDokumentu IN (302, 305) THEN h.TrN_TrNID END AS [invoice_id],
    CASE WHEN h.TrN_TypDokumentu IN (302, 305) THEN h.TrN_NrKSeF END AS [ksef_number],
    b.Knt_KntId AS [debtor.id],
    b.Knt_Kod AS [debtor.code],
    CASE WHEN h.TrN_TrNID IS NULL THEN v.Pod_Nazwa1 ELSE h.TrN_PodNazwa1 END AS [debtor.name],
    CASE WHEN h.TrN_TrNID IS NULL THEN v.Pod_Nazwa2 ELSE h.TrN_PodNazwa2 END AS [_debtor_name2],
    CASE WHEN h.TrN_TrNID IS NULL THEN v.Pod_Nazwa3 ELSE h.TrN_PodNazwa3 END AS [_debtor_name3],
    k.Knt_KntId AS [payer.id],
    k.Knt_Kod AS [payer.code],
    v.Pod_Nazwa1 AS [payer.name],
    v.Pod_Nazwa2 AS [_payer_name2],
    v.Pod_Nazwa3 AS [_payer_name3],
    (
        SELECT COUNT(*) FROM CDN.BnkZdarzenia i
        WHERE i.BZd_DokumentID = z.BZd_DokumentID AND i.BZd_DokumentTyp = z.BZd_DokumentTyp AND i.BZd_BZdID <= z.BZd_BZdID
    ) AS [instalment],
    (
        SELECT COUNT(*) FROM CDN.BnkZdarzenia i
        WHERE i.BZd_DokumentID = z.BZd_DokumentID AND i.BZd_DokumentTyp = z.BZd_DokumentTyp
    ) AS [_count],
    COALESCE(z.BZd_DataWys, z.BZd_DataDok) AS [issue_date],
    z.BZd_Termin AS [due_date],
    z.BZd_Waluta AS [currency],
    z.BZd_Kwota AS [original],
    z.BZd_Kwota - z.BZd_KwotaRoz AS [remaining],
    z.BZd_Kwota - z.BZd_KwotaRoz AS [_remaining],
    z.BZd_KwotaSys AS [original_pln],
    z.BZd_KwotaSys - z.BZd_KwotaRozSys AS [remaining_pln],
    z.BZd_SplitPay AS [split_payment],
    z.BZd_DataRoz AS [last_payment_date]
FROM CDN.BnkZdarzenia z
LEFT JOIN CDN.TraNag h ON h.TrN_TrNID = z.BZd_DokumentID AND z.BZd_DokumentTyp IN (1, 101)
LEFT JOIN CDN.DokDefinicje d ON d.DDf_DDfID = z.BZd_DDfID
LEFT JOIN CDN.PodmiotyView v ON v.Pod_PodId = z.BZd_PodmiotID AND v.Pod_PodmiotTyp = z.BZd_PodmiotTyp
LEFT JOIN CDN.Kontrahenci k ON k.Knt_KntId = z.BZd_PodmiotID AND k.Knt_Kod NOT LIKE :one_off
LEFT JOIN CDN.Kontrahenci b ON b.Knt_KntId = COALESCE(h.TrN_PodID, z.BZd_PodmiotID) AND COALESCE(h.TrN_PodmiotTyp, 1) = 1 AND b.Knt_Kod NOT LIKE :one_off
-- COALESCE keeps an index on the settlement from being taken: pages walk along the key.
WHERE z.BZd_PodmiotTyp = 1
  AND z.BZd_Stan > 0
  AND z.BZd_Kierunek IN (1, -1)
  AND COALESCE(h.TrN_TypDokumentu, d.DDf_Klasa, 0) NOT IN (102, 114, 117, 201, 224, 301, 307, 313, 322, 350, 600, 650)
  AND COALESCE(z.BZd_Rozliczono, 0) = 1  --? not include_settled_since
  AND (COALESCE(z.BZd_Rozliczono, 0) = 1 OR (z.BZd_Rozliczono = 2 AND z.BZd_DataRoz >= :include_settled_since))  --? include_settled_since
  AND z.BZd_PodmiotID = :customer_id  --? customer_id
  AND z.BZd_Termin < :due_date_before  --? due_date_before
  AND z.BZd_Termin < :overdue_on AND COALESCE(z.BZd_Rozliczono, 0) = 1  --? overdue_on
  AND COALESCE(NULLIF(z.BZd_Waluta, ''), 'PLN') = :currency  --? currency
