-- Sales documents (TraNag of the classes 302 FA, 305 PA, 320 FPF). What has still to be paid is in the payments of the
-- buyer or payer (BnkZdarzenia); one that went to whom the payment form names (a card operator) is not theirs. What
-- remains is not told where a payment is in another currency than its document. The numbers of the kinds are those of the contract's InvoiceKind.
-- key: h.TrN_TrNID int
-- :advance int
-- :final int
-- :kinds int
-- :ids int
-- :numbers varchar(30)
-- :ksef_number nvarchar(128)
-- :customer_id int
-- :issue_date_from datetime
-- :issue_date_to datetime next_day
-- :due_date_before datetime
-- :changed_since datetime
-- filter kinds reads kind
-- filter ksef_number reads ksef.number
-- filter customer_id reads parties.customer_id
-- filter issue_date_from reads issue_date
-- filter issue_date_to reads issue_date
-- filter due_date_before reads due_date
-- filter only_unpaid reads remaining
-- filter changed_since reads changed_at
-- convert kind: whole
-- convert state: invoice_state(_buffer, _cancelled)
-- convert correction_values: correction_values(_corrects)
-- convert ksef.state: ksef_state(_ksef_number, _not_for_ksef, _sent_at)
-- convert exchange_rate: rate_per_unit(_rate, _rate_of, _currency)
-- convert exchange_rate_date: only_foreign(exchange_rate_date, _currency)
-- convert currency: currency_or_base
-- convert split_payment: flag
-- convert cash_method: flag
-- convert self_billing: flag
-- convert transaction_kind: transaction_kind
-- convert price_basis: price_basis
SELECT
    h.TrN_TrNID AS [id],
    h.TrN_NumerPelny AS [number],
    CASE
        WHEN h.TrN_Korekta <> 0 THEN 2
        WHEN h.TrN_TypDokumentu = 305 THEN 5
        WHEN h.TrN_TypDokumentu = 320 THEN 8
        WHEN h.TrN_Rodzaj IN (:advance) THEN 3
        WHEN h.TrN_Rodzaj IN (:final) THEN 4
        WHEN h.TrN_FVMarza = 1 THEN 7
        WHEN EXISTS (SELECT 1 FROM CDN.TraNag p WHERE p.TrN_FaId = h.TrN_TrNID AND p.TrN_TypDokumentu = 305) THEN 6
        ELSE 1
    END AS [kind],
    h.TrN_Bufor AS [_buffer],
    h.TrN_Anulowany AS [_cancelled],
    h.TrN_Korekta AS [_corrects],
    h.TrN_NrKSeF AS [ksef.number],
    h.TrN_NrKSeF AS [_ksef_number],
    h.TrN_NieWysylajDokumentuDoKSeF AS [_not_for_ksef],
    0 AS [_not_for_ksef],
    h.TrN_KSeFDataWyslania AS [_sent_at],
    h.TrN_KSeFDataPrzyjecia AS [ksef.accepted_at],
    h.TrN_KSeFLinkWeryfikacyjny AS [ksef.verification_url],
    h.TrN_DataDok AS [issue_date],
    h.TrN_DataOpe AS [sale_date],
    h.TrN_Termin AS [due_date],
    f.FPl_FPlId AS [payment_method.id],
    f.FPl_Nazwa AS [payment_method.name],
    h.TrN_Waluta AS [currency],
    h.TrN_Waluta AS [_currency],
    h.TrN_KursL AS [_rate],
    h.TrN_KursM AS [_rate_of],
    h.TrN_DataKur AS [exchange_rate_date],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN h.TrN_RazemNettoWal ELSE h.TrN_RazemNetto END AS [net],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN h.TrN_RazemVATWal ELSE h.TrN_RazemVAT END AS [vat],
    CASE WHEN h.TrN_Waluta NOT IN ('', 'PLN') THEN h.TrN_RazemBruttoWal ELSE h.TrN_RazemBrutto END AS [gross],
    h.TrN_RazemNetto AS [net_pln],
    h.TrN_RazemVAT AS [vat_pln],
    h.TrN_RazemBrutto AS [gross_pln],
    (
        SELECT SUM(CASE WHEN z.BZd_Kierunek = 1 THEN z.BZd_KwotaRoz ELSE 0 - z.BZd_KwotaRoz END) FROM CDN.BnkZdarzenia z
        WHERE z.BZd_DokumentID = h.TrN_TrNID AND z.BZd_DokumentTyp IN (1, 101) AND z.BZd_Stan > 0
          AND z.BZd_Rozliczono <> 0
          AND ((z.BZd_PodmiotID = h.TrN_PodID AND z.BZd_PodmiotTyp = h.TrN_PodmiotTyp)
            OR (z.BZd_PodmiotID = h.TrN_PlatnikID AND z.BZd_PodmiotTyp = h.TrN_PlatnikTyp AND NOT EXISTS (
                SELECT 1 FROM CDN.FormyPlatnosci o
                WHERE o.FPl_FPlId = z.BZd_FPlId AND o.FPl_PodmiotID = z.BZd_PodmiotID AND o.FPl_PodmiotTyp = z.BZd_PodmiotTyp
            )))
          AND COALESCE(NULLIF(z.BZd_Waluta, ''), 'PLN') = COALESCE(NULLIF(h.TrN_Waluta, ''), 'PLN')
    ) AS [paid],
    CASE
        WHEN EXISTS (
            SELECT 1 FROM CDN.BnkZdarzenia z
            WHERE z.BZd_DokumentID = h.TrN_TrNID AND z.BZd_DokumentTyp IN (1, 101) AND z.BZd_Stan > 0
              AND z.BZd_Rozliczono = 1
              AND ((z.BZd_PodmiotID = h.TrN_PodID AND z.BZd_PodmiotTyp = h.TrN_PodmiotTyp)
                OR (z.BZd_PodmiotID = h.TrN_PlatnikID AND z.BZd_PodmiotTyp = h.TrN_PlatnikTyp AND NOT EXISTS (
                    SELECT 1 FROM CDN.FormyPlatnosci o
                    WHERE o.FPl_FPlId = z.BZd_FPlId AND o.FPl_PodmiotID = z.BZd_PodmiotID AND o.FPl_PodmiotTyp = z.BZd_PodmiotTyp
                )))
              AND COALESCE(NULLIF(z.BZd_Waluta, ''), 'PLN') <> COALESCE(NULLIF(h.TrN_Waluta, ''), 'PLN')
        ) THEN NULL
        ELSE COALESCE((
            SELECT SUM(CASE WHEN z.BZd_Kierunek = 1 THEN z.BZd_Kwota - z.BZd_KwotaRoz ELSE z.BZd_KwotaRoz - z.BZd_Kwota END) FROM CDN.BnkZdarzenia z
            WHERE z.BZd_DokumentID = h.TrN_TrNID AND z.BZd_DokumentTyp IN (1, 101) AND z.BZd_Stan > 0
              AND z.BZd_Rozliczono = 1
              AND ((z.BZd_PodmiotID = h.TrN_PodID AND z.BZd_PodmiotTyp = h.TrN_PodmiotTyp)
                OR (z.BZd_PodmiotID = h.TrN_PlatnikID AND z.BZd_PodmiotTyp = h.TrN_PlatnikTyp AND NOT EXISTS (
                    SELECT 1 FROM CDN.FormyPlatnosci o
                    WHERE o.FPl_FPlId = z.BZd_FPlId AND o.FPl_PodmiotID = z.BZd_PodmiotID AND o.FPl_PodmiotTyp = z.BZd_PodmiotTyp
                )))
              AND COALESCE(NULLIF(z.BZd_Waluta, ''), 'PLN') = COALESCE(NULLIF(h.TrN_Waluta, ''), 'PLN')
        ), 0)
    END AS [remaining],
    h.TrN_SplitPay AS [split_payment],
    h.TrN_MetodaKasowa AS [cash_method],
    h.TrN_Samofakturowanie AS [self_billing],
    h.TrN_Export AS [transaction_kind],
    h.TrN_TypNB AS [price_basis],
    m.Mag_MagId AS [warehouse.id],
    m.Mag_Symbol AS [warehouse.code],
    m.Mag_Nazwa AS [warehouse.name],
    h.TrN_Opis AS [remarks],
    h.TrN_TS_Zal AS [created_at],
    h.TrN_TS_Mod AS [changed_at]
