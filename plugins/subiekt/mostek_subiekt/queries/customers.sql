-- Customers (kh__Kontrahent) with the seat of adr__Ewid; one-off ones are left out.
-- key: k.kh_Id int
-- :ids int
-- :codes varchar(20)
-- :tax_id varchar(20) tax_id_notations
-- :tax_id_country varchar(2)
-- :text varchar(255) contains
-- :group_id int
-- :active bit negated
-- :changed_since datetime
-- filter tax_id reads tax_id.number
-- filter tax_id_country reads tax_id.number
-- filter text reads full_name
-- filter group_id reads group.id
-- filter changed_since reads changed_at
-- convert kind: customer_kind(_person, _retail, _has_tax_id)
-- convert tax_id.country: tax_country(tax_id.number, _country)
-- convert tax_id.number: tax_number(tax_id.number, _country)
-- convert tax_id.kind: tax_kind(tax_id.number, _country)
-- convert address.country: country
-- convert correspondence_address.country: country
-- convert currency: currency
-- convert active: negated
-- convert salesperson.name: joined(_first_name, _last_name)
-- convert changed_at: latest(_card_changed, _address_changed)
SELECT
    k.kh_Id AS [id],
    k.kh_Symbol AS [code],
    a.adr_Nazwa AS [name],
    a.adr_NazwaPelna AS [full_name],
    k.kh_Osoba AS [_person],
    k.kh_OdbDet AS [_retail],
    CASE WHEN a.adr_NIP > '' THEN 1 ELSE 0 END AS [_has_tax_id],
    a.adr_NIP AS [tax_id.number],
    COALESCE(NULLIF(p.pa_KodPanstwaISO, ''), p.pa_KodPanstwaUE) AS [_country],
    k.kh_REGON AS [regon],
    k.kh_PESEL AS [pesel],
    k.kh_CzynnyPodatnikVAT AS [vat_payer],
    k.kh_PodVATZarejestrowanyWUE AS [eu_vat_payer],
    a.adr_GLN AS [gln],
    a.adr_Ulica AS [address.street],
    a.adr_NrDomu AS [address.house_number],
    a.adr_NrLokalu AS [address.flat_number],
    a.adr_Kod AS [address.postal_code],
    a.adr_Miejscowosc AS [address.city],
    NULLIF(a.adr_Poczta, a.adr_Miejscowosc) AS [address.post_office],
    a.adr_Gmina AS [address.commune],
    a.adr_Powiat AS [address.county],
    w.woj_Nazwa AS [address.voivodeship],
    COALESCE(NULLIF(p.pa_KodPanstwaISO, ''), p.pa_KodPanstwaUE) AS [address.country],
    c.adr_Ulica AS [correspondence_address.street],
    c.adr_NrDomu AS [correspondence_address.house_number],
    c.adr_NrLokalu AS [correspondence_address.flat_number],
    c.adr_Kod AS [correspondence_address.postal_code],
    c.adr_Miejscowosc AS [correspondence_address.city],
    NULLIF(c.adr_Poczta, c.adr_Miejscowosc) AS [correspondence_address.post_office],
    c.adr_Gmina AS [correspondence_address.commune],
    c.adr_Powiat AS [correspondence_address.county],
    cw.woj_Nazwa AS [correspondence_address.voivodeship],
    COALESCE(NULLIF(cp.pa_KodPanstwaISO, ''), cp.pa_KodPanstwaUE) AS [correspondence_address.country],
    COALESCE(
        NULLIF(k.kh_EMail, ''),
        (SELECT MIN(m.am_Email) FROM dbo.adr_Email m WHERE m.am_IdAdres = a.adr_Id AND m.am_Podstawowy = 1)
    ) AS [email],
    (
        SELECT MIN(m.am_Email) FROM dbo.adr_Email m
        WHERE m.am_IdAdres = a.adr_Id AND m.am_DoWysylkiDokumentow = 1
    ) AS [invoice_email],
    COALESCE(
        NULLIF(a.adr_Telefon, ''),
        (
            SELECT MIN(n.tel_Numer) FROM dbo.tel__Ewid n
            WHERE n.tel_IdAdresu = a.adr_Id AND n.tel_Podstawowy = 1 AND n.tel_Faks = 0
        )
    ) AS [phone],
    f.fp_Id AS [payment_method.id],
    f.fp_Nazwa AS [payment_method.name],
    f.fp_Termin AS [payment_days],
    NULLIF(k.kh_Cena, 0) AS [price_list.id],
    CASE k.kh_Cena
        WHEN 1 THEN l.twp_NazwaCeny1 WHEN 2 THEN l.twp_NazwaCeny2 WHEN 3 THEN l.twp_NazwaCeny3
        WHEN 4 THEN l.twp_NazwaCeny4 WHEN 5 THEN l.twp_NazwaCeny5 WHEN 6 THEN l.twp_NazwaCeny6
        WHEN 7 THEN l.twp_NazwaCeny7 WHEN 8 THEN l.twp_NazwaCeny8 WHEN 9 THEN l.twp_NazwaCeny9
        WHEN 10 THEN l.twp_NazwaCeny10
    END AS [price_list.name],
    r.rt_Procent AS [discount],
    k.kh_DomyslnaWaluta AS [currency],
    NULLIF(k.kh_MaxWartKred, 0) AS [credit_limit],
    k.kh_Zablokowany AS [active],
    k.kh_Zablokowany AS [blocked],
    g.grk_Id AS [group.id],
    g.grk_Nazwa AS [group.name],
    u.uz_Id AS [salesperson.id],
    u.uz_Identyfikator AS [salesperson.code],
    u.uz_Imie AS [_first_name],
    u.uz_Nazwisko AS [_last_name],
    k.kh_Uwagi AS [remarks],
    k.kh_DataDodania AS [created_at],
    k.kh_DataZmiany AS [_card_changed],
    a.adr_DataZmiany AS [_address_changed]
