-- What contractors owe, from the index of settlements (RozrachunkiIdx, Typ 10), and what sales give back to them: amounts
-- below zero, returns (Zwrot), and liabilities (Typ 11) of sales documents. Payments of the buffer and those that are not
-- settled are left out, and whoever is no contractor (employees, offices).
-- key: r.ID int
-- :unset datetime
-- :never datetime
-- :one_off nvarchar(100)
-- :customer_id int
-- :due_date_before datetime
-- :overdue_on datetime
-- :currency nvarchar(3)
-- :include_settled_since datetime
-- filter customer_id reads payer.id
-- filter due_date_before reads due_date
-- filter overdue_on reads due_date
-- filter include_settled_since reads last_payment_date
-- convert kind: receivable_kind(_type, _category)
-- convert direction: direction(_type, _amount, _return)
-- convert debtor.name: one_line
-- convert payer.name: one_line
-- convert instalment: instalment(_number, _count)
-- convert instalment_count: instalment_count
-- convert issue_date: day
-- convert due_date: day
-- convert last_payment_date: day
-- convert days_overdue: days_overdue(due_date, _amount, _settled)
-- convert currency: currency_or_base
-- convert original: size
-- convert remaining: remaining(_amount, _settled)
-- convert original_pln: in_base(_amount, _currency, _base)
-- convert remaining_pln: remaining_in_base(_amount, _settled, _currency, _base)
SELECT
    r.ID AS [id],
    d.Kategoria AS [_category],
    r.Typ AS [_type],
    r.KwotaValue AS [_amount],
    r.KwotaRozliczonaValue AS [_settled],
    r.Zwrot AS [_return],
    r.Numer AS [document_number],
    CASE WHEN d.Kategoria IN (2, 3) THEN d.ID END AS [invoice_id],
    (SELECT q.NumerDokumentuKSeF FROM dbo.KSeFKomunikaty q WHERE q.ID = d.KSeFKomunikat AND q.RodzajKonta = 1) AS [ksef_number],
    CASE WHEN COALESCE(b.Kod, '') NOT IN (:one_off) THEN b.ID END AS [debtor.id],
    CASE WHEN COALESCE(b.Kod, '') NOT IN (:one_off) THEN b.Kod END AS [debtor.code],
    CASE WHEN COALESCE(b.Kod, '') NOT IN (:one_off) THEN b.Nazwa END AS [debtor.name],
    CASE WHEN COALESCE(k.Kod, '') NOT IN (:one_off) THEN k.ID END AS [payer.id],
    CASE WHEN COALESCE(k.Kod, '') NOT IN (:one_off) THEN k.Kod END AS [payer.code],
    CASE WHEN COALESCE(k.Kod, '') NOT IN (:one_off) THEN k.Nazwa END AS [payer.name],
    (
        SELECT COUNT(*) FROM dbo.Platnosci i
        WHERE i.Dokument = p.Dokument AND i.DokumentType = p.DokumentType
          AND (i.Termin < p.Termin OR (i.Termin = p.Termin AND i.ID <= p.ID))
    ) AS [_number],
    (
        SELECT COUNT(*) FROM dbo.Platnosci i
        WHERE i.Dokument = p.Dokument AND i.DokumentType = p.DokumentType
    ) AS [_count],
    (
        SELECT COUNT(*) FROM dbo.Platnosci i
        WHERE i.Dokument = p.Dokument AND i.DokumentType = p.DokumentType
    ) AS [instalment_count],
    r.Data AS [issue_date],
    r.Termin AS [due_date],
    COALESCE(r.KwotaSymbol, '') AS [currency],
    r.KwotaSymbol AS [_currency],
    r.KwotaValue AS [original],
    p.KwotaKsiegiValue AS [_base],
    r.DataRozliczenia AS [last_payment_date]
FROM dbo.RozrachunkiIdx r
JOIN dbo.Kontrahenci k ON k.ID = r.Podmiot
LEFT JOIN dbo.Platnosci p ON p.ID = r.Dokument AND r.DokumentType = 'Platnosci'
LEFT JOIN dbo.DokHandlowe d ON d.ID = p.Dokument AND p.DokumentType = 'DokHandlowe'
LEFT JOIN dbo.Kontrahenci b ON b.ID = COALESCE(d.Kontrahent, r.Podmiot)
-- COALESCE keeps an index on the kind of subject from being taken: pages walk along the key.
WHERE COALESCE(r.PodmiotType, '') = 'Kontrahenci'
  AND (r.Typ = 10 OR (r.Typ = 11 AND d.Kategoria IN (2, 3)))
  AND COALESCE(d.Kategoria, 0) NOT IN (4, 5)
  AND COALESCE(d.Stan, 1) <> 3
  AND COALESCE(CAST(p.Bufor AS int), 0) = 0
  AND COALESCE(CAST(p.Rozliczana AS int), 1) = 1
  AND r.PodmiotType = 'Kontrahenci' AND r.Podmiot = :customer_id  --? customer_id
  AND r.Termin < :due_date_before AND r.Termin > :unset  --? due_date_before
  AND r.Termin < :overdue_on AND r.Termin > :unset AND r.KwotaValue <> r.KwotaRozliczonaValue  --? overdue_on
  AND COALESCE(NULLIF(r.KwotaSymbol, ''), 'PLN') = :currency  --? currency
  AND r.KwotaValue <> r.KwotaRozliczonaValue  --? not include_settled_since
  AND (  --? include_settled_since
      r.KwotaValue <> r.KwotaRozliczonaValue  --? include_settled_since
      OR (r.DataRozliczenia >= :include_settled_since AND r.DataRozliczenia < :never)  --? include_settled_since
  )  --? include_settled_since
