-- Orders from customers (ZK of Dokumenty). The numbers of the states are those of the contract's OrderState: void, closed
-- (by the status), fulfilled in part or reserved (by the lines).
-- key: d.Id int
-- :order nvarchar(16)
-- :ids int
-- :numbers nvarchar(64)
-- :external_numbers nvarchar(64)
-- :customer_id int
-- :states int
-- :order_date_from datetime
-- :order_date_to datetime next_day
-- :changed_since bigint
-- filter external_numbers reads external_number
-- filter customer_id reads parties.customer_id
-- filter states reads state
-- filter order_date_from reads order_date
-- filter order_date_to reads order_date
-- filter changed_since reads id
-- convert state: whole
-- convert currency: currency
-- convert salesperson.name: joined(_first_name, _last_name)
SELECT
    d.Id AS [id],
    d.NumerWewnetrzny_PelnaSygnatura AS [number],
    d.NumerZewnetrzny AS [external_number],
    CASE WHEN st.Uniewazniony = 1 THEN 6 WHEN st.Zamkniety = 1 THEN 5 WHEN EXISTS (SELECT 1 FROM ModelDanychContainer.StanyRealizacjiZamowien q WHERE q.DokumentZK_Id = d.Id AND q.ZrealizowanaIlosc > 0) THEN 4 WHEN EXISTS (SELECT 1 FROM ModelDanychContainer.PozycjeDokumentu q WHERE q.Dokument_Id = d.Id AND (q.RezerwacjaIlosciowa = 1 OR q.Rezerwacja_Id IS NOT NULL)) THEN 3 ELSE 2 END AS [state],
    d.DataWprowadzenia AS [order_date],
    d.TerminRealizacji AS [delivery_date],
    s.AdresHistoria_Id AS [delivery_address.id],
    s.Ulica AS [delivery_address.address.street],
    s.NrDomu AS [delivery_address.address.house_number],
    s.NrLokalu AS [delivery_address.address.flat_number],
    s.KodPocztowy AS [delivery_address.address.postal_code],
    s.Miejscowosc AS [delivery_address.address.city],
    NULLIF(s.Poczta, s.Miejscowosc) AS [delivery_address.address.post_office],
    m.Id AS [warehouse.id],
    m.Symbol AS [warehouse.code],
    m.Nazwa AS [warehouse.name],
    l.Id AS [price_list.id],
    l.Tytul AS [price_list.name],
    fp.Id AS [payment_method.id],
    fp.Nazwa AS [payment_method.name],
    (SELECT MAX(x.TerminDni) FROM ModelDanychContainer.PlatnosciDokumentow x WHERE x.DokumentId = d.Id) AS [payment_days],
    os.Id AS [salesperson.id],
    os.Imie AS [_first_name],
    os.Nazwisko AS [_last_name],
    w.Symbol AS [currency],
    CASE WHEN w.KartotekaWalut_Id IS NOT NULL THEN 1 END AS [exchange_rate],
    d.Wartosc_NettoPoRabacie AS [net],
    d.Wartosc_VatPoRabacie AS [vat],
    d.Wartosc_BruttoPoRabacie AS [gross],
    d.Uwagi AS [remarks]
FROM ModelDanychContainer.Dokumenty d
LEFT JOIN ModelDanychContainer.StatusyDokumentow st ON st.Id = d.StatusDokumentuId
LEFT JOIN ModelDanychContainer.AdresSzczegolyHistorie s ON s.Id = (
    SELECT MIN(x.Id) FROM ModelDanychContainer.AdresSzczegolyHistorie x WHERE x.AdresHistoria_Id = d.MiejsceDostawyId
)
LEFT JOIN ModelDanychContainer.Magazyny m ON m.Id = d.MagazynId
LEFT JOIN ModelDanychContainer.Cenniki l ON l.Id = (SELECT MIN(cx.Id) FROM ModelDanychContainer.Cenniki cx WHERE cx.PoziomCen_Id = d.PoziomCenId AND cx.Bazowy = 1)
LEFT JOIN ModelDanychContainer.FormyPlatnosci fp ON fp.Id = d.FormaPlatnosciId
LEFT JOIN ModelDanychContainer.Osoby os ON os.Id = d.WystawilaOsobaId
LEFT JOIN ModelDanychContainer.Waluty w ON w.Id = d.Dokument_Waluta_Id
-- COALESCE keeps an index on the symbol from being taken: pages walk along the key.
WHERE COALESCE(d.Symbol, '') IN (:order)
  AND COALESCE(st.Uniewazniony, 0) = 0  --? only_valid
  AND CASE WHEN st.Uniewazniony = 1 THEN 6 WHEN st.Zamkniety = 1 THEN 5 WHEN EXISTS (SELECT 1 FROM ModelDanychContainer.StanyRealizacjiZamowien q WHERE q.DokumentZK_Id = d.Id AND q.ZrealizowanaIlosc > 0) THEN 4 WHEN EXISTS (SELECT 1 FROM ModelDanychContainer.PozycjeDokumentu q WHERE q.Dokument_Id = d.Id AND (q.RezerwacjaIlosciowa = 1 OR q.Rezerwacja_Id IS NOT NULL)) THEN 3 ELSE 2 END IN (:states)  --? states
  AND d.Id IN (:ids)  --? ids
  AND d.NumerWewnetrzny_PelnaSygnatura IN (:numbers)  --? numbers
  AND d.NumerZewnetrzny IN (:external_numbers)  --? external_numbers
  AND d.Id IN (  --? customer_id
      SELECT y.Id FROM ModelDanychContainer.Dokumenty y WHERE y.PodmiotId = :customer_id  --? customer_id
      UNION ALL  --? customer_id
      SELECT y.Id FROM ModelDanychContainer.Dokumenty y  --? customer_id
      JOIN ModelDanychContainer.PodmiotHistorie h ON h.Id = y.Dokument_Platnik_Id  --? customer_id
      WHERE h.PodmiotDlaKtoregoHistoria_Id = :customer_id  --? customer_id
  )  --? customer_id
  AND d.DataWprowadzenia >= :order_date_from  --? order_date_from
  AND d.DataWprowadzenia < :order_date_to  --? order_date_to
  AND (  --? changed_since
      CAST(d.TimeStamp AS bigint) >= :changed_since  --? changed_since
      OR EXISTS (  --? changed_since
          SELECT 1 FROM ModelDanychContainer.StanyRealizacjiZamowien z  --? changed_since
          WHERE z.DokumentZK_Id = d.Id AND CAST(z.TimeStamp AS bigint) >= :changed_since  --? changed_since
      )  --? changed_since
  )  --? changed_since
