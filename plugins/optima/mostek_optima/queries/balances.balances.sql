-- Sums by currency, of the same rows as receivables.sql. Payments that are not assigned to any are in a table whose
-- columns are not known well enough.
-- key: b.currency varchar(3)
-- :parents int
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
    b.owed - b.credits AS [net],
    b.oldest AS [oldest_due_date]
FROM (
    SELECT
        o.customer AS customer,
        o.currency AS currency,
        SUM(CASE WHEN o.way = 1 THEN o.remaining ELSE 0 END) AS owed,
        SUM(CASE WHEN o.way = 1 AND o.due < :today THEN o.remaining ELSE 0 END) AS overdue,
        SUM(CASE WHEN o.way = 1 AND o.due < :today AND o.due >= :days_30 THEN o.remaining ELSE 0 END) AS overdue_1_to_30,
        SUM(CASE WHEN o.way = 1 AND o.due < :days_30 AND o.due >= :days_60 THEN o.remaining ELSE 0 END) AS overdue_31_to_60,
        SUM(CASE WHEN o.way = 1 AND o.due < :days_60 AND o.due >= :days_90 THEN o.remaining ELSE 0 END) AS overdue_61_to_90,
        SUM(CASE WHEN o.way = 1 AND o.due < :days_90 THEN o.remaining ELSE 0 END) AS overdue_over_90,
        SUM(CASE WHEN o.way = -1 THEN o.remaining ELSE 0 END) AS credits,
        MIN(CASE WHEN o.way = 1 AND o.remaining <> 0 THEN o.due END) AS oldest
    FROM (
        SELECT
            z.BZd_PodmiotID AS customer,
            COALESCE(NULLIF(z.BZd_Waluta, ''), 'PLN') AS currency,
            z.BZd_Kierunek AS way,
            z.BZd_Termin AS due,
            z.BZd_Kwota - z.BZd_KwotaRoz AS remaining
        FROM CDN.BnkZdarzenia z
        LEFT JOIN CDN.TraNag h ON h.TrN_TrNID = z.BZd_DokumentID AND z.BZd_DokumentTyp IN (1, 101)
        LEFT JOIN CDN.DokDefinicje d ON d.DDf_DDfID = z.BZd_DDfID
        WHERE z.BZd_PodmiotID IN (:parents)
          AND z.BZd_PodmiotTyp = 1
          AND z.BZd_Rozliczono = 1
          AND z.BZd_Stan > 0
          AND z.BZd_Kierunek IN (1, -1)
          AND COALESCE(h.TrN_TypDokumentu, d.DDf_Klasa, 0) NOT IN (102, 114, 117, 201, 224, 301, 307, 313, 322, 350, 600, 650)
    ) o
    GROUP BY o.customer, o.currency
) b
WHERE (b.owed <> 0 OR b.credits <> 0)
