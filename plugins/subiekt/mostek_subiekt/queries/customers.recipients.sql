-- Recipients: the one that the card names, and those whose own card names this customer as their buyer.
-- key: r.recipient int
-- :parents int
-- convert role: recipient_role
-- convert tax_id.country: tax_country(tax_id.number, _country)
-- convert tax_id.number: tax_number(tax_id.number, _country)
-- convert tax_id.kind: tax_kind(tax_id.number, _country)
-- convert address.country: country
SELECT
    r.customer AS [parent_id],
    k.kh_Id AS [id],
    k.kh_Symbol AS [code],
    a.adr_NazwaPelna AS [name],
    k.kh_RolaOdbiorcyKSeF AS [role],
    a.adr_NIP AS [tax_id.number],
    COALESCE(NULLIF(p.pa_KodPanstwaISO, ''), p.pa_KodPanstwaUE) AS [_country],
    a.adr_Ulica AS [address.street],
    a.adr_NrDomu AS [address.house_number],
    a.adr_NrLokalu AS [address.flat_number],
    a.adr_Kod AS [address.postal_code],
    a.adr_Miejscowosc AS [address.city],
    NULLIF(a.adr_Poczta, a.adr_Miejscowosc) AS [address.post_office],
    a.adr_Gmina AS [address.commune],
    a.adr_Powiat AS [address.county],
    w.woj_Nazwa AS [address.voivodeship],
    COALESCE(NULLIF(p.pa_KodPanstwaISO, ''), p.pa_KodPanstwaUE) AS [address.country]
FROM (
    SELECT b.kh_Id AS customer, b.kh_IdOdbiorca AS recipient
    FROM dbo.kh__Kontrahent b
    WHERE b.kh_Id IN (:parents) AND b.kh_IdOdbiorca IS NOT NULL
    UNION ALL
    SELECT s.kh_IdNabywca AS customer, s.kh_Id AS recipient
    FROM dbo.kh__Kontrahent s
    JOIN dbo.kh__Kontrahent b ON b.kh_Id = s.kh_IdNabywca
    WHERE s.kh_IdNabywca IN (:parents) AND (b.kh_IdOdbiorca IS NULL OR b.kh_IdOdbiorca <> s.kh_Id)
) r
JOIN dbo.kh__Kontrahent k ON k.kh_Id = r.recipient
LEFT JOIN dbo.adr__Ewid a ON a.adr_IdObiektu = k.kh_Id AND a.adr_TypAdresu = 1
LEFT JOIN dbo.sl_Panstwo p ON p.pa_Id = a.adr_IdPanstwo
LEFT JOIN dbo.sl_Wojewodztwo w ON w.woj_Id = a.adr_IdWojewodztwo
WHERE k.kh_Jednorazowy = 0
