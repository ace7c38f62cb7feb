-- Orders from customers (ZK of dok__Dokument).
-- key: d.dok_Id int
-- :ids int
-- :numbers varchar(30)
-- :external_numbers varchar(30)
-- :customer_id int
-- :states int
-- :partly_states int
-- :order_date_from datetime
-- :order_date_to datetime next_day
-- filter external_numbers reads external_number
-- filter customer_id reads parties.customer_id
-- filter states reads state
-- filter order_date_from reads order_date
-- filter order_date_to reads order_date
-- convert state: order_state(state, _extended_state)
-- convert delivery_address.address.country: country
-- convert price_basis: price_basis
-- convert discount: not_zero
-- convert payment_days: days_between(_issued, _due)
-- convert transaction_kind: transaction_kind
-- convert salesperson.name: joined(_first_name, _last_name)
-- convert exchange_rate: rate_per_unit(exchange_rate, _currency_units)
-- convert remarks: paragraphs(remarks, _more_remarks)
SELECT
    d.dok_Id AS [id],
    d.dok_NrPelny AS [number],
    d.dok_NrPelnyOryg AS [external_number],
    d.dok_Status AS [state],
    d.dok_StatusEx AS [_extended_state],
    d.dok_DataWyst AS [order_date],
    d.dok_TerminRealizacji AS [delivery_date],
    h.adrh_Id AS [delivery_address.id],
    h.adrh_Nazwa AS [delivery_address.name],
    h.adrh_Ulica AS [delivery_address.address.street],
    h.adrh_NrDomu AS [delivery_address.address.house_number],
    h.adrh_NrLokalu AS [delivery_address.address.flat_number],
    h.adrh_Kod AS [delivery_address.address.postal_code],
    h.adrh_Miejscowosc AS [delivery_address.address.city],
    NULLIF(h.adrh_Poczta, h.adrh_Miejscowosc) AS [delivery_address.address.post_office],
    h.adrh_Gmina AS [delivery_address.address.commune],
    h.adrh_Powiat AS [delivery_address.address.county],
    w.woj_Nazwa AS [delivery_address.address.voivodeship],
    COALESCE(NULLIF(p.pa_KodPanstwaISO, ''), p.pa_KodPanstwaUE) AS [delivery_address.address.country],
    h.adrh_Telefon AS [delivery_address.phone],
    h.adrh_GLN AS [delivery_address.gln],
    m.mag_Id AS [warehouse.id],
    m.mag_Symbol AS [warehouse.code],
    m.mag_Nazwa AS [warehouse.name],
    CASE WHEN d.dok_CenyPoziom BETWEEN 1 AND 10 THEN d.dok_CenyPoziom END AS [price_list.id],
    CASE d.dok_CenyPoziom
        WHEN 1 THEN l.twp_NazwaCeny1 WHEN 2 THEN l.twp_NazwaCeny2 WHEN 3 THEN l.twp_NazwaCeny3
        WHEN 4 THEN l.twp_NazwaCeny4 WHEN 5 THEN l.twp_NazwaCeny5 WHEN 6 THEN l.twp_NazwaCeny6
        WHEN 7 THEN l.twp_NazwaCeny7 WHEN 8 THEN l.twp_NazwaCeny8 WHEN 9 THEN l.twp_NazwaCeny9
        WHEN 10 THEN l.twp_NazwaCeny10
    END AS [price_list.name],
    d.dok_CenyTyp AS [price_basis],
    d.dok_RabatProc AS [discount],
    f.fp_Id AS [payment_method.id],
    f.fp_Nazwa AS [payment_method.name],
    d.dok_DataWyst AS [_issued],
    d.dok_PlatTermin AS [_due],
    d.dok_RodzajOperacjiVat AS [transaction_kind],
    u.uz_Id AS [salesperson.id],
    u.uz_Identyfikator AS [salesperson.code],
    u.uz_Imie AS [_first_name],
    u.uz_Nazwisko AS [_last_name],
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
    d.dok_Uwagi AS [remarks],
    d.dok_UwagiExt AS [_more_remarks]
FROM dbo.dok__Dokument d
LEFT JOIN dbo.adr_Historia h ON h.adrh_Id = d.dok_AdresDostawyAdreshId
LEFT JOIN dbo.sl_Panstwo p ON p.pa_Id = h.adrh_IdPanstwo
LEFT JOIN dbo.sl_Wojewodztwo w ON w.woj_Id = h.adrh_IdWojewodztwo
LEFT JOIN dbo.sl_Magazyn m ON m.mag_Id = d.dok_MagId
LEFT JOIN dbo.tw_Parametr l ON l.twp_Id = (SELECT MIN(only.twp_Id) FROM dbo.tw_Parametr only)
LEFT JOIN dbo.sl_FormaPlatnosci f ON f.fp_Id = d.dok_PlatId
LEFT JOIN dbo.pd_Uzytkownik u ON u.uz_Id = d.dok_PersonelId
-- COALESCE keeps an index on the type from being taken: pages walk along the key.
WHERE COALESCE(d.dok_Typ, 0) = 16
  AND d.dok_Id IN (:ids)  --? ids
  AND d.dok_NrPelny IN (:numbers)  --? numbers
  AND d.dok_Typ = 16 AND d.dok_Podtyp IN (0, 1) AND d.dok_NrPelnyOryg IN (:external_numbers)  --? external_numbers
  AND d.dok_PlatnikId = :customer_id  --? customer_id
  AND d.dok_Status <> 2  --? only_valid
  AND (  --? states
      (d.dok_Status IN (:states) AND COALESCE(d.dok_StatusEx, 0) IN (0, 4, 8, 12, 16, 20, 24, 28))  --? states
      OR (d.dok_Status IN (:partly_states) AND COALESCE(d.dok_StatusEx, 0) NOT IN (0, 4, 8, 12, 16, 20, 24, 28))  --? states
  )  --? states
  AND d.dok_DataWyst >= :order_date_from  --? order_date_from
  AND d.dok_DataWyst < :order_date_to  --? order_date_to
