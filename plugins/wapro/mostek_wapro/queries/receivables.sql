-- Settlements (ROZRACHUNEK) of contractors: receivables (side WN, kind N), and what a correction gives back (MA, N).
-- Payments are entries on the side MA too, without CZY_KOREKTA. What remains is not negative whatever its sign is here.
-- key: r.ID_ROZRACHUNKU bigint
-- :company int
-- :contractor_cards char(1)
-- :customer_id bigint
-- :due_date_before int clarion
-- :overdue_on int clarion
-- :currency varchar(3)
-- :include_settled_since int clarion
-- filter customer_id reads payer.id
-- filter due_date_before reads due_date
-- filter overdue_on reads due_date
-- filter include_settled_since reads last_payment_date
-- convert kind: receivable_kind(_opening, _document)
-- convert direction: direction
-- convert issue_date: day
-- convert due_date: day
-- convert last_payment_date: day
-- convert days_overdue: days_overdue(due_date, _remaining)
-- convert currency: currency_or_base
SELECT
    r.ID_ROZRACHUNKU AS [id],
    r.CZY_BO AS [_opening],
    r.TYP_DOK AS [_document],
    r.STRONA AS [direction],
    r.NR_DOK AS [document_number],
    CASE WHEN h.TYP_DOKUMENTU = 's' THEN h.ID_DOKUMENTU_HANDLOWEGO END AS [invoice_id],
    CASE WHEN COALESCE(b.Incydentalny, 0) = 0 THEN b.ID_KONTRAHENTA END AS [debtor.id],
    b.KOD_KONTRAHENTA AS [debtor.code],
    b.NAZWA AS [debtor.name],
    CASE WHEN COALESCE(k.Incydentalny, 0) = 0 THEN k.ID_KONTRAHENTA END AS [payer.id],
    k.KOD_KONTRAHENTA AS [payer.code],
    k.NAZWA AS [payer.name],
    r.DATA_DOK AS [issue_date],
    r.TERMIN_PLATNOSCI AS [due_date],
    COALESCE(r.SYM_WALUTY, '') AS [currency],
    ABS(CASE WHEN COALESCE(NULLIF(r.SYM_WALUTY, ''), 'PLN') = 'PLN' THEN r.KWOTA ELSE r.KWOTA_W END) AS [original],
    ABS(CASE WHEN COALESCE(NULLIF(r.SYM_WALUTY, ''), 'PLN') = 'PLN' THEN r.POZOSTALO ELSE r.POZOSTALO_W END) AS [remaining],
    ABS(CASE WHEN COALESCE(NULLIF(r.SYM_WALUTY, ''), 'PLN') = 'PLN' THEN r.POZOSTALO ELSE r.POZOSTALO_W END) AS [_remaining],
    ABS(r.KWOTA) AS [original_pln],
    ABS(r.POZOSTALO) AS [remaining_pln],
    r.DATA_OST_ROZL AS [last_payment_date]
FROM dbo.ROZRACHUNEK r
JOIN dbo.KONTRAHENT k ON k.ID_KONTRAHENTA = r.ID_KONTRAHENTA
LEFT JOIN dbo.DOKUMENT_HANDLOWY h ON h.ID_DOKUMENTU_HANDLOWEGO = r.ID_NAG_DOK_M AND r.TYP_DOK = 'h'
LEFT JOIN dbo.KONTRAHENT b ON b.ID_KONTRAHENTA = COALESCE(h.ID_KONTRAHENTA, r.ID_KONTRAHENTA)
-- COALESCE keeps an index on the company from being taken: pages walk along the key.
WHERE COALESCE(r.ID_FIRMY, 0) = :company
  AND r.RODZAJ = 'N'
  AND (r.TYP_KARTOTEKI IN (:contractor_cards) OR '*' IN (:contractor_cards))
  AND (r.STRONA = 'WN' OR (r.STRONA = 'MA' AND COALESCE(r.CZY_KOREKTA, 0) <> 0))
  AND COALESCE(r.FLAGA_STANU, 0) = 0
  AND (h.ID_DOKUMENTU_HANDLOWEGO IS NULL OR h.TYP_DOKUMENTU = 's')
  AND r.ID_KONTRAHENTA = :customer_id  --? customer_id
  AND r.TERMIN_PLATNOSCI < :due_date_before AND r.TERMIN_PLATNOSCI <> 0  --? due_date_before
  AND r.TERMIN_PLATNOSCI < :overdue_on AND r.TERMIN_PLATNOSCI <> 0  --? overdue_on
  AND CASE WHEN COALESCE(NULLIF(r.SYM_WALUTY, ''), 'PLN') = 'PLN' THEN r.POZOSTALO ELSE r.POZOSTALO_W END <> 0  --? overdue_on
  AND COALESCE(NULLIF(r.SYM_WALUTY, ''), 'PLN') = :currency  --? currency
  AND CASE WHEN COALESCE(NULLIF(r.SYM_WALUTY, ''), 'PLN') = 'PLN' THEN r.POZOSTALO ELSE r.POZOSTALO_W END <> 0  --? not include_settled_since
  AND (  --? include_settled_since
      CASE WHEN COALESCE(NULLIF(r.SYM_WALUTY, ''), 'PLN') = 'PLN' THEN r.POZOSTALO ELSE r.POZOSTALO_W END <> 0 OR r.DATA_OST_ROZL >= :include_settled_since  --? include_settled_since
  )  --? include_settled_since
