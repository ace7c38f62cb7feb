-- Orders from customers (ZAMOWIENIE of TYP 1) that are saved. The numbers of the states are those of the contract's
-- OrderState: cancelled (A), in the buffer (10), realised (Z); what is realised or reserved in part only the lines tell.
-- key: z.ID_ZAMOWIENIA bigint
-- :company int
-- :ids bigint
-- :numbers varchar(30)
-- :external_numbers varchar(30)
-- :customer_id bigint
-- :states int
-- :order_date_from int clarion
-- :order_date_to int clarion
-- filter external_numbers reads external_number
-- filter customer_id reads parties.customer_id
-- filter order_date_from reads order_date
-- filter order_date_to reads order_date
-- convert state: whole
-- convert order_date: day
-- convert delivery_date: day
-- convert document_wanted: document_wanted
-- convert price_basis: price_basis
-- convert exchange_rate: rate(exchange_rate, _foreign)
-- convert exchange_rate_date: day_if(exchange_rate_date, _foreign)
-- convert currency: currency_or_base
-- convert vat: difference(_gross, _net)
-- convert discount: discount
-- convert salesperson.name: joined(_first_name, _last_name)
-- convert delivery_address.address.country: country
SELECT
    z.ID_ZAMOWIENIA AS [id],
    z.NUMER AS [number],
    z.NR_ZAMOWIENIA_KLIENTA AS [external_number],
    CASE
        WHEN z.STATUS_ZAM = 'A' THEN 6
        WHEN COALESCE(z.TRYBREJESTRACJI, 0) = 10 THEN 1
        WHEN z.STAN_REALIZ = 'Z' THEN 5
        WHEN EXISTS (SELECT 1 FROM dbo.POZYCJA_ZAMOWIENIA q WHERE q.ID_ZAMOWIENIA = z.ID_ZAMOWIENIA AND q.ZREALIZOWANO > 0) THEN 4
        WHEN EXISTS (SELECT 1 FROM dbo.POZYCJA_ZAMOWIENIA q WHERE q.ID_ZAMOWIENIA = z.ID_ZAMOWIENIA AND q.ZAREZERWOWANO > 0) THEN 3
        ELSE 2
    END AS [state],
    z.DATA AS [order_date],
    z.DATA_REALIZACJI AS [delivery_date],
    d.ID_MIEJSCA_DOSTAWY AS [delivery_address.id],
    COALESCE(NULLIF(d.FIRMA, ''), d.ODBIORCA) AS [delivery_address.name],
    d.ULICA_LOKAL AS [delivery_address.address.address_line],
    d.KOD_POCZTOWY AS [delivery_address.address.postal_code],
    d.MIEJSCOWOSC AS [delivery_address.address.city],
    d.SYM_KRAJU AS [delivery_address.address.country],
    d.TEL AS [delivery_address.phone],
    m.ID_MAGAZYNU AS [warehouse.id],
    m.SYMBOL AS [warehouse.code],
    m.NAZWA AS [warehouse.name],
    z.OBLICZANIE_WG_CEN AS [price_basis],
    z.RABAT_NARZUT AS [discount],
    (
        SELECT MIN(f.ID_FORMY) FROM dbo.FORMA_PLATNOSCI f
        WHERE f.NAZWA = z.FORMA_PLATNOSCI AND (f.ID_FIRMY = z.ID_FIRMY OR f.ID_FIRMY IS NULL)
    ) AS [payment_method.id],
    z.FORMA_PLATNOSCI AS [payment_method.name],
    z.DNI_PLATNOSCI AS [payment_days],
    z.FAKTURA_DO_ZAMOWIENIA AS [document_wanted],
    p.ID_PRACOWNIKA AS [salesperson.id],
    p.IMIE_1 AS [_first_name],
    p.NAZWISKO AS [_last_name],
    z.DOK_WAL AS [_foreign],
    CASE WHEN CAST(z.DOK_WAL AS int) = 1 THEN COALESCE(z.SYM_WAL, '') ELSE '' END AS [currency],
    z.PRZELICZNIK_WAL AS [exchange_rate],
    z.DATA_KURS_WAL AS [exchange_rate_date],
    CASE WHEN CAST(z.DOK_WAL AS int) = 1 THEN z.WARTOSC_NETTO_WAL ELSE z.WARTOSC_NETTO END AS [net],
    CASE WHEN CAST(z.DOK_WAL AS int) = 1 THEN z.WARTOSC_NETTO_WAL ELSE z.WARTOSC_NETTO END AS [_net],
    CASE WHEN CAST(z.DOK_WAL AS int) = 1 THEN z.WARTOSC_BRUTTO_WAL ELSE z.WARTOSC_BRUTTO END AS [gross],
    CASE WHEN CAST(z.DOK_WAL AS int) = 1 THEN z.WARTOSC_BRUTTO_WAL ELSE z.WARTOSC_BRUTTO END AS [_gross],
    z.UWAGI AS [remarks],
    z.DATA_UTWORZENIA_WIERSZA AS [created_at]
FROM dbo.ZAMOWIENIE z
LEFT JOIN dbo.MAGAZYN m ON m.ID_MAGAZYNU = z.ID_MAGAZYNU
LEFT JOIN dbo.PRACOWNIK p ON p.ID_PRACOWNIKA = z.ID_PRACOWNIKA
LEFT JOIN dbo.MIEJSCE_DOSTAWY d ON d.ID_MIEJSCA_DOSTAWY = (
    SELECT MIN(o.ID_MIEJSCA_DOSTAWY) FROM dbo.DOSTAWA o WHERE o.ID_ZAMOWIENIA = z.ID_ZAMOWIENIA
)
-- COALESCE keeps an index on the company from being taken: pages walk along the key.
WHERE COALESCE(z.ID_FIRMY, 0) = :company
  AND CAST(z.TYP AS int) = 1
  AND COALESCE(CAST(z.FLAGA_STANU AS int), 0) = 0
  AND CASE WHEN z.STATUS_ZAM = 'A' THEN 6 WHEN COALESCE(z.TRYBREJESTRACJI, 0) = 10 THEN 1 WHEN z.STAN_REALIZ = 'Z' THEN 5 WHEN EXISTS (SELECT 1 FROM dbo.POZYCJA_ZAMOWIENIA q WHERE q.ID_ZAMOWIENIA = z.ID_ZAMOWIENIA AND q.ZREALIZOWANO > 0) THEN 4 WHEN EXISTS (SELECT 1 FROM dbo.POZYCJA_ZAMOWIENIA q WHERE q.ID_ZAMOWIENIA = z.ID_ZAMOWIENIA AND q.ZAREZERWOWANO > 0) THEN 3 ELSE 2 END IN (:states)  --? states
  AND COALESCE(z.STATUS_ZAM, '') <> 'A' AND COALESCE(z.TRYBREJESTRACJI, 0) <> 10  --? only_valid
  AND z.ID_ZAMOWIENIA IN (:ids)  --? ids
  AND z.ID_MAGAZYNU IN (SELECT w.ID_MAGAZYNU FROM dbo.MAGAZYN w WHERE w.ID_FIRMY = :company)  --? numbers
  AND z.NUMER IN (:numbers)  --? numbers
  AND z.NR_ZAMOWIENIA_KLIENTA IN (:external_numbers)  --? external_numbers
  AND z.ID_KONTRAHENTA = :customer_id  --? customer_id
  AND z.DATA >= :order_date_from  --? order_date_from
  AND z.DATA <= :order_date_to  --? order_date_to
