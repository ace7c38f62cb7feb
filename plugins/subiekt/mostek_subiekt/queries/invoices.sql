-- Sales documents: FS, KFS, PA, FM, KFM of dok__Dokument. What has still to be paid is in nz__Finanse, in the rows of
-- the buyer: a debt that went to a card operator or lender is a row of theirs.
-- key: d.dok_Id int
-- :types int
-- :subtypes int
-- :ids int
-- :numbers varchar(30)
-- :ksef_number varchar(64)
-- :ksef_number_of_old varchar(64)
-- :customer_id int
-- :issue_date_from datetime
-- :issue_date_to datetime next_day
-- :due_date_before datetime
-- filter ksef_number reads ksef.number
-- filter ksef_number_of_old reads ksef.number
-- filter customer_id reads parties.customer_id
-- filter issue_date_from reads issue_date
-- filter issue_date_to reads issue_date
-- filter due_date_before reads due_date
-- filter only_unpaid reads remaining
-- convert kind: invoice_kind(_type, _subtype)
-- convert state: invoice_state
-- convert correction_values: correction_values(_type)
-- convert ksef.state: ksef_state(ksef.state, _waits_for_ksef)
-- convert ksef.mode: ksef_mode
-- convert ksef.environment: ksef_environment
-- convert exchange_rate: rate_per_unit(exchange_rate, _currency_units)
-- convert transaction_kind: transaction_kind
-- convert price_basis: price_basis
-- convert salesperson.name: joined(_first_name, _last_name)
-- convert remarks: paragraphs(remarks, _more_remarks)
SELECT
    d.dok_Id AS [id],
    d.dok_NrPelny AS [number],
    d.dok_Typ AS [_type],
    d.dok_Podtyp AS [_subtype],
    d.dok_Status AS [state],
    COALESCE(
        (SELECT n.ksefnr_NumerKSeF FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_Id = d.dok_NumerKSeFId),
        d.dok_NumerKSeF
    ) AS [ksef.number],
    d.dok_NumerKSeF AS [ksef.number],
    (SELECT n.ksefnr_NumerKSeF FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_Id = d.dok_NumerKSeFId) AS [ksef.number],
    d.dok_StatusKSeF AS [ksef.state],
    d.dok_CzekaNaKSeF AS [_waits_for_ksef],
    d.dok_FormaDokumentowania AS [ksef.mode],
    d.dok_SrodowiskoKSeF AS [ksef.environment],
    COALESCE(
        (SELECT n.ksefnr_DataNadania FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_Id = d.dok_NumerKSeFId),
        d.dok_DataNumeruKSeF
    ) AS [ksef.accepted_at],
    d.dok_DataNumeruKSeF AS [ksef.accepted_at],
    d.dok_BladKSeF AS [ksef.error],
    d.dok_DataWyst AS [issue_date],
    d.dok_DataMag AS [sale_date],
    d.dok_PlatTermin AS [due_date],
    f.fp_Id AS [payment_method.id],
    f.fp_Nazwa AS [payment_method.name],
    COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') AS [currency],
    d.dok_WalutaKurs AS [exchange_rate],
    d.dok_WalutaLiczbaJednostek AS [_currency_units],
    d.dok_WalutaDataKursu AS [exchange_rate_date],
    CASE
        WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN d.dok_WartNetto
        ELSE (SELECT SUM(x.vt_WartNettoWaluta) FROM dbo.dok_Vat x WHERE x.vt_DokId = d.dok_Id)
    END AS [net],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN d.dok_WartNetto END AS [net],
    CASE
        WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN d.dok_WartVat
        ELSE (SELECT SUM(x.vt_WartVatWaluta) FROM dbo.dok_Vat x WHERE x.vt_DokId = d.dok_Id)
    END AS [vat],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN d.dok_WartVat END AS [vat],
    CASE
        WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN d.dok_WartBrutto
        ELSE (SELECT SUM(x.vt_WartBruttoWaluta) FROM dbo.dok_Vat x WHERE x.vt_DokId = d.dok_Id)
    END AS [gross],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN d.dok_WartBrutto END AS [gross],
    d.dok_WartNetto AS [net_pln],
    d.dok_WartVat AS [vat_pln],
    d.dok_WartBrutto AS [gross_pln],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN d.dok_WartOpWyd - d.dok_WartOpZwr END AS [deposit_total],
    CASE
        WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN d.dok_KwWartosc
        ELSE (SELECT SUM(x.vt_WartBruttoWaluta) FROM dbo.dok_Vat x WHERE x.vt_DokId = d.dok_Id)
    END AS [payable],
    CASE WHEN COALESCE(NULLIF(d.dok_Waluta, ''), 'PLN') = 'PLN' THEN d.dok_KwWartosc END AS [payable],
    (
        SELECT SUM(CASE f.nzf_Typ WHEN 39 THEN f.nzf_WartoscPierwotnaWaluta - f.nzf_WartoscWaluta ELSE f.nzf_WartoscWaluta - f.nzf_WartoscPierwotnaWaluta END)
        FROM dbo.nz__Finanse f
        WHERE f.nzf_IdDokumentAuto = d.dok_Id AND f.nzf_Typ IN (39, 40)
          AND f.nzf_TypObiektu = 1 AND f.nzf_IdObiektu = d.dok_PlatnikId
    ) AS [paid],
    COALESCE((
        SELECT SUM(CASE f.nzf_Typ WHEN 39 THEN f.nzf_WartoscWaluta ELSE 0 - f.nzf_WartoscWaluta END)
        FROM dbo.nz__Finanse f
        WHERE f.nzf_IdDokumentAuto = d.dok_Id AND f.nzf_Typ IN (39, 40)
          AND f.nzf_TypObiektu = 1 AND f.nzf_IdObiektu = d.dok_PlatnikId
    ), 0) AS [remaining],
    d.dok_MechanizmPodzielonejPlatnosci AS [split_payment],
    d.dok_MetodaKasowa AS [cash_method],
    d.dok_RodzajOperacjiVat AS [transaction_kind],
    d.dok_CenyTyp AS [price_basis],
    m.mag_Id AS [warehouse.id],
    m.mag_Symbol AS [warehouse.code],
    m.mag_Nazwa AS [warehouse.name],
    u.uz_Id AS [salesperson.id],
    u.uz_Identyfikator AS [salesperson.code],
    u.uz_Imie AS [_first_name],
    u.uz_Nazwisko AS [_last_name],
    d.dok_Uwagi AS [remarks],
    d.dok_UwagiExt AS [_more_remarks]