FROM dbo.kh__Kontrahent k
LEFT JOIN dbo.adr__Ewid a ON a.adr_IdObiektu = k.kh_Id AND a.adr_TypAdresu = 1
LEFT JOIN dbo.sl_Panstwo p ON p.pa_Id = a.adr_IdPanstwo
LEFT JOIN dbo.sl_Wojewodztwo w ON w.woj_Id = a.adr_IdWojewodztwo
LEFT JOIN dbo.adr__Ewid c ON c.adr_IdObiektu = k.kh_Id AND c.adr_TypAdresu = 2 AND k.kh_AdresKoresp = 1
LEFT JOIN dbo.sl_Panstwo cp ON cp.pa_Id = c.adr_IdPanstwo
LEFT JOIN dbo.sl_Wojewodztwo cw ON cw.woj_Id = c.adr_IdWojewodztwo
LEFT JOIN dbo.sl_FormaPlatnosci f ON f.fp_Id = k.kh_IdFormaP AND k.kh_PlatOdroczone = 1
LEFT JOIN dbo.tw_Parametr l ON l.twp_Id = (SELECT MIN(only.twp_Id) FROM dbo.tw_Parametr only)
LEFT JOIN dbo.sl_Rabat r ON r.rt_id = k.kh_IdRabat
LEFT JOIN dbo.sl_GrupaKh g ON g.grk_Id = k.kh_IdGrupa
LEFT JOIN dbo.pd_Uzytkownik u ON u.uz_Id = k.kh_IdOpiekun
WHERE k.kh_Jednorazowy = 0
  AND k.kh_Id IN (:ids)  --? ids
  AND k.kh_Symbol IN (:codes)  --? codes
  AND k.kh_Id IN (  --? tax_id
      SELECT t.adr_IdObiektu FROM dbo.adr__Ewid t WHERE t.adr_TypAdresu = 1 AND t.adr_NIP IN (:tax_id)  --? tax_id
  )  --? tax_id
  AND (a.adr_NIP LIKE '[A-Z]%' OR p.pa_KodPanstwaISO = :tax_id_country)  --? tax_id_country
  AND (  --? text
      k.kh_Symbol LIKE :text ESCAPE '\'  --? text
      OR a.adr_Nazwa LIKE :text ESCAPE '\'  --? text
      OR a.adr_NazwaPelna LIKE :text ESCAPE '\'  --? text
  )  --? text
  AND k.kh_IdGrupa = :group_id  --? group_id
  AND k.kh_Zablokowany = :active  --? active
  AND (  --? changed_since
      k.kh_DataZmiany >= :changed_since  --? changed_since
      OR k.kh_DataDodania >= :changed_since  --? changed_since
      OR EXISTS (  --? changed_since
          SELECT 1 FROM dbo.adr__Ewid z  --? changed_since
          WHERE z.adr_IdObiektu = k.kh_Id AND z.adr_TypAdresu IN (1, 2, 11)  --? changed_since
            AND z.adr_DataZmiany >= :changed_since  --? changed_since
      )  --? changed_since
      OR EXISTS (  --? changed_since
          SELECT 1 FROM dbo.kh_Pracownik z  --? changed_since
          WHERE z.pk_IdKh = k.kh_Id AND z.pk_DataZmiany >= :changed_since  --? changed_since
      )  --? changed_since
  )  --? changed_since
