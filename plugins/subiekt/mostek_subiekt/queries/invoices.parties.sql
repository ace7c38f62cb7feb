-- The buyer, and the recipient if it is another, with the name and address that the document froze (adr_Historia).
-- key: y.position int
-- :parents int
-- convert role: party_role(_position, _recipient_role)
-- convert tax_id.country: tax_country(tax_id.number, _country)
-- convert tax_id.number: tax_number(tax_id.number, _country)
-- convert tax_id.kind: tax_kind(tax_id.number, _country)
-- convert address.country: country
SELECT
    y.document AS [parent_id],
    y.position AS [_position],
    d.dok_RolaOdbiorcyKSeF AS [_recipient_role],
    -1 AS [_recipient_role],
    k.kh_Id AS [customer_id],
    k.kh_Symbol AS [customer_code],
    h.adrh_NazwaPelna AS [name],
    h.adrh_NIP AS [tax_id.number],
    COALESCE(NULLIF(p.pa_KodPanstwaISO, ''), p.pa_KodPanstwaUE) AS [_country],
    h.adrh_Ulica AS [address.street],
    h.adrh_NrDomu AS [address.house_number],
    h.adrh_NrLokalu AS [address.flat_number],
    h.adrh_Kod AS [address.postal_code],
    h.adrh_Miejscowosc AS [address.city],
    NULLIF(h.adrh_Poczta, h.adrh_Miejscowosc) AS [address.post_office],
    h.adrh_Gmina AS [address.commune],
    h.adrh_Powiat AS [address.county],
    w.woj_Nazwa AS [address.voivodeship],
    COALESCE(NULLIF(p.pa_KodPanstwaISO, ''), p.pa_KodPanstwaUE) AS [address.country],
    h.adrh_GLN AS [gln]
FROM (
    SELECT b.dok_Id AS document, 1 AS position, b.dok_PlatnikId AS customer, b.dok_PlatnikAdreshId AS version
    FROM dbo.dok__Dokument b
    WHERE b.dok_Id IN (:parents) AND b.dok_PlatnikAdreshId IS NOT NULL
    UNION ALL
    SELECT r.dok_Id AS document, 2 AS position, r.dok_OdbiorcaId AS customer, r.dok_OdbiorcaAdreshId AS version
    FROM dbo.dok__Dokument r
    WHERE r.dok_Id IN (:parents) AND r.dok_OdbiorcaAdreshId IS NOT NULL
      AND (r.dok_PlatnikId IS NULL OR r.dok_OdbiorcaId <> r.dok_PlatnikId)
) y
JOIN dbo.dok__Dokument d ON d.dok_Id = y.document
LEFT JOIN dbo.adr_Historia h ON h.adrh_Id = y.version
LEFT JOIN dbo.kh__Kontrahent k ON k.kh_Id = y.customer AND k.kh_Jednorazowy = 0
LEFT JOIN dbo.sl_Panstwo p ON p.pa_Id = h.adrh_IdPanstwo
LEFT JOIN dbo.sl_Wojewodztwo w ON w.woj_Id = h.adrh_IdWojewodztwo
WHERE 1 = 1
