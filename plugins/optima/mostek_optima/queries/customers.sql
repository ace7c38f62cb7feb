-- Contractors (Kontrahenci) but the one that stands for one-off customers. Knt_Nip has no separators and no prefix.
-- key: k.Knt_KntId int
-- :one_off varchar(20)
-- :ids int
-- :codes varchar(20)
-- :tax_id nvarchar(20) tax_id_notations
-- :tax_id_country varchar(2)
-- :text nvarchar(250) contains
-- :group_id varchar(20)
-- :active tinyint negated
-- :changed_since datetime
-- filter tax_id reads tax_id.number
-- filter tax_id_country reads tax_id.number
-- filter text reads full_name
-- filter group_id reads group.id
-- filter changed_since reads changed_at
-- convert full_name: joined(full_name, _name2, _name3)
-- convert kind: customer_kind
-- convert tax_id.country: nip_country(_prefix, tax_id.number, _country)
-- convert tax_id.number: nip_number(_prefix, tax_id.number, _country)
-- convert tax_id.kind: nip_kind(_prefix, tax_id.number, _country)
-- convert vat_payer: flag
-- convert address.country: country
-- convert discount: not_zero
-- convert currency: currency_or_base
-- convert active: negated
-- convert blocked: flag
-- convert block_reason: block_reason(_blocked, _no_documents, _dunned)
SELECT
    k.Knt_KntId AS [id],
    k.Knt_Kod AS [code],
    k.Knt_Nazwa1 AS [name],
    k.Knt_Nazwa1 AS [full_name],
    k.Knt_Nazwa2 AS [_name2],
    k.Knt_Nazwa3 AS [_name3],
    k.Knt_Finalny AS [kind],
    k.Knt_Nip AS [tax_id.number],
    k.Knt_NipKraj AS [_prefix],
    k.Knt_KrajISO AS [_country],
    k.Knt_Regon AS [regon],
    k.Knt_Pesel AS [pesel],
    k.Knt_PodatekVat AS [vat_payer],
    k.Knt_GLN AS [gln],
    k.Knt_Ulica AS [address.street],
    k.Knt_NrDomu AS [address.house_number],
    k.Knt_NrLokalu AS [address.flat_number],
    k.Knt_KodPocztowy AS [address.postal_code],
    k.Knt_Miasto AS [address.city],
    NULLIF(k.Knt_Poczta, k.Knt_Miasto) AS [address.post_office],
    k.Knt_Gmina AS [address.commune],
    k.Knt_Powiat AS [address.county],
    k.Knt_Wojewodztwo AS [address.voivodeship],
    k.Knt_KrajISO AS [address.country],
    k.Knt_KorUlica AS [correspondence_address.street],
    k.Knt_KorNrDomu AS [correspondence_address.house_number],
    k.Knt_KorNrLokalu AS [correspondence_address.flat_number],
    k.Knt_KorKodPocztowy AS [correspondence_address.postal_code],
    k.Knt_KorMiasto AS [correspondence_address.city],
    NULLIF(k.Knt_KorPoczta, k.Knt_KorMiasto) AS [correspondence_address.post_office],
    k.Knt_Email AS [email],
    k.Knt_Telefon1 AS [phone],
    f.FPl_FPlId AS [payment_method.id],
    f.FPl_Nazwa AS [payment_method.name],
    CASE WHEN k.Knt_TerminPlat = 1 THEN k.Knt_Termin ELSE f.FPl_Termin END AS [payment_days],
    d.DfC_Lp AS [price_list.id],
    d.DfC_Nazwa AS [price_list.name],
    k.Knt_Upust AS [discount],
    k.Knt_Waluta AS [currency],
    CASE WHEN k.Knt_LimitFlag = 1 AND k.Knt_LimitKredytuWal IN ('', 'PLN') THEN k.Knt_LimitKredytu END AS [credit_limit],
    CASE WHEN k.Knt_LimitFlag = 1 AND k.Knt_LimitKredytuWal IN ('', 'PLN') THEN k.Knt_LimitKredytuWykorzystany END AS [credit_used],
    k.Knt_Nieaktywny AS [active],
    CASE WHEN k.Knt_BlokadaDok <> 0 OR k.Knt_ZakazDokumentowHaMag <> 0 OR k.Knt_AutoWindBlokadaSprzed <> 0 THEN 1 ELSE 0 END AS [blocked],
    k.Knt_BlokadaDok AS [_blocked],
    k.Knt_ZakazDokumentowHaMag AS [_no_documents],
    k.Knt_AutoWindBlokadaSprzed AS [_dunned],
    NULLIF(k.Knt_Grupa, '') AS [group.id],
    NULLIF(k.Knt_Grupa, '') AS [group.name],
    p.Pod_Kod AS [salesperson.code],
    p.Pod_Nazwa1 AS [salesperson.name],
    k.Knt_Opis AS [remarks],
    k.Knt_TS_Zal AS [created_at],
    k.Knt_TS_Mod AS [changed_at]
FROM CDN.Kontrahenci k
LEFT JOIN CDN.FormyPlatnosci f ON f.FPl_FPlId = k.Knt_FplID
LEFT JOIN CDN.DefCeny d ON d.DfC_Lp = k.Knt_Ceny AND d.DfC_Lp > 1
-- Keepers of type 8 are operators, who are in the configuration database.
LEFT JOIN CDN.PodmiotyView p ON p.Pod_PodId = k.Knt_OpiekunId AND p.Pod_PodmiotTyp = k.Knt_OpiekunTyp AND k.Knt_OpiekunTyp <> 8
WHERE k.Knt_Kod NOT LIKE :one_off
  AND k.Knt_KntId IN (:ids)  --? ids
  AND k.Knt_Kod IN (:codes)  --? codes
  AND k.Knt_Nip IN (:tax_id)  --? tax_id
  AND (  --? tax_id_country
      k.Knt_Nip LIKE '[A-Z]%' OR k.Knt_NipKraj IN (:tax_id_country)  --? tax_id_country
      OR (k.Knt_NipKraj = '' AND k.Knt_KrajISO IN (:tax_id_country))  --? tax_id_country
  )  --? tax_id_country
  AND (  --? text
      k.Knt_Kod LIKE :text ESCAPE '\' OR k.Knt_Nazwa1 LIKE :text ESCAPE '\'  --? text
      OR k.Knt_Nazwa2 LIKE :text ESCAPE '\' OR k.Knt_Nazwa3 LIKE :text ESCAPE '\'  --? text
  )  --? text
  AND k.Knt_Grupa = :group_id  --? group_id
  AND k.Knt_Nieaktywny = :active  --? active
  AND k.Knt_TS_Mod >= :changed_since  --? changed_since
