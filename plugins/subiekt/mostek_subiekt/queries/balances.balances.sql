-- Sums by currency, of the same rows as receivables.sql without the uncollectible ones, and of payments that came in
-- (KP 17, bank 19; a cancelled one has status 2 where it is cash) as far as they are not assigned.
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
    b.unallocated AS [unallocated_payments],
    b.owed - b.credits - b.unallocated AS [net],
    b.oldest AS [oldest_due_date]
FROM (
    SELECT
        f.nzf_IdObiektu AS customer,
        f.nzf_IdWaluty AS currency,
        SUM(CASE WHEN f.nzf_Typ = 39 THEN f.nzf_WartoscWaluta ELSE 0 END) AS owed,
        SUM(CASE WHEN f.nzf_Typ = 39 AND f.nzf_TerminPlatnosci < :today THEN f.nzf_WartoscWaluta ELSE 0 END) AS overdue,
        SUM(CASE WHEN f.nzf_Typ = 39 AND f.nzf_TerminPlatnosci < :today AND f.nzf_TerminPlatnosci >= :days_30 THEN f.nzf_WartoscWaluta ELSE 0 END) AS overdue_1_to_30,
        SUM(CASE WHEN f.nzf_Typ = 39 AND f.nzf_TerminPlatnosci < :days_30 AND f.nzf_TerminPlatnosci >= :days_60 THEN f.nzf_WartoscWaluta ELSE 0 END) AS overdue_31_to_60,
        SUM(CASE WHEN f.nzf_Typ = 39 AND f.nzf_TerminPlatnosci < :days_60 AND f.nzf_TerminPlatnosci >= :days_90 THEN f.nzf_WartoscWaluta ELSE 0 END) AS overdue_61_to_90,
        SUM(CASE WHEN f.nzf_Typ = 39 AND f.nzf_TerminPlatnosci < :days_90 THEN f.nzf_WartoscWaluta ELSE 0 END) AS overdue_over_90,
        SUM(CASE WHEN f.nzf_Typ = 40 THEN f.nzf_WartoscWaluta ELSE 0 END) AS credits,
        SUM(CASE WHEN f.nzf_Typ IN (17, 19) THEN f.nzf_WartoscWaluta - f.nzf_SplataWaluta ELSE 0 END) AS unallocated,
        MIN(CASE WHEN f.nzf_Typ = 39 AND f.nzf_WartoscWaluta <> 0 THEN f.nzf_TerminPlatnosci END) AS oldest
    FROM dbo.nz__Finanse f
    LEFT JOIN dbo.dok__Dokument d ON d.dok_Id = f.nzf_IdDokumentAuto
    WHERE f.nzf_IdObiektu IN (:parents)
      AND f.nzf_TypObiektu = 1
      AND (
          f.nzf_Typ = 39 AND f.nzf_Status <> 2
          OR f.nzf_Typ = 40 AND f.nzf_Status <> 2 AND (d.dok_Typ IS NULL OR d.dok_Typ NOT IN (1, 3, 5))
          OR f.nzf_Typ = 17 AND f.nzf_Status = 1
          OR f.nzf_Typ = 19
      )
    GROUP BY f.nzf_IdObiektu, f.nzf_IdWaluty
) b
WHERE (b.owed <> 0 OR b.credits <> 0 OR b.unallocated <> 0)
