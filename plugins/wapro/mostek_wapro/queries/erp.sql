-- The company (FIRMA).
-- key: c.ID_FIRMY bigint
-- :ids bigint
-- convert program: program()
-- convert company_tax_id.country: tax_country(company_tax_id.number, _country)
-- convert company_tax_id.number: tax_number(company_tax_id.number, _country)
-- convert company_tax_id.kind: tax_kind(company_tax_id.number, _country)
-- convert time_zone: time_zone()
-- convert text_encoding: text_encoding()
-- convert operations: operations()
SELECT
    (SELECT MAX(s.PRGWER) FROM dbo.WAPRODBSTATE s WHERE s.PRGNAZWA LIKE '%Mag%') AS [program_version],
    (SELECT MAX(s.DBWER) FROM dbo.WAPRODBSTATE s WHERE s.PRGNAZWA LIKE '%Mag%') AS [database_version],
    COALESCE(NULLIF(c.NAZWA_PELNA, ''), c.NAZWA) AS [company_name],
    c.NIP AS [company_tax_id.number],
    'PL' AS [_country],
    'PLN' AS [base_currency]
FROM dbo.FIRMA c
WHERE 1 = 1
  AND c.ID_FIRMY IN (:ids)  --? ids
