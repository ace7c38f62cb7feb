-- Sales documents (DOKUMENT_HANDLOWY of kind s) that are saved and not in the buffer. Amounts of a document in a foreign
-- currency are in the columns *_WAL. The numbers of the kinds are those of the contract's InvoiceKind.
-- key: h.ID_DOKUMENTU_HANDLOWEGO bigint
-- :company int
-- :receipt varchar(5)
-- :proforma varchar(5)
-- :receipt_invoice varchar(5)
-- :advance varchar(5)
-- :final varchar(5)
-- :kinds int
-- :ids bigint
-- :numbers varchar(30)
-- :customer_id bigint
-- :issue_date_from int clarion
-- :issue_date_to int clarion
-- :due_date_before int clarion
-- filter kinds reads kind
-- filter customer_id reads parties.customer_id
-- filter issue_date_from reads issue_date
-- filter issue_date_to reads issue_date
-- filter due_date_before reads due_date
-- filter only_unpaid reads remaining
-- convert kind: whole
-- convert state: issued()
-- convert correction_values: correction_values(_corrects)
-- convert issue_date: day
-- convert sale_date: day
-- convert due_date: day
-- convert exchange_rate: rate(exchange_rate, _foreign)
-- convert exchange_rate_date: day_if(exchange_rate_date, _foreign)
-- convert currency: currency_or_base
-- convert vat: difference(_gross, _net)
-- convert vat_pln: difference(_gross_pln, _net_pln)
-- convert cash_method: flag
-- convert transaction_kind: reverse_charge
-- convert price_basis: price_basis
-- convert salesperson.name: joined(_first_name, _last_name)
SELECT
    h.ID_DOKUMENTU_HANDLOWEGO AS [id],
    h.NUMER AS [number],
    CASE
        WHEN CAST(h.DOK_KOREKTY AS int) = 1 THEN 2
        WHEN t.SYGNATURA IN (:receipt) THEN 5
        WHEN t.SYGNATURA IN (:proforma) THEN 8
        WHEN t.SYGNATURA IN (:receipt_invoice) THEN 6
        WHEN t.SYGNATURA IN (:advance) THEN 3
        WHEN t.SYGNATURA IN (:final) THEN 4
        WHEN CAST(h.MARZOWY AS int) = 1 THEN 7
        ELSE 1
    END AS [kind],
    h.DOK_KOREKTY AS [_corrects],
    h.DATA_WYSTAWIENIA AS [issue_date],
    h.DATA_SPRZEDAZY AS [sale_date],
    h.TERMIN_PLAT AS [due_date],
    (
        SELECT MIN(f.ID_FORMY) FROM dbo.FORMA_PLATNOSCI f
        WHERE f.NAZWA = h.FORMA_PLATNOSCI AND (f.ID_FIRMY = h.ID_FIRMY OR f.ID_FIRMY IS NULL)
    ) AS [payment_method.id],
    h.FORMA_PLATNOSCI AS [payment_method.name],
    h.DOK_WAL AS [_foreign],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN COALESCE(h.SYM_WAL, '') ELSE '' END AS [currency],
    h.PRZELICZNIK_WAL AS [exchange_rate],
    h.DATA_KURS_WAL AS [exchange_rate_date],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.WARTOSC_NETTO_WAL ELSE h.WARTOSC_NETTO END AS [net],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.WARTOSC_NETTO_WAL ELSE h.WARTOSC_NETTO END AS [_net],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.WARTOSC_BRUTTO_WAL ELSE h.WARTOSC_BRUTTO END AS [gross],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.WARTOSC_BRUTTO_WAL ELSE h.WARTOSC_BRUTTO END AS [_gross],
    h.WARTOSC_NETTO AS [net_pln],
    h.WARTOSC_NETTO AS [_net_pln],
    h.WARTOSC_BRUTTO AS [gross_pln],
    h.WARTOSC_BRUTTO AS [_gross_pln],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.RAZEM_ZAPLACONO_WAL ELSE h.RAZEM_ZAPLACONO END AS [paid],
    CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.POZOSTALO_WAL ELSE h.POZOSTALO END AS [remaining],
    h.METODA_KASOWA AS [cash_method],
    h.ODWROTNY AS [transaction_kind],
    h.OBLICZANIE_WG_CEN AS [price_basis],
    m.ID_MAGAZYNU AS [warehouse.id],
    m.SYMBOL AS [warehouse.code],
    m.NAZWA AS [warehouse.name],
    p.ID_PRACOWNIKA AS [salesperson.id],
    p.IMIE_1 AS [_first_name],
    p.NAZWISKO AS [_last_name],
    h.UWAGI AS [remarks]
