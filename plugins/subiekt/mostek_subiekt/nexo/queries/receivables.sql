-- Settlements (Rozrachunki): receivables (type 1), and of the liabilities (2) those that corrections and receipts of ours
-- made: what the company owes for purchases is no customer's. KwotaPozostala is what remains.
-- key: r.Id int
-- :sales nvarchar(16)
-- :customer_id int
-- :due_date_before datetime
-- :overdue_on datetime
-- :currency nchar(3)
-- :include_settled_since datetime
-- :changed_since bigint
-- filter customer_id reads payer.id
-- filter due_date_before reads due_date
-- filter overdue_on reads due_date
-- filter include_settled_since reads last_payment_date
-- filter changed_since reads id
-- convert kind: receivable_kind(_is_sale)
-- convert direction: direction
-- convert days_overdue: days_overdue(due_date, remaining)
-- convert currency: currency
-- convert uncollectible: uncollectible
SELECT
    r.Id AS [id],
    CASE WHEN d.Symbol IN (:sales) THEN 1 ELSE 0 END AS [_is_sale],
    r.Typ AS [direction],
    COALESCE(d.NumerWewnetrzny_PelnaSygnatura, r.DokumentZrodlowy) AS [document_number],
    CASE WHEN d.Symbol IN (:sales) THEN d.Id END AS [invoice_id],
    (SELECT MIN(k.Numer) FROM ModelDanychContainer.NumeryKSeFDokumentow k WHERE k.Dokument_Id = d.Id) AS [ksef_number],
    CASE WHEN COALESCE(b.Jednorazowy, 0) = 0 THEN b.Id END AS [debtor.id],
    b.Sygnatura_PelnaSygnatura AS [debtor.code],
    b.NazwaSkrocona AS [debtor.name],
    CASE WHEN COALESCE(p.Jednorazowy, 0) = 0 THEN p.Id END AS [payer.id],
    p.Sygnatura_PelnaSygnatura AS [payer.code],
    p.NazwaSkrocona AS [payer.name],
    r.DataPowstania AS [issue_date],
    r.TerminPlatnosci AS [due_date],
    w.Symbol AS [currency],
    r.Kwota AS [original],
    r.KwotaPozostala AS [remaining],
    CASE WHEN w.KartotekaWalut_Id IS NOT NULL THEN r.Kwota END AS [original_pln],
    CASE WHEN w.KartotekaWalut_Id IS NOT NULL THEN r.KwotaPozostala END AS [remaining_pln],
    CASE WHEN r.PodzielonaPlatnosc = 1 THEN r.KwotaVAT END AS [original_vat],
    CASE WHEN r.PodzielonaPlatnosc = 1 THEN r.KwotaVATPozostala END AS [remaining_vat],
    r.PodzielonaPlatnosc AS [split_payment],
    r.Sciagalny AS [uncollectible],
    r.DataOstatniegoRozliczenia AS [last_payment_date]
FROM ModelDanychContainer.Rozrachunki r
JOIN ModelDanychContainer.Podmioty p ON p.Id = r.Podmiot_Id
LEFT JOIN ModelDanychContainer.Dokumenty d ON d.Id = r.Dokument_Id
LEFT JOIN ModelDanychContainer.Podmioty b ON b.Id = COALESCE(d.PodmiotId, r.Podmiot_Id)
LEFT JOIN ModelDanychContainer.Waluty w ON w.Id = r.Waluta_Id
-- COALESCE keeps an index on the type from being taken: pages walk along the key.
WHERE (COALESCE(r.Typ, 0) = 1 OR COALESCE(r.Typ, 0) = 2 AND d.Symbol IN (:sales))
  AND r.Podmiot_Id = :customer_id  --? customer_id
  AND r.TerminPlatnosci < :due_date_before  --? due_date_before
  AND r.TerminPlatnosci < :overdue_on AND r.KwotaPozostala <> 0  --? overdue_on
  AND w.Symbol = :currency  --? currency
  AND r.KwotaPozostala <> 0  --? only_open
  AND (  --? include_settled_since
      r.KwotaPozostala <> 0 OR r.DataOstatniegoRozliczenia >= :include_settled_since  --? include_settled_since
  )  --? include_settled_since
  AND CAST(r.TimeStamp AS bigint) >= :changed_since  --? changed_since
