-- Sales documents of Dokumenty, by the symbol of their configuration. What has still to be paid is in Rozrachunki, in the
-- rows of the buyer or payer: a debt that went to a card operator or lender is a row of theirs.
-- key: d.Id int
-- :sales nvarchar(16)
-- :correction nvarchar(16)
-- :receipt nvarchar(16)
-- :receipt_invoice nvarchar(16)
-- :advance nvarchar(16)
-- :final nvarchar(16)
-- :margin nvarchar(16)
-- :proforma nvarchar(16)
-- :kinds int
-- :ids int
-- :numbers nvarchar(64)
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
-- filter changed_since reads id
-- convert kind: whole
-- convert state: invoice_state
-- convert correction_values: correction_values(_kind)
-- convert currency: currency
-- convert salesperson.name: joined(_first_name, _last_name)
SELECT
    d.Id AS [id],
    d.NumerWewnetrzny_PelnaSygnatura AS [number],
    CASE WHEN d.Symbol IN (:correction) THEN 2 WHEN d.Symbol IN (:receipt) THEN 5 WHEN d.Symbol IN (:receipt_invoice) THEN 6 WHEN d.Symbol IN (:advance) THEN 3 WHEN d.Symbol IN (:final) THEN 4 WHEN d.Symbol IN (:margin) THEN 7 WHEN d.Symbol IN (:proforma) THEN 8 ELSE 1 END AS [kind],
    CASE WHEN d.Symbol IN (:correction) THEN 2 WHEN d.Symbol IN (:receipt) THEN 5 WHEN d.Symbol IN (:receipt_invoice) THEN 6 WHEN d.Symbol IN (:advance) THEN 3 WHEN d.Symbol IN (:final) THEN 4 WHEN d.Symbol IN (:margin) THEN 7 WHEN d.Symbol IN (:proforma) THEN 8 ELSE 1 END AS [_kind],
    COALESCE(st.Uniewazniony, 0) AS [state],
    (SELECT MIN(k.Numer) FROM ModelDanychContainer.NumeryKSeFDokumentow k WHERE k.Dokument_Id = d.Id) AS [ksef.number],
    d.DataWprowadzenia AS [issue_date],
    d.DataSprzedazy AS [sale_date],
    (SELECT MAX(x.Termin) FROM ModelDanychContainer.PlatnosciDokumentow x WHERE x.DokumentId = d.Id) AS [due_date],
    fp.Id AS [payment_method.id],
    fp.Nazwa AS [payment_method.name],
    w.Symbol AS [currency],
    CASE WHEN w.KartotekaWalut_Id IS NOT NULL THEN 1 END AS [exchange_rate],
    d.Wartosc_NettoPoRabacie AS [net],
    d.Wartosc_VatPoRabacie AS [vat],
    d.Wartosc_BruttoPoRabacie AS [gross],
    CASE
        WHEN w.KartotekaWalut_Id IS NOT NULL THEN d.Wartosc_NettoPoRabacie
        ELSE (SELECT SUM(x.WartoscNettoSystemowa) FROM ModelDanychContainer.TabeleVat x WHERE x.Dokument_Id = d.Id)
    END AS [net_pln],
    CASE
        WHEN w.KartotekaWalut_Id IS NOT NULL THEN d.Wartosc_VatPoRabacie
        ELSE (SELECT SUM(x.WartoscVatSystemowa) FROM ModelDanychContainer.TabeleVat x WHERE x.Dokument_Id = d.Id)
    END AS [vat_pln],
    CASE
        WHEN w.KartotekaWalut_Id IS NOT NULL THEN d.Wartosc_BruttoPoRabacie
        ELSE (SELECT SUM(x.WartoscBruttoSystemowa) FROM ModelDanychContainer.TabeleVat x WHERE x.Dokument_Id = d.Id)
    END AS [gross_pln],
    d.KwotaDoZaplaty AS [payable],
    (
        SELECT SUM(CASE r.Typ WHEN 1 THEN r.Kwota - r.KwotaPozostala ELSE r.KwotaPozostala - r.Kwota END)
        FROM ModelDanychContainer.Rozrachunki r
        WHERE r.Dokument_Id = d.Id AND r.Typ IN (1, 2)
          AND r.Podmiot_Id IN (
              d.PodmiotId,
              (SELECT h.PodmiotDlaKtoregoHistoria_Id FROM ModelDanychContainer.PodmiotHistorie h WHERE h.Id = d.Dokument_Platnik_Id)
          )
    ) AS [paid],
    COALESCE((
        SELECT SUM(CASE r.Typ WHEN 1 THEN r.KwotaPozostala ELSE 0 - r.KwotaPozostala END)
        FROM ModelDanychContainer.Rozrachunki r
        WHERE r.Dokument_Id = d.Id AND r.Typ IN (1, 2)
          AND r.Podmiot_Id IN (
              d.PodmiotId,
              (SELECT h.PodmiotDlaKtoregoHistoria_Id FROM ModelDanychContainer.PodmiotHistorie h WHERE h.Id = d.Dokument_Platnik_Id)
          )
    ), 0) AS [remaining],
    d.WymagaPodzielonejPlatnosci AS [split_payment],
    d.DokumentHandlowy_MetodaKasowa AS [cash_method],
    m.Id AS [warehouse.id],
    m.Symbol AS [warehouse.code],
    m.Nazwa AS [warehouse.name],
    os.Id AS [salesperson.id],
    os.Imie AS [_first_name],
    os.Nazwisko AS [_last_name],
    d.Uwagi AS [remarks]
