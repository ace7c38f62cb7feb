-- Sums by currency, of the same rows as receivables.sql.
-- key: b.currency varchar(3)
-- :parents bigint
-- :company int
-- :contractor_cards char(1)
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
            r.ID_KONTRAHENTA AS customer,
            COALESCE(NULLIF(r.SYM_WALUTY, ''), 'PLN') AS currency,
            r.STRONA AS side,
            r.TERMIN_PLATNOSCI AS due,
            ABS(CASE WHEN COALESCE(NULLIF(r.SYM_WALUTY, ''), 'PLN') = 'PLN' THEN r.POZOSTALO ELSE r.POZOSTALO_W END) AS remaining
        FROM dbo.ROZRACHUNEK r
        LEFT JOIN dbo.DOKUMENT_HANDLOWY h ON h.ID_DOKUMENTU_HANDLOWEGO = r.ID_NAG_DOK_M AND r.TYP_DOK = 'h'
        WHERE r.ID_KONTRAHENTA IN (:parents)
          AND COALESCE(r.ID_FIRMY, 0) = :company
          AND r.RODZAJ = 'N'
          AND (r.TYP_KARTOTEKI IN (:contractor_cards) OR '*' IN (:contractor_cards))
          AND (r.STRONA = 'WN' OR (r.STRONA = 'MA' AND COALESCE(r.CZY_KOREKTA, 0) <> 0))
          AND COALESCE(r.FLAGA_STANU, 0) = 0
          AND (h.ID_DOKUMENTU_HANDLOWEGO IS NULL OR h.TYP_DOKUMENTU = 's')
    ) o
    GROUP BY o.customer, o.currency
) b
WHERE (b.owed <> 0 OR b.credits <> 0)
