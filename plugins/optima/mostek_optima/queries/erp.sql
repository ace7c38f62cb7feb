-- The company database (SystemCDN 1: its name, 3: its version). The company's own name and NIP are in the configuration
-- database, which is not read.
-- key: s.SYS_ID int
-- :ids int
-- convert program: program()
-- convert company_name: company_name
-- convert time_zone: time_zone()
-- convert text_encoding: text_encoding()
-- convert operations: operations()
SELECT
    (SELECT MIN(v.SYS_Wartosc) FROM CDN.SystemCDN v WHERE v.SYS_ID = 3) AS [database_version],
    s.SYS_Wartosc AS [company_name],
    'PLN' AS [base_currency]
FROM CDN.SystemCDN s
WHERE s.SYS_ID = 1
  AND s.SYS_ID IN (:ids)  --? ids
