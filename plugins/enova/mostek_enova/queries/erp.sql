-- One database is one company; where the program keeps the company's name and its own version is not known.
-- key: c.id int
-- :ids int
-- convert program: program()
-- convert company_name: company_name()
-- convert time_zone: time_zone()
-- convert operations: operations()
SELECT
    'PLN' AS [base_currency]
FROM (SELECT 1 AS id) c
WHERE 1 = 1
  AND c.id IN (:ids)  --? ids
