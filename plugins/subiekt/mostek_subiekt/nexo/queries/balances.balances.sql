-- Sums by currency, of the same rows as receivables.sql without the uncollectible ones. Payments that nothing is settled
-- with are in no table that is known.
-- key: b.currency nchar(3)
-- :parents int
-- :sales nvarchar(16)
-- :today datetime
-- :days_30 datetime
-- :days_60 datetime
-- :days_90 datetime
-- convert currency: currency
SELECT
    b.customer AS [parent_id],
    b.currency AS [currency],
    b.owed AS [owed],
    b.overdue AS [overdue],
    b.overdue_1_to_30 AS [overdue_1_to_30],
    b.overdue_31_to_60 AS [overdue_31_to_60],
    b.overdue_61_to_90 AS [overdue_61_to_90],
    b.overdue_over_90 AS [overdue_over_90],
    b.credits AS [credits],
    b.oldest AS [oldest_due_date]
FROM (
    SELECT
        r.Podmiot_Id AS customer,
        w.Symbol AS currency,
        SUM(CASE WHEN r.Typ = 1 THEN r.KwotaPozostala ELSE 0 END) AS owed,
        SUM(CASE WHEN r.Typ = 1 AND r.TerminPlatnosci < :today THEN r.KwotaPozostala ELSE 0 END) AS overdue,
        SUM(CASE WHEN r.Typ = 1 AND r.TerminPlatnosci < :today AND r.TerminPlatnosci >= :days_30 THEN r.KwotaPozostala ELSE 0 END) AS overdue_1_to_30,
        SUM(CASE WHEN r.Typ = 1 AND r.TerminPlatnosci < :days_30 AND r.TerminPlatnosci >= :days_60 THEN r.KwotaPozostala ELSE 0 END) AS overdue_31_to_60,
        SUM(CASE WHEN r.Typ = 1 AND r.TerminPlatnosci < :days_60 AND r.TerminPlatnosci >= :days_90 THEN r.KwotaPozostala ELSE 0 END) AS overdue_61_to_90,
        SUM(CASE WHEN r.Typ = 1 AND r.TerminPlatnosci < :days_90 THEN r.KwotaPozostala ELSE 0 END) AS overdue_over_90,
        SUM(CASE WHEN r.Typ = 2 THEN r.KwotaPozostala ELSE 0 END) AS credits,
        MIN(CASE WHEN r.Typ = 1 AND r.KwotaPozostala <> 0 THEN r.TerminPlatnosci END) AS oldest
    FROM ModelDanychContainer.Rozrachunki r
    LEFT JOIN ModelDanychContainer.Dokumenty d ON d.Id = r.Dokument_Id
    LEFT JOIN ModelDanychContainer.Waluty w ON w.Id = r.Waluta_Id
    WHERE r.Podmiot_Id IN (:parents)
      AND COALESCE(r.Sciagalny, 1) = 1
      AND (COALESCE(r.Typ, 0) = 1 OR COALESCE(r.Typ, 0) = 2 AND d.Symbol IN (:sales))
    GROUP BY r.Podmiot_Id, w.Symbol
) b
WHERE (b.owed <> 0 OR b.credits <> 0)
