-- Customers (KONTRAHENT) of the company; one-off ones (Incydentalny) and those that are suppliers alone are left out.
-- COALESCE keeps an index on the company from being taken: pages walk along the key.
-- key: k.ID_KONTRAHENTA bigint
-- :company int
-- :ids bigint
-- :codes int whole_numbers
-- :tax_id varchar(30) tax_id_notations
-- :tax_id_country varchar(3)
-- :text varchar(200) contains
-- :group_id bigint
-- :active bit negated
-- filter tax_id reads tax_id.number
-- filter tax_id_country reads tax_id.number
-- filter text reads full_name
-- filter group_id reads group.id
-- convert kind: customer_kind(_tax_id, _pesel)
-- convert tax_id.country: tax_country(tax_id.number, _country)
-- convert tax_id.number: tax_number(tax_id.number, _country)
-- convert tax_id.kind: tax_kind(tax_id.number, _country)
-- convert address.country: country
-- convert correspondence_address.country: country
-- convert vat_payer: flag
-- convert eu_vat_payer: flag
-- convert discount: discount
-- convert currency: currency
-- convert active: not_flag
-- convert blocked: flag
-- convert salesperson.name: joined(_first_name, _last_name)
SELECT
    k.ID_KONTRAHENTA AS [id],
    k.KOD_KONTRAHENTA AS [code],
    k.NAZWA AS [name],
    COALESCE(NULLIF(k.NAZWA_PELNA, ''), k.NAZWA) AS [full_name],
    k.NIP AS [_tax_id],
    k.PESEL AS [_pesel],
    k.NIP AS [tax_id.number],
    k.SYM_KRAJU AS [_country],
    k.REGON AS [regon],
    k.PESEL AS [pesel],
    k.VAT_CZYNNY AS [vat_payer],
    k.KontrahentUE AS [eu_vat_payer],
    k.ULICA_LOKAL AS [address.address_line],
    k.KOD_POCZTOWY AS [address.postal_code],
    k.MIEJSCOWOSC AS [address.city],
    k.POWIAT AS [address.county],
    k.WOJEWODZTWO AS [address.voivodeship],
    k.SYM_KRAJU AS [address.country],
    k.ULICA_LOKAL_KOR AS [correspondence_address.address_line],
    k.KOD_POCZTOWY_KOR AS [correspondence_address.postal_code],
    k.MIEJSCOWOSC_KOR AS [correspondence_address.city],
    k.POWIAT_KOR AS [correspondence_address.county],
    k.WOJEWODZTWO_KOR AS [correspondence_address.voivodeship],
    k.SYM_KRAJU_KOR AS [correspondence_address.country],
    k.ADRES_EMAIL AS [email],
    k.TELEFON_FIRMOWY AS [phone],
    (
        SELECT MIN(f.ID_FORMY) FROM dbo.FORMA_PLATNOSCI f
        WHERE f.NAZWA = k.FORMA_PLATNOSCI AND (f.ID_FIRMY = k.ID_FIRMY OR f.ID_FIRMY IS NULL)
    ) AS [payment_method.id],
    k.FORMA_PLATNOSCI AS [payment_method.name],
    k.TERMIN_NALEZNOSCI AS [payment_days],
    c.ID_CENY AS [price_list.id],
    c.NAZWA AS [price_list.name],
    k.DOMYSLNY_RABAT AS [discount],
    k.DOM_SYM_WAL AS [currency],
    NULLIF(k.LIMIT_KUPIECKI, 0) AS [credit_limit],
    k.ZABLOKOWANY AS [active],
    k.ZABLOKOWANY AS [blocked],
    g.ID_GRUPY AS [group.id],
    g.NAZWA AS [group.name],
    p.ID_PRACOWNIKA AS [salesperson.id],
    p.IMIE_1 AS [_first_name],
    p.NAZWISKO AS [_last_name],
    k.UWAGI AS [remarks]
FROM dbo.KONTRAHENT k
LEFT JOIN dbo.GRUPA_KONTRAHENTA g ON g.ID_GRUPY = k.ID_GRUPY
LEFT JOIN dbo.CENA c ON c.ID_CENY = g.ID_CENY
LEFT JOIN dbo.PRACOWNIK p ON p.ID_PRACOWNIKA = k.ID_HANDLOWCA
WHERE COALESCE(k.ID_FIRMY, 0) = :company
  AND COALESCE(k.ODBIORCA, 1) <> 0
  AND COALESCE(k.Incydentalny, 0) = 0
  AND k.ID_KONTRAHENTA IN (:ids)  --? ids
  AND k.ID_FIRMY = :company AND k.KOD_KONTRAHENTA IN (:codes)  --? codes
  AND k.ID_FIRMY = :company AND k.NIP IN (:tax_id)  --? tax_id
  AND (k.NIP LIKE '[A-Z]%' OR k.SYM_KRAJU = :tax_id_country)  --? tax_id_country
  AND (k.NAZWA LIKE :text ESCAPE '\' OR k.NAZWA_PELNA LIKE :text ESCAPE '\')  --? text
  AND k.ID_GRUPY = :group_id  --? group_id
  AND COALESCE(CAST(k.ZABLOKOWANY AS int), 0) = :active  --? active