FROM dbo.dok__Dokument d
LEFT JOIN dbo.sl_FormaPlatnosci f ON f.fp_Id = d.dok_PlatId
LEFT JOIN dbo.sl_Magazyn m ON m.mag_Id = d.dok_MagId
LEFT JOIN dbo.pd_Uzytkownik u ON u.uz_Id = d.dok_PersonelId
-- COALESCE keeps an index on the type from being taken: pages walk along the key.
WHERE COALESCE(d.dok_Typ, 0) IN (:types)
  AND (d.dok_Typ <> 2 OR d.dok_Podtyp IN (:subtypes))
  AND d.dok_Status <> 2  --? not include_cancelled
  AND d.dok_Id IN (:ids)  --? ids
  AND d.dok_NrPelny IN (:numbers)  --? numbers
  AND d.dok_NumerKSeFId IN (  --? ksef_number
      SELECT n.ksefnr_Id FROM dbo.ksef_NumerKSeF n WHERE n.ksefnr_NumerKSeF = :ksef_number  --? ksef_number
  )  --? ksef_number
  AND d.dok_NumerKSeF = :ksef_number_of_old  --? ksef_number_of_old
  AND d.dok_PlatnikId = :customer_id  --? customer_id
  AND d.dok_DataWyst >= :issue_date_from  --? issue_date_from
  AND d.dok_DataWyst < :issue_date_to  --? issue_date_to
  AND d.dok_PlatTermin < :due_date_before  --? due_date_before
  AND EXISTS (  --? only_unpaid
      SELECT 1 FROM dbo.nz__Finanse f  --? only_unpaid
      WHERE f.nzf_IdDokumentAuto = d.dok_Id AND f.nzf_Typ IN (39, 40)  --? only_unpaid
        AND f.nzf_TypObiektu = 1 AND f.nzf_IdObiektu = d.dok_PlatnikId AND f.nzf_WartoscWaluta <> 0  --? only_unpaid
  )  --? only_unpaid
