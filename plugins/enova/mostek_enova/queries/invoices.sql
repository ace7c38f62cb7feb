-- Sales documents (DokHandlowe of the categories 2 and 3) out of the buffer. Sums are in złoty, those in the document's
-- currency in BruttoCy and SumyVAT. The numbers of the kinds are those of the contract's InvoiceKind; which definitions
-- make receipts and the like the plugin looks up. What is paid is told by payments (Platnosci) that the buyer makes.
-- key: d.ID int
-- :receipt int
-- :proforma int
-- :advance int
-- :final int
-- :margin int
-- :hidden int
-- :unset datetime
-- :kinds int
-- :ids int
-- :numbers nvarchar(100)
-- :ksef_number nvarchar(64)
-- :customer_id int
-- :issue_date_from datetime
-- :issue_date_to datetime next_day
-- :due_date_before datetime
-- :changed_since bigint
-- filter kinds reads kind
-- filter ksef_number reads ksef.number
-- filter customer_id reads parties.customer_id
-- filter issue_date_from reads issue_date
-- filter issue_date_to reads issue_date
-- filter due_date_before reads due_date
-- filter only_unpaid reads remaining
-- convert kind: whole
-- convert state: invoice_state
-- convert correction_values: correction_values(_category)
-- convert ksef.number: ksef_number(_ksef_number, _ksef_account)
-- convert ksef.state: ksef_state(_ksef_number, _ksef_error, _ksef_sent)
-- convert ksef.mode: ksef_mode
-- convert ksef.environment: ksef_environment
-- convert ksef.accepted_at: moment
-- convert issue_date: day
-- convert sale_date: day
-- convert due_date: day
-- convert currency: currency_or_base
-- convert exchange_rate: rate(_rate, _currency)
-- convert exchange_rate_date: rate_day(_rate_date, _currency)
-- convert price_basis: price_basis
SELECT
    d.ID AS [id],
    COALESCE(NULLIF(d.NumerPelny, ''), d.NumerPelnyZapisany) AS [number],
    CASE WHEN d.Kategoria = 3 THEN 2 WHEN d.Definicja IN (:receipt) THEN 5 WHEN d.Definicja IN (:proforma) THEN 8 WHEN d.Definicja IN (:advance) THEN 3 WHEN d.Definicja IN (:final) THEN 4 WHEN d.Definicja IN (:margin) THEN 7 WHEN EXISTS (SELECT 1 FROM dbo.RelacjeHandlowe w JOIN dbo.DokHandlowe p ON p.ID = w.Nadrzedny WHERE w.Podrzedny = d.ID AND w.Typ NOT IN (1, 11) AND p.Definicja IN (:receipt)) THEN 6 WHEN EXISTS (SELECT 1 FROM dbo.RelacjeHandlowe w JOIN dbo.DokHandlowe p ON p.ID = w.Podrzedny WHERE w.Nadrzedny = d.ID AND w.Typ NOT IN (1, 11) AND p.Definicja IN (:receipt)) THEN 6 ELSE 1 END AS [kind],
    d.Stan AS [state],
    d.Kategoria AS [_category],
    (SELECT q.NumerDokumentuKSeF FROM dbo.KSeFKomunikaty q WHERE q.ID = d.KSeFKomunikat) AS [_ksef_number],
    (SELECT q.RodzajKonta FROM dbo.KSeFKomunikaty q WHERE q.ID = d.KSeFKomunikat) AS [_ksef_account],
    (SELECT q.OpisBledu FROM dbo.KSeFKomunikaty q WHERE q.ID = d.KSeFKomunikat) AS [_ksef_error],
    (SELECT q.DataPrzeslaniaKSeF FROM dbo.KSeFKomunikaty q WHERE q.ID = d.KSeFKomunikat) AS [_ksef_sent],
    (SELECT q.Offline FROM dbo.KSeFKomunikaty q WHERE q.ID = d.KSeFKomunikat) AS [ksef.mode],
    (SELECT q.RodzajKonta FROM dbo.KSeFKomunikaty q WHERE q.ID = d.KSeFKomunikat) AS [ksef.environment],
    (SELECT q.DataPrzyjeciaKSeF FROM dbo.KSeFKomunikaty q WHERE q.ID = d.KSeFKomunikat) AS [ksef.accepted_at],
    (SELECT q.OpisBledu FROM dbo.KSeFKomunikaty q WHERE q.ID = d.KSeFKomunikat) AS [ksef.error],
    d.Data AS [issue_date],
    d.DataOperacji AS [sale_date],
    (
        SELECT MIN(p.Termin) FROM dbo.Platnosci p
        WHERE p.Dokument = d.ID AND p.DokumentType = 'DokHandlowe' AND p.Termin > :unset
    ) AS [due_date],
    (
        SELECT MIN(p.SposobZaplaty) FROM dbo.Platnosci p
        WHERE p.Dokument = d.ID AND p.DokumentType = 'DokHandlowe'
    ) AS [payment_method.id],
    (
        SELECT s.Nazwa FROM dbo.SposobyZaplaty s
        WHERE s.ID = (
            SELECT MIN(p.SposobZaplaty) FROM dbo.Platnosci p
            WHERE p.Dokument = d.ID AND p.DokumentType = 'DokHandlowe'
        )
    ) AS [payment_method.name],
    d.BruttoCySymbol AS [_currency],
    COALESCE(d.BruttoCySymbol, '') AS [currency],
    d.KursWaluty AS [_rate],
    d.DataKursu AS [_rate_date],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN d.SumaNetto ELSE (SELECT SUM(x.SumaCyNettoCyValue) FROM dbo.SumyVAT x WHERE x.Dokument = d.ID) END AS [net],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN d.SumaNetto END AS [net],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN d.SumaVAT ELSE (SELECT SUM(x.SumaCyVATCyValue) FROM dbo.SumyVAT x WHERE x.Dokument = d.ID) END AS [vat],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN d.SumaVAT END AS [vat],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN d.SumaBrutto ELSE d.BruttoCyValue END AS [gross],
    d.SumaNetto AS [net_pln],
    d.SumaVAT AS [vat_pln],
    d.SumaBrutto AS [gross_pln],
    (
        SELECT SUM(CASE WHEN p.Kierunek = 2 THEN 0 - p.KwotaRozliczonaValue ELSE p.KwotaRozliczonaValue END)
        FROM dbo.Platnosci p
        WHERE p.Dokument = d.ID AND p.DokumentType = 'DokHandlowe'
          AND p.PodmiotType = 'Kontrahenci' AND p.Podmiot = d.Kontrahent
          AND COALESCE(CAST(p.Bufor AS int), 0) = 0 AND COALESCE(CAST(p.Rozliczana AS int), 1) = 1
    ) AS [paid],
    COALESCE((
        SELECT SUM(CASE WHEN p.Kierunek = 2 THEN p.KwotaRozliczonaValue - p.KwotaValue ELSE p.KwotaValue - p.KwotaRozliczonaValue END)
        FROM dbo.Platnosci p
        WHERE p.Dokument = d.ID AND p.DokumentType = 'DokHandlowe'
          AND p.PodmiotType = 'Kontrahenci' AND p.Podmiot = d.Kontrahent
          AND COALESCE(CAST(p.Bufor AS int), 0) = 0 AND COALESCE(CAST(p.Rozliczana AS int), 1) = 1
    ), 0) AS [remaining],
    d.MPP AS [split_payment],
    d.LiczonaOd AS [price_basis],
    m.ID AS [warehouse.id],
    m.Symbol AS [warehouse.code],
    m.Nazwa AS [warehouse.name],
    d.Opis AS [remarks]
