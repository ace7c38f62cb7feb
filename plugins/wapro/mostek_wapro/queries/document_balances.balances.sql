-- Sums by currency, of the same rows as document_receivables.sql.
-- key: b.currency varchar(3)
-- :parents bigint
-- :company int
-- :proforma varchar(5)
-- :today int clarion
-- :days_30 int clarion
-- :days_60 int clarion
-- :days_90 int clarion
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
    b.owed - b.credits AS [net],
    b.oldest AS [oldest_due_date]
FROM (
    SELECT
        o.customer AS customer,
        o.currency AS currency,
        SUM(CASE WHEN o.side = 'WN' THEN o.remaining ELSE 0 END) AS owed,
        SUM(CASE WHEN o.side = 'WN' AND o.due <> 0 AND o.due < :today THEN o.remaining ELSE 0 END) AS overdue,
        SUM(CASE WHEN o.side = 'WN' AND o.due <> 0 AND o.due < :today AND o.due >= :days_30 THEN o.remaining ELSE 0 END) AS overdue_1_to_30,
        SUM(CASE WHEN o.side = 'WN' AND o.due <> 0 AND o.due < :days_30 AND o.due >= :days_60 THEN o.remaining ELSE 0 END) AS overdue_31_to_60,
        SUM(CASE WHEN o.side = 'WN' AND o.due <> 0 AND o.due < :days_60 AND o.due >= :days_90 THEN o.remaining ELSE 0 END) AS overdue_61_to_90,
        SUM(CASE WHEN o.side = 'WN' AND o.due <> 0 AND o.due < :days_90 THEN o.remaining ELSE 0 END) AS overdue_over_90,
        SUM(CASE WHEN o.side = 'MA' THEN o.remaining ELSE 0 END) AS credits,
        MIN(CASE WHEN o.side = 'WN' AND o.remaining <> 0 THEN NULLIF(o.due, 0) END) AS oldest
    FROM (
        SELECT
            COALESCE(NULLIF(h.ID_PLATNIKA, 0), h.ID_KONTRAHENTA) AS customer,
            CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.SYM_WAL ELSE 'PLN' END AS currency,
            CASE WHEN h.WARTOSC_BRUTTO < 0 OR h.POZOSTALO < 0 THEN 'MA' ELSE 'WN' END AS side,
            h.TERMIN_PLAT AS due,
            ABS(CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.POZOSTALO_WAL ELSE h.POZOSTALO END) AS remaining
        FROM dbo.DOKUMENT_HANDLOWY h
        LEFT JOIN dbo.TYP_DOKUMENTU_HANDLOWEGO t ON t.ID_TYPU = h.ID_TYPU
        WHERE h.ID_DOKUMENTU_HANDLOWEGO IN (
            SELECT x.ID_DOKUMENTU_HANDLOWEGO FROM dbo.DOKUMENT_HANDLOWY x
            WHERE x.ID_FIRMY = :company AND x.ID_PLATNIKA IN (:parents)
            UNION ALL
            SELECT x.ID_DOKUMENTU_HANDLOWEGO FROM dbo.DOKUMENT_HANDLOWY x
            WHERE x.ID_FIRMY = :company AND x.ID_KONTRAHENTA IN (:parents) AND COALESCE(x.ID_PLATNIKA, 0) = 0
        )
          AND h.TYP_DOKUMENTU = 's'
          AND COALESCE(CAST(h.TRYBREJESTRACJI AS int), 0) = 0
          AND COALESCE(h.FLAGA_STANU, 0) = 0
          AND COALESCE(t.SYGNATURA, '') NOT IN (:proforma)
    ) o
    GROUP BY o.customer, o.currency
) b
WHERE (b.owed <> 0 OR b.credits <> 0)