FROM ModelDanychContainer.Dokumenty d
LEFT JOIN ModelDanychContainer.StatusyDokumentow st ON st.Id = d.StatusDokumentuId
LEFT JOIN ModelDanychContainer.FormyPlatnosci fp ON fp.Id = d.FormaPlatnosciId
LEFT JOIN ModelDanychContainer.Waluty w ON w.Id = d.Dokument_Waluta_Id
LEFT JOIN ModelDanychContainer.Magazyny m ON m.Id = d.MagazynId
LEFT JOIN ModelDanychContainer.Osoby os ON os.Id = d.WystawilaOsobaId
-- COALESCE keeps an index on the symbol from being taken: pages walk along the key.
WHERE COALESCE(d.Symbol, '') IN (:sales)
  AND CASE WHEN d.Symbol IN (:correction) THEN 2 WHEN d.Symbol IN (:receipt) THEN 5 WHEN d.Symbol IN (:receipt_invoice) THEN 6 WHEN d.Symbol IN (:advance) THEN 3 WHEN d.Symbol IN (:final) THEN 4 WHEN d.Symbol IN (:margin) THEN 7 WHEN d.Symbol IN (:proforma) THEN 8 ELSE 1 END NOT IN (5, 8)  --? listed
  AND CASE WHEN d.Symbol IN (:correction) THEN 2 WHEN d.Symbol IN (:receipt) THEN 5 WHEN d.Symbol IN (:receipt_invoice) THEN 6 WHEN d.Symbol IN (:advance) THEN 3 WHEN d.Symbol IN (:final) THEN 4 WHEN d.Symbol IN (:margin) THEN 7 WHEN d.Symbol IN (:proforma) THEN 8 ELSE 1 END IN (:kinds)  --? kinds
  AND COALESCE(st.Uniewazniony, 0) = 0  --? not include_cancelled
  AND d.Id IN (:ids)  --? ids
  AND d.NumerWewnetrzny_PelnaSygnatura IN (:numbers)  --? numbers
  AND d.Id IN (  --? ksef_number
      SELECT k.Dokument_Id FROM ModelDanychContainer.NumeryKSeFDokumentow k WHERE k.Numer = :ksef_number  --? ksef_number
  )  --? ksef_number
  AND d.Id IN (  --? customer_id
      SELECT y.Id FROM ModelDanychContainer.Dokumenty y WHERE y.PodmiotId = :customer_id  --? customer_id
      UNION ALL  --? customer_id
      SELECT y.Id FROM ModelDanychContainer.Dokumenty y  --? customer_id
      JOIN ModelDanychContainer.PodmiotHistorie h ON h.Id = y.Dokument_Platnik_Id  --? customer_id
      WHERE h.PodmiotDlaKtoregoHistoria_Id = :customer_id  --? customer_id
  )  --? customer_id
  AND d.DataWprowadzenia >= :issue_date_from  --? issue_date_from
  AND d.DataWprowadzenia < :issue_date_to  --? issue_date_to
  AND (SELECT MAX(x.Termin) FROM ModelDanychContainer.PlatnosciDokumentow x WHERE x.DokumentId = d.Id) < :due_date_before  --? due_date_before
  AND EXISTS (  --? only_unpaid
      SELECT 1 FROM ModelDanychContainer.Rozrachunki r  --? only_unpaid
      WHERE r.Dokument_Id = d.Id AND r.Typ IN (1, 2) AND r.KwotaPozostala <> 0  --? only_unpaid
        AND r.Podmiot_Id IN (  --? only_unpaid
            d.PodmiotId,  --? only_unpaid
            (SELECT h.PodmiotDlaKtoregoHistoria_Id FROM ModelDanychContainer.PodmiotHistorie h WHERE h.Id = d.Dokument_Platnik_Id)  --? only_unpaid
        )  --? only_unpaid
  )  --? only_unpaid
  AND (  --? changed_since
      CAST(d.TimeStamp AS bigint) >= :changed_since  --? changed_since
      OR EXISTS (  --? changed_since
          SELECT 1 FROM ModelDanychContainer.Rozrachunki z  --? changed_since
          WHERE z.Dokument_Id = d.Id AND CAST(z.TimeStamp AS bigint) >= :changed_since  --? changed_since
      )  --? changed_since
  )  --? changed_since
