-- The company (pd__Podmiot, always one row) with its address (adr__Ewid, type 8).
-- key: c.pd_Id int
-- :ids int
-- convert program: program()
-- convert company_tax_id.country: tax_country(company_tax_id.number, _country)
-- convert company_tax_id.number: tax_number(company_tax_id.number, _country)
-- convert company_tax_id.kind: tax_kind(company_tax_id.number, _country)
-- convert time_zone: time_zone()
-- convert text_encoding: text_encoding()
-- convert operations: operations()
SELECT
    COALESCE(NULLIF(a.adr_NazwaPelna, ''), c.pd_LicNazwaFirmy) AS [company_name],
    COALESCE(NULLIF(a.adr_NIP, ''), c.pd_LicNIP) AS [company_tax_id.number],
    COALESCE(NULLIF(p.pa_KodPanstwaISO, ''), p.pa_KodPanstwaUE) AS [_country],
    'PLN' AS [base_currency]
FROM dbo.pd__Podmiot c
LEFT JOIN dbo.adr__Ewid a ON a.adr_IdObiektu = c.pd_Id AND a.adr_TypAdresu = 8
LEFT JOIN dbo.sl_Panstwo p ON p.pa_Id = a.adr_IdPanstwo
WHERE 1 = 1
  AND c.pd_Id IN (:ids)  --? ids