FROM CDN.TraNag h
LEFT JOIN CDN.FormyPlatnosci f ON f.FPl_FPlId = h.TrN_FPlId
LEFT JOIN CDN.Magazyny m ON m.Mag_MagId = h.TrN_MagZrdId
-- COALESCE keeps an index on the class from being taken: pages walk along the key.
WHERE COALESCE(h.TrN_TypDokumentu, 0) IN (302, 305, 320)
  AND h.TrN_Bufor <> 1  --? issued
  AND h.TrN_Bufor <> -1 AND h.TrN_Anulowany = 0  --? not include_cancelled
  AND h.TrN_TypDokumentu NOT IN (305, 320)  --? listed
  AND CASE WHEN h.TrN_Korekta <> 0 THEN 2 WHEN h.TrN_TypDokumentu = 305 THEN 5 WHEN h.TrN_TypDokumentu = 320 THEN 8 WHEN h.TrN_Rodzaj IN (:advance) THEN 3 WHEN h.TrN_Rodzaj IN (:final) THEN 4 WHEN h.TrN_FVMarza = 1 THEN 7 WHEN EXISTS (SELECT 1 FROM CDN.TraNag p WHERE p.TrN_FaId = h.TrN_TrNID AND p.TrN_TypDokumentu = 305) THEN 6 ELSE 1 END IN (:kinds)  --? kinds
  AND h.TrN_TrNID IN (:ids)  --? ids
  AND h.TrN_NumerPelny IN (:numbers)  --? numbers
  AND h.TrN_NrKSeF = :ksef_number  --? ksef_number
  AND h.TrN_TrNID IN (  --? customer_id
      SELECT b.TrN_TrNID FROM CDN.TraNag b WHERE b.TrN_PodID = :customer_id AND b.TrN_PodmiotTyp = 1  --? customer_id
      UNION ALL  --? customer_id
      SELECT b.TrN_TrNID FROM CDN.TraNag b WHERE b.TrN_PlatnikID = :customer_id AND b.TrN_PlatnikTyp = 1  --? customer_id
  )  --? customer_id
  AND h.TrN_DataDok >= :issue_date_from  --? issue_date_from
  AND h.TrN_DataDok < :issue_date_to  --? issue_date_to
  AND h.TrN_Termin < :due_date_before  --? due_date_before
  AND EXISTS (  --? only_unpaid
      SELECT 1 FROM CDN.BnkZdarzenia z  --? only_unpaid
      WHERE z.BZd_DokumentID = h.TrN_TrNID AND z.BZd_DokumentTyp IN (1, 101) AND z.BZd_Stan > 0  --? only_unpaid
        AND z.BZd_Rozliczono = 1  --? only_unpaid
        AND ((z.BZd_PodmiotID = h.TrN_PodID AND z.BZd_PodmiotTyp = h.TrN_PodmiotTyp)  --? only_unpaid
          OR (z.BZd_PodmiotID = h.TrN_PlatnikID AND z.BZd_PodmiotTyp = h.TrN_PlatnikTyp AND NOT EXISTS (  --? only_unpaid
            SELECT 1 FROM CDN.FormyPlatnosci o  --? only_unpaid
            WHERE o.FPl_FPlId = z.BZd_FPlId AND o.FPl_PodmiotID = z.BZd_PodmiotID AND o.FPl_PodmiotTyp = z.BZd_PodmiotTyp  --? only_unpaid
          )))  --? only_unpaid
        AND z.BZd_Kwota <> z.BZd_KwotaRoz  --? only_unpaid
  )  --? only_unpaid
  AND h.TrN_TS_Mod >= :changed_since  --? changed_since
