-- Sums by currency, of the same rows as receivables.sql, and payments received (Typ 20) that settle nothing yet.
-- key: b.currency nvarchar(3)
-- :parents int
-- :unset datetime
-- :today datetime
-- :days_30 datetime
-- :days_60 datetime
-- :days_90 datetime
-- convert currency: currency
-- convert oldest_due_date: day
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
    b.unallocated AS [unallocated_payments],
    b.owed - b.credits - b.unallocated AS [net],
    b.oldest AS [oldest_due_date]
FROM (
    SELECT
        o.customer AS customer,
        o.currency AS currency,
        SUM(CASE WHEN o.credit = 0 THEN o.remaining ELSE 0 END) AS owed,
        SUM(CASE WHEN o.credit = 0 AND o.due > :unset AND o.due < :today THEN o.remaining ELSE 0 END) AS overdue,
        SUM(CASE WHEN o.credit = 0 AND o.due > :unset AND o.due < :today AND o.due >= :days_30 THEN o.remaining ELSE 0 END) AS overdue_1_to_30,
        SUM(CASE WHEN o.credit = 0 AND o.due > :unset AND o.due < :days_30 AND o.due >= :days_60 THEN o.remaining ELSE 0 END) AS overdue_31_to_60,
        SUM(CASE WHEN o.credit = 0 AND o.due > :unset AND o.due < :days_60 AND o.due >= :days_90 THEN o.remaining ELSE 0 END) AS overdue_61_to_90,
        SUM(CASE WHEN o.credit = 0 AND o.due > :unset AND o.due < :days_90 THEN o.remaining ELSE 0 END) AS overdue_over_90,
        SUM(CASE WHEN o.credit = 1 THEN o.remaining ELSE 0 END) AS credits,
        SUM(CASE WHEN o.credit = 2 THEN o.remaining ELSE 0 END) AS unallocated,
        MIN(CASE WHEN o.credit = 0 AND o.remaining <> 0 AND o.due > :unset THEN o.due END) AS oldest
    FROM (
        SELECT
            r.Podmiot AS customer,
            COALESCE(NULLIF(r.KwotaSymbol, ''), 'PLN') AS currency,
            CASE WHEN r.Typ = 11 OR r.KwotaValue < 0 OR COALESCE(CAST(r.Zwrot AS int), 0) = 1 THEN 1 ELSE 0 END AS credit,
            r.Termin AS due,
            ABS(r.KwotaValue - r.KwotaRozliczonaValue) AS remaining
        FROM dbo.RozrachunkiIdx r
        LEFT JOIN dbo.Platnosci p ON p.ID = r.Dokument AND r.DokumentType = 'Platnosci'
        LEFT JOIN dbo.DokHandlowe d ON d.ID = p.Dokument AND p.DokumentType = 'DokHandlowe'
        WHERE r.Podmiot IN (:parents) AND r.PodmiotType = 'Kontrahenci'
          AND (r.Typ = 10 OR (r.Typ = 11 AND d.Kategoria IN (2, 3)))
          AND COALESCE(d.Kategoria, 0) NOT IN (4, 5)
          AND COALESCE(d.Stan, 1) <> 3
          AND COALESCE(CAST(p.Bufor AS int), 0) = 0
          AND COALESCE(CAST(p.Rozliczana AS int), 1) = 1
        UNION ALL
        SELECT
            r.Podmiot AS customer,
            COALESCE(NULLIF(r.KwotaSymbol, ''), 'PLN') AS currency,
            2 AS credit,
            r.Termin AS due,
            r.KwotaValue - r.KwotaRozliczonaValue AS remaining
        FROM dbo.RozrachunkiIdx r
        WHERE r.Podmiot IN (:parents) AND r.PodmiotType = 'Kontrahenci'
          AND r.Typ = 20 AND COALESCE(CAST(r.Zwrot AS int), 0) = 0 AND r.KwotaValue > r.KwotaRozliczonaValue
    ) o
    GROUP BY o.customer, o.currency
) b
WHERE (b.owed <> 0 OR b.credits <> 0 OR b.unallocated <> 0)
