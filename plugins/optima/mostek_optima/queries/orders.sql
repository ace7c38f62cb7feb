-- Orders from customers (TraNag of class 308, RO). The numbers of the states are those of the contract's OrderState:
-- cancelled, in the buffer, completed or closed, in progress, reserved (rows of TraSElem of type 3), else open.
-- key: h.TrN_TrNID int
-- :ids int
-- :numbers varchar(30)
-- :external_numbers varchar(256)
-- :customer_id int
-- :states int
-- :order_date_from datetime
-- :order_date_to datetime next_day
-- :changed_since datetime
-- filter states reads state
-- filter external_numbers reads external_number
-- filter customer_id reads parties.customer_id
-- filter order_date_from reads order_date
-- filter order_date_to reads order_date
-- filter changed_since reads changed_at
-- convert state: whole
-- convert price_basis: price_basis
-- convert discount: not_zero
-- convert payment_days: days_between(_issued, _due)
-- convert transaction_kind: transaction_kind
-- convert exchange_rate: rate_per_unit(_rate, _rate_of, _currency)
-- convert exchange_rate_date: only_foreign(exchange_rate_date, _currency)
-- convert currency: currency_or_base
SELECT
    h.TrN_TrNID AS [id],
    h.TrN_NumerPelny AS [number],
    h.TrN_NumerObcy AS [external_number],
    CASE
        WHEN h.TrN_Bufor = -1 OR h.TrN_Anulowany <> 0 THEN 6
        WHEN h.TrN_Bufor = 1 THEN 1
        WHEN h.TrN_ZwroconoCalaIlosc IN (3, 4) THEN 5
        WHEN h.TrN_ZwroconoCalaIlosc = 2 THEN 4
        WHEN EXISTS (
            SELECT 1 FROM CDN.TraElem q
            JOIN CDN.TraSElem s ON s.TrS_TrEId = q.TrE_TrEID
            WHERE q.TrE_TrNId = h.TrN_TrNID AND s.TrS_Typ = 3 AND s.TrS_Ilosc > 0
        ) THEN 3
        ELSE 2
    END AS [state],
    h.TrN_DataDok AS [order_date],
    h.TrN_DataTransportu AS [delivery_date],
    m.Mag_MagId AS [warehouse.id],
    m.Mag_Symbol AS [warehouse.code],
    m.Mag_Nazwa AS [warehouse.name],
    h.TrN_TypNB AS [price_basis],
    h.TrN_Rabat AS [discount],
    f.FPl_FPlId AS [payment_method.id],
    f.FPl_Nazwa AS [payment_method.name],
    h.TrN_DataDok AS [_issued],
    h.TrN_Termin AS [_due],
    h.TrN_Export AS [transaction_kind],
    h.TrN_Waluta AS [currency],
    h.TrN_Waluta AS [_currency],
    h.TrN_KursL AS [_rate],
    h.TrN_KursM AS [_rate_of],
    h.TrN_DataKur AS [exchange_rate_date],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN h.TrN_RazemNettoWal ELSE h.TrN_RazemNetto END AS [net],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN h.TrN_RazemVATWal ELSE h.TrN_RazemVAT END AS [vat],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN h.TrN_RazemBruttoWal ELSE h.TrN_RazemBrutto END AS [gross],
    h.TrN_Opis AS [remarks],
    h.TrN_TS_Zal AS [created_at],
    h.TrN_TS_Mod AS [changed_at]
FROM CDN.TraNag h
LEFT JOIN CDN.Magazyny m ON m.Mag_MagId = h.TrN_MagZrdId
LEFT JOIN CDN.FormyPlatnosci f ON f.FPl_FPlId = h.TrN_FPlId
-- COALESCE keeps an index on the class from being taken: pages walk along the key.
WHERE COALESCE(h.TrN_TypDokumentu, 0) = 308
  AND CASE WHEN h.TrN_Bufor = -1 OR h.TrN_Anulowany <> 0 THEN 6 WHEN h.TrN_Bufor = 1 THEN 1 WHEN h.TrN_ZwroconoCalaIlosc IN (3, 4) THEN 5 WHEN h.TrN_ZwroconoCalaIlosc = 2 THEN 4 WHEN EXISTS ( SELECT 1 FROM CDN.TraElem q JOIN CDN.TraSElem s ON s.TrS_TrEId = q.TrE_TrEID WHERE q.TrE_TrNId = h.TrN_TrNID AND s.TrS_Typ = 3 AND s.TrS_Ilosc > 0 ) THEN 3 ELSE 2 END IN (:states)  --? states
  AND h.TrN_Bufor = 0 AND h.TrN_Anulowany = 0  --? only_valid
  AND h.TrN_TrNID IN (:ids)  --? ids
  AND h.TrN_NumerPelny IN (:numbers)  --? numbers
  AND h.TrN_NumerObcy IN (:external_numbers)  --? external_numbers
  AND h.TrN_TrNID IN (  --? customer_id
      SELECT b.TrN_TrNID FROM CDN.TraNag b WHERE b.TrN_PodID = :customer_id AND b.TrN_PodmiotTyp = 1  --? customer_id
      UNION ALL  --? customer_id
      SELECT b.TrN_TrNID FROM CDN.TraNag b WHERE b.TrN_PlatnikID = :customer_id AND b.TrN_PlatnikTyp = 1  --? customer_id
  )  --? customer_id
  AND h.TrN_DataDok >= :order_date_from  --? order_date_from
  AND h.TrN_DataDok < :order_date_to  --? order_date_to
  AND h.TrN_TS_Mod >= :changed_since  --? changed_since
