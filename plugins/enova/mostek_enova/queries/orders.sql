-- Orders from customers (DokHandlowe of the category 302). The numbers of the states are those of the contract's
-- OrderState: cancelled, in the buffer, then what the lines say is realised or reserved.
-- key: d.ID int
-- :ids int
-- :numbers nvarchar(100)
-- :external_numbers nvarchar(64)
-- :customer_id int
-- :states int
-- :order_date_from datetime
-- :order_date_to datetime next_day
-- :changed_since bigint
-- filter external_numbers reads external_number
-- filter customer_id reads parties.customer_id
-- filter order_date_from reads order_date
-- filter order_date_to reads order_date
-- convert state: whole
-- convert order_date: day
-- convert delivery_date: day
-- convert price_basis: price_basis
-- convert discount: fraction_percent
-- convert currency: currency_or_base
-- convert exchange_rate: rate(_rate, _currency)
-- convert exchange_rate_date: rate_day(_rate_date, _currency)
SELECT
    d.ID AS [id],
    COALESCE(NULLIF(d.NumerPelny, ''), d.NumerPelnyZapisany) AS [number],
    d.ObcyNumer AS [external_number],
    CASE WHEN d.Stan = 3 THEN 6 WHEN COALESCE(d.Stan, 0) = 0 THEN 1 WHEN EXISTS (SELECT 1 FROM dbo.PozycjeDokHan q WHERE q.Dokument = d.ID AND COALESCE(q.StatusPozycji, 0) = 0 AND q.IloscZrealizowanaValue > 0) THEN CASE WHEN EXISTS (SELECT 1 FROM dbo.PozycjeDokHan q WHERE q.Dokument = d.ID AND COALESCE(q.StatusPozycji, 0) = 0 AND COALESCE(q.IloscZrealizowanaValue, 0) < q.IloscValue) THEN 4 ELSE 5 END WHEN EXISTS (SELECT 1 FROM dbo.PozycjeDokHan q WHERE q.Dokument = d.ID AND COALESCE(q.StatusPozycji, 0) = 0 AND q.IloscRezerwowanaValue > 0) THEN 3 ELSE 2 END AS [state],
    d.Data AS [order_date],
    d.DostawaTermin AS [delivery_date],
    m.ID AS [warehouse.id],
    m.Symbol AS [warehouse.code],
    m.Nazwa AS [warehouse.name],
    d.LiczonaOd AS [price_basis],
    d.Rabat AS [discount],
    d.BruttoCySymbol AS [_currency],
    COALESCE(d.BruttoCySymbol, '') AS [currency],
    d.KursWaluty AS [_rate],
    d.DataKursu AS [_rate_date],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN d.SumaNetto ELSE (SELECT SUM(x.SumaCyNettoCyValue) FROM dbo.SumyVAT x WHERE x.Dokument = d.ID) END AS [net],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN d.SumaNetto END AS [net],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN d.SumaVAT ELSE (SELECT SUM(x.SumaCyVATCyValue) FROM dbo.SumyVAT x WHERE x.Dokument = d.ID) END AS [vat],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN d.SumaVAT END AS [vat],
    CASE WHEN COALESCE(NULLIF(d.BruttoCySymbol, ''), 'PLN') = 'PLN' THEN d.SumaBrutto ELSE d.BruttoCyValue END AS [gross],
    d.Opis AS [remarks]
FROM dbo.DokHandlowe d
LEFT JOIN dbo.Magazyny m ON m.ID = d.Magazyn
-- COALESCE keeps an index on the category from being taken: pages walk along the key.
WHERE COALESCE(d.Kategoria, 0) = 302
  AND COALESCE(d.Stan, 0) IN (1, 2)  --? only_valid
  AND CASE WHEN d.Stan = 3 THEN 6 WHEN COALESCE(d.Stan, 0) = 0 THEN 1 WHEN EXISTS (SELECT 1 FROM dbo.PozycjeDokHan q WHERE q.Dokument = d.ID AND COALESCE(q.StatusPozycji, 0) = 0 AND q.IloscZrealizowanaValue > 0) THEN CASE WHEN EXISTS (SELECT 1 FROM dbo.PozycjeDokHan q WHERE q.Dokument = d.ID AND COALESCE(q.StatusPozycji, 0) = 0 AND COALESCE(q.IloscZrealizowanaValue, 0) < q.IloscValue) THEN 4 ELSE 5 END WHEN EXISTS (SELECT 1 FROM dbo.PozycjeDokHan q WHERE q.Dokument = d.ID AND COALESCE(q.StatusPozycji, 0) = 0 AND q.IloscRezerwowanaValue > 0) THEN 3 ELSE 2 END IN (:states)  --? states
  AND d.ID IN (:ids)  --? ids
  AND d.NumerPelny IN (:numbers)  --? numbers
  AND d.ObcyNumer IN (:external_numbers)  --? external_numbers
  AND d.Kontrahent = :customer_id  --? customer_id
  AND d.Data >= :order_date_from  --? order_date_from
  AND d.Data < :order_date_to  --? order_date_to
  AND (  --? changed_since
      CAST(d.Stamp AS bigint) >= :changed_since  --? changed_since
      OR EXISTS (SELECT 1 FROM dbo.PozycjeDokHan u WHERE u.Dokument = d.ID AND CAST(u.Stamp AS bigint) >= :changed_since)  --? changed_since
  )  --? changed_since
