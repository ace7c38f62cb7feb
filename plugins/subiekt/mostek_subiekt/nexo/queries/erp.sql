-- The own company: the entity that the program marks so (type 2, subtype 11).
-- key: p.Id int
-- :ids int
-- convert program: program()
-- convert company_name: full_name(company_name, _short_name)
-- convert company_tax_id.country: tax_country(company_tax_id.number, _country)
-- convert company_tax_id.number: tax_number(company_tax_id.number, _country)
-- convert company_tax_id.kind: tax_kind(company_tax_id.number, _country)
-- convert base_currency: currency
-- convert time_zone: time_zone()
-- convert operations: operations()
SELECT
    f.Nazwa AS [company_name],
    p.NazwaSkrocona AS [_short_name],
    COALESCE(NULLIF(p.NIP, ''), p.NIPUE) AS [company_tax_id.number],
    'PL' AS [_country],
    (SELECT MIN(w.Symbol) FROM ModelDanychContainer.Waluty w WHERE w.KartotekaWalut_Id IS NOT NULL) AS [base_currency]
FROM ModelDanychContainer.Podmioty p
LEFT JOIN ModelDanychContainer.Firmy f ON f.Id = (SELECT MIN(x.Id) FROM ModelDanychContainer.Firmy x WHERE x.Firma_Podmiot_Id = p.Id)
WHERE 1 = 1
  AND p.Id IN (:ids)  --? ids