FROM dbo.DOKUMENT_HANDLOWY h
LEFT JOIN dbo.TYP_DOKUMENTU_HANDLOWEGO t ON t.ID_TYPU = h.ID_TYPU
LEFT JOIN dbo.MAGAZYN m ON m.ID_MAGAZYNU = h.ID_MAGAZYNU
LEFT JOIN dbo.PRACOWNIK p ON p.ID_PRACOWNIKA = h.ID_PRACOWNIKA
-- COALESCE keeps an index on company or kind from being taken: pages walk along the key.
WHERE COALESCE(h.ID_FIRMY, 0) = :company
  AND COALESCE(h.TYP_DOKUMENTU, '') = 's'
  AND COALESCE(CAST(h.TRYBREJESTRACJI AS int), 0) = 0
  AND COALESCE(h.FLAGA_STANU, 0) = 0
  AND CASE WHEN CAST(h.DOK_KOREKTY AS int) = 1 THEN 2 WHEN t.SYGNATURA IN (:receipt) THEN 5 WHEN t.SYGNATURA IN (:proforma) THEN 8 WHEN t.SYGNATURA IN (:receipt_invoice) THEN 6 WHEN t.SYGNATURA IN (:advance) THEN 3 WHEN t.SYGNATURA IN (:final) THEN 4 WHEN CAST(h.MARZOWY AS int) = 1 THEN 7 ELSE 1 END NOT IN (5, 8)  --? listed
  AND CASE WHEN CAST(h.DOK_KOREKTY AS int) = 1 THEN 2 WHEN t.SYGNATURA IN (:receipt) THEN 5 WHEN t.SYGNATURA IN (:proforma) THEN 8 WHEN t.SYGNATURA IN (:receipt_invoice) THEN 6 WHEN t.SYGNATURA IN (:advance) THEN 3 WHEN t.SYGNATURA IN (:final) THEN 4 WHEN CAST(h.MARZOWY AS int) = 1 THEN 7 ELSE 1 END IN (:kinds)  --? kinds
  AND h.ID_DOKUMENTU_HANDLOWEGO IN (:ids)  --? ids
  AND h.ID_FIRMY = :company AND h.NUMER IN (:numbers)  --? numbers
  AND h.ID_DOKUMENTU_HANDLOWEGO IN (  --? customer_id
      SELECT b.ID_DOKUMENTU_HANDLOWEGO FROM dbo.DOKUMENT_HANDLOWY b  --? customer_id
      WHERE b.ID_FIRMY = :company AND b.ID_KONTRAHENTA = :customer_id  --? customer_id
      UNION ALL  --? customer_id
      SELECT b.ID_DOKUMENTU_HANDLOWEGO FROM dbo.DOKUMENT_HANDLOWY b  --? customer_id
      WHERE b.ID_FIRMY = :company AND b.ID_PLATNIKA = :customer_id  --? customer_id
  )  --? customer_id
  AND h.DATA_WYSTAWIENIA >= :issue_date_from  --? issue_date_from
  AND h.DATA_WYSTAWIENIA <= :issue_date_to  --? issue_date_to
  AND h.TERMIN_PLAT < :due_date_before AND h.TERMIN_PLAT <> 0  --? due_date_before
  AND CASE WHEN CAST(h.DOK_WAL AS int) = 1 THEN h.POZOSTALO_WAL ELSE h.POZOSTALO END <> 0  --? only_unpaid