FROM dbo.DokHandlowe d
LEFT JOIN dbo.Magazyny m ON m.ID = d.Magazyn
-- COALESCE keeps an index on category or state from being taken: pages walk along the key.
WHERE COALESCE(d.Kategoria, 0) IN (2, 3)
  AND COALESCE(d.Stan, 0) IN (1, 2, 3)
  AND d.Stan <> 3  --? not include_cancelled
  AND (d.Kategoria = 3 OR d.Definicja IS NULL OR d.Definicja NOT IN (:hidden))  --? hidden
  AND CASE WHEN d.Kategoria = 3 THEN 2 WHEN d.Definicja IN (:receipt) THEN 5 WHEN d.Definicja IN (:proforma) THEN 8 WHEN d.Definicja IN (:advance) THEN 3 WHEN d.Definicja IN (:final) THEN 4 WHEN d.Definicja IN (:margin) THEN 7 WHEN EXISTS (SELECT 1 FROM dbo.RelacjeHandlowe w JOIN dbo.DokHandlowe p ON p.ID = w.Nadrzedny WHERE w.Podrzedny = d.ID AND w.Typ NOT IN (1, 11) AND p.Definicja IN (:receipt)) THEN 6 WHEN EXISTS (SELECT 1 FROM dbo.RelacjeHandlowe w JOIN dbo.DokHandlowe p ON p.ID = w.Podrzedny WHERE w.Nadrzedny = d.ID AND w.Typ NOT IN (1, 11) AND p.Definicja IN (:receipt)) THEN 6 ELSE 1 END IN (:kinds)  --? kinds
  AND d.ID IN (:ids)  --? ids
  AND d.NumerPelny IN (:numbers)  --? numbers
  AND d.KSeFKomunikat IN (  --? ksef_number
      SELECT q.ID FROM dbo.KSeFKomunikaty q WHERE q.NumerDokumentuKSeF = :ksef_number AND q.RodzajKonta = 1  --? ksef_number
  )  --? ksef_number
  AND d.ID IN (  --? customer_id
      SELECT b.ID FROM dbo.DokHandlowe b WHERE b.Kontrahent = :customer_id  --? customer_id
      UNION ALL  --? customer_id
      SELECT p.Dokument FROM dbo.Platnosci p  --? customer_id
      WHERE p.Podmiot = :customer_id AND p.PodmiotType = 'Kontrahenci' AND p.DokumentType = 'DokHandlowe'  --? customer_id
  )  --? customer_id
  AND d.Data >= :issue_date_from  --? issue_date_from
  AND d.Data < :issue_date_to  --? issue_date_to
  AND EXISTS (  --? due_date_before
      SELECT 1 FROM dbo.Platnosci p  --? due_date_before
      WHERE p.Dokument = d.ID AND p.DokumentType = 'DokHandlowe' AND p.Termin > :unset AND p.Termin < :due_date_before  --? due_date_before
  )  --? due_date_before
  AND COALESCE((  --? only_unpaid
      SELECT SUM(CASE WHEN p.Kierunek = 2 THEN p.KwotaRozliczonaValue - p.KwotaValue ELSE p.KwotaValue - p.KwotaRozliczonaValue END)  --? only_unpaid
      FROM dbo.Platnosci p  --? only_unpaid
      WHERE p.Dokument = d.ID AND p.DokumentType = 'DokHandlowe'  --? only_unpaid
        AND p.PodmiotType = 'Kontrahenci' AND p.Podmiot = d.Kontrahent  --? only_unpaid
        AND COALESCE(CAST(p.Bufor AS int), 0) = 0 AND COALESCE(CAST(p.Rozliczana AS int), 1) = 1  --? only_unpaid
  ), 0) <> 0  --? only_unpaid
  AND (  --? changed_since
      CAST(d.Stamp AS bigint) >= :changed_since  --? changed_since
      OR EXISTS (SELECT 1 FROM dbo.PozycjeDokHan u WHERE u.Dokument = d.ID AND CAST(u.Stamp AS bigint) >= :changed_since)  --? changed_since
  )  --? changed_since
