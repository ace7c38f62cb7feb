-- Products (Towary). In stock is what the latest row of a warehouse says, not after today.
-- key: t.Twr_TwrId int
-- :before datetime
-- :ids int
-- :codes varchar(50)
-- :eans varchar(40)
-- :text nvarchar(255) contains
-- :groups int
-- :in_stock_of int whole_number
-- :active tinyint negated
-- :changed_since datetime
-- filter eans reads eans.code
-- filter text reads name
-- filter groups reads group.id
-- filter in_stock_of reads stock.on_hand
-- filter only_in_stock reads stock.on_hand
-- filter changed_since reads changed_at
-- convert kind: product_kind(_type, _packaging)
-- convert vat_rate.code: vat_code(_flag, vat_rate.percent)
-- convert vat_rate.percent: vat_percent(_flag, vat_rate.percent)
-- convert split_payment: flag
-- convert deposit.amount: deposit(deposit.amount, _in_deposit_system)
-- convert active: negated
SELECT
    t.Twr_TwrId AS [id],
    t.Twr_Kod AS [code],
    t.Twr_Nazwa AS [name],
    t.Twr_Opis AS [description],
    t.Twr_Typ AS [_type],
    t.Twr_Kaucja AS [_packaging],
    t.Twr_JM AS [unit],
    t.Twr_Flaga AS [_flag],
    t.Twr_Stawka AS [vat_rate.percent],
    t.Twr_SWW AS [pkwiu],
    t.Twr_SplitPay AS [split_payment],
    t.Twr_SystemKaucyjny AS [_in_deposit_system],
    t.Twr_SystemKaucyjnyKwota AS [deposit.amount],
    t.Twr_ProducentKod AS [manufacturer_code],
    g.TwG_GIDNumer AS [group.id],
    g.TwG_Kod AS [group.code],
    g.TwG_Nazwa AS [group.name],
    t.Twr_NieAktywny AS [active],
    t.Twr_TS_Zal AS [created_at],
    t.Twr_TS_Mod AS [changed_at]
FROM CDN.Towary t
LEFT JOIN CDN.TwrGrupy g ON g.TwG_TwGID = (
    SELECT MIN(x.TwG_TwGID) FROM CDN.TwrGrupy x
    WHERE x.TwG_GIDTyp = -16 AND x.TwG_GIDNumer = t.Twr_TwGGIDNumer AND t.Twr_TwGGIDNumer <> 0
)
WHERE 1 = 1
  AND t.Twr_TwrId IN (:ids)  --? ids
  AND t.Twr_Kod IN (:codes)  --? codes
  AND t.Twr_TwrId IN (  --? eans
      SELECT x.Twr_TwrId FROM CDN.Towary x WHERE x.Twr_EAN IN (:eans)  --? eans
      UNION ALL  --? eans
      SELECT y.TwE_TwrID FROM CDN.TwrEan y WHERE y.TwE_EAN IN (:eans)  --? eans
  )  --? eans
  AND (t.Twr_Kod LIKE :text ESCAPE '\' OR t.Twr_Nazwa LIKE :text ESCAPE '\')  --? text
  AND t.Twr_TwGGIDNumer IN (:groups)  --? groups
  AND EXISTS (  --? only_in_stock
      SELECT 1 FROM CDN.TwrIlosci s  --? only_in_stock
      WHERE s.TwI_TwrId = t.Twr_TwrId AND s.TwI_MagId IS NOT NULL AND s.TwI_Ilosc > 0  --? only_in_stock
        AND s.TwI_Data = (  --? only_in_stock
            SELECT MAX(z.TwI_Data) FROM CDN.TwrIlosci z  --? only_in_stock
            WHERE z.TwI_TwrId = s.TwI_TwrId AND z.TwI_MagId = s.TwI_MagId AND z.TwI_Data < :before  --? only_in_stock
        )  --? only_in_stock
  )  --? only_in_stock
  AND EXISTS (  --? in_stock_of
      SELECT 1 FROM CDN.TwrIlosci s  --? in_stock_of
      WHERE s.TwI_TwrId = t.Twr_TwrId AND s.TwI_MagId = :in_stock_of AND s.TwI_Ilosc > 0  --? in_stock_of
        AND s.TwI_Data = (  --? in_stock_of
            SELECT MAX(z.TwI_Data) FROM CDN.TwrIlosci z  --? in_stock_of
            WHERE z.TwI_TwrId = s.TwI_TwrId AND z.TwI_MagId = s.TwI_MagId AND z.TwI_Data < :before  --? in_stock_of
        )  --? in_stock_of
  )  --? in_stock_of
  AND t.Twr_NieAktywny = :active  --? active
  AND t.Twr_TS_Mod >= :changed_since  --? changed_since
