-- What sales documents (DOKUMENT_HANDLOWY) say of themselves: debts that no document of Mag made are not there. Less than
-- nothing to pay is what the company gives back.
-- key: h.ID_DOKUMENTU_HANDLOWEGO bigint
-- :company int
-- :proforma varchar(5)
-- :customer_id bigint
-- :due_date_before int clarion
-- :overdue_on int clarion
-- :currency varchar(3)
-- :include_settled_since int clarion
-- filter customer_id reads payer.id
-- filter due_date_before reads due_date
-- filter overdue_on reads due_date
-- filter include_settled_since reads last_payment_date
-- convert kind: invoice()
-- convert direction: direction
-- convert issue_date: day
-- convert due_date: day
-- convert last_payment_date: day
-- convert days_overdue: days_overdue(due_date, _remaining)
-- convert currency: currency_or_base
SELECT
    h.ID_DOKUMENTU_HANDLOWEGO AS [id],
    CASE WHEN h.WARTOSC_BRUTTO < 0 OR h.POZOSTALO < 0 THEN 'MA' ELSE 'WN' END AS [direction],
    h.NUMER AS [document_number],
    h.ID_DOKUMENTU_HANDLOWEGO AS [invoice_id],
    CASE WHEN COALESCE(b.Incydentalny, 0) = 0 THEN b.ID_KONTRAHENTA END AS [debtor.id],
    b.KOD_KONTRAHENTA AS [debtor.code],
    b.NAZWA AS [debtor.name],
    CASE WHEN COALESCE(k.Incydentalny, 0) = 0 THEN k.ID_KONTRAHENTA END AS [payer.id],
    k.KOD_KONTRAHENTA AS [payer.code],
    k.NAZWA AS [payer.name],
    h.DATA_WYSTAWIENIA AS [issue_date],
    h.TERMIN_PLAT AS [due_date],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN COALESCE(h.SYM_WAL, '') ELSE '' END AS [currency],
    ABS(CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.WARTOSC_BRUTTO_WAL ELSE h.WARTOSC_BRUTTO END) AS [original],
    ABS(CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.POZOSTALO_WAL ELSE h.POZOSTALO END) AS [remaining],
    ABS(CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.POZOSTALO_WAL ELSE h.POZOSTALO END) AS [_remaining],
    ABS(h.WARTOSC_BRUTTO) AS [original_pln],
    ABS(h.POZOSTALO) AS [remaining_pln],
    h.DATA_OST_ROZLICZENIA AS [last_payment_date]
FROM dbo.DOKUMENT_HANDLOWY h
LEFT JOIN dbo.TYP_DOKUMENTU_HANDLOWEGO t ON t.ID_TYPU = h.ID_TYPU
LEFT JOIN dbo.KONTRAHENT b ON b.ID_KONTRAHENTA = h.ID_KONTRAHENTA
LEFT JOIN dbo.KONTRAHENT k ON k.ID_KONTRAHENTA = COALESCE(NULLIF(h.ID_PLATNIKA, 0), h.ID_KONTRAHENTA)
-- COALESCE keeps an index on company or kind from being taken: pages walk along the key.
WHERE COALESCE(h.ID_FIRMY, 0) = :company
  AND COALESCE(h.TYP_DOKUMENTU, '') = 's'
  AND COALESCE(CAST(h.TRYBREJESTRACJI AS int), 0) = 0
  AND COALESCE(h.FLAGA_STANU, 0) = 0
  AND COALESCE(t.SYGNATURA, '') NOT IN (:proforma)
  AND h.ID_DOKUMENTU_HANDLOWEGO IN (  --? customer_id
      SELECT x.ID_DOKUMENTU_HANDLOWEGO FROM dbo.DOKUMENT_HANDLOWY x  --? customer_id
      WHERE x.ID_FIRMY = :company AND x.ID_PLATNIKA = :customer_id  --? customer_id
      UNION ALL  --? customer_id
      SELECT x.ID_DOKUMENTU_HANDLOWEGO FROM dbo.DOKUMENT_HANDLOWY x  --? customer_id
      WHERE x.ID_FIRMY = :company AND x.ID_KONTRAHENTA = :customer_id  --? customer_id
        AND COALESCE(x.ID_PLATNIKA, 0) = 0  --? customer_id
  )  --? customer_id
  AND h.TERMIN_PLAT < :due_date_before AND h.TERMIN_PLAT <> 0  --? due_date_before
  AND h.TERMIN_PLAT < :overdue_on AND h.TERMIN_PLAT <> 0  --? overdue_on
  AND CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.POZOSTALO_WAL ELSE h.POZOSTALO END <> 0  --? overdue_on
  AND CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.SYM_WAL ELSE 'PLN' END = :currency  --? currency
  AND CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.POZOSTALO_WAL ELSE h.POZOSTALO END <> 0  --? not include_settled_since
  AND (  --? include_settled_since
      CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.POZOSTALO_WAL ELSE h.POZOSTALO END <> 0  --? include_settled_since
      OR h.DATA_OST_ROZLICZENIA >= :include_settled_since  --? include_settled_since
  )  --? include_settled_since
