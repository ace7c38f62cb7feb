-- Customers (Kontrahenci) with their addresses (Adresy, Typ 1 and 2). The contractor of one-off sales is left out; which
-- cards are suppliers' alone nothing tells.
-- key: k.ID int
-- :one_off nvarchar(100)
-- :ids int
-- :codes nvarchar(100)
-- :tax_id nvarchar(30) tax_id_notations
-- :tax_id_country nvarchar(2)
-- :text nvarchar(200) contains
-- :active bit negated
-- :changed_since bigint
-- filter tax_id reads tax_id.number
-- filter tax_id_country reads tax_id.number
-- filter text reads full_name
-- convert name: first_line
-- convert kind: customer_kind
-- convert tax_id.country: typed_country(_nip, _eu_vat, _country)
-- convert tax_id.number: typed_number(_nip, _eu_vat, _country)
-- convert tax_id.kind: typed_kind(_nip, _eu_vat, _country)
-- convert eu_vat_payer: in_the_eu
-- convert address.postal_code: postal_code(_post_code, _foreign_post_code)
-- convert address.country: country
-- convert correspondence_address.postal_code: postal_code(_post_code_2, _foreign_post_code_2)
-- convert correspondence_address.country: country
-- convert discount: fraction_percent
-- convert credit_limit: base_amount(_limit, _limit_currency)
-- convert active: not_flag
-- convert blocked: flag
SELECT
    k.ID AS [id],
    k.Kod AS [code],
    k.Nazwa AS [name],
    k.Nazwa AS [full_name],
    k.StatusPodmiotu AS [kind],
    k.NIP AS [_nip],
    k.EuVAT AS [_eu_vat],
    a.AdresKodKraju AS [_country],
    k.REGON AS [regon],
    k.PESEL AS [pesel],
    k.PodatnikVAT AS [vat_payer],
    k.RodzajPodmiotu AS [eu_vat_payer],
    a.AdresGLN AS [gln],
    a.AdresUlica AS [address.street],
    a.AdresNrDomu AS [address.house_number],
    a.AdresNrLokalu AS [address.flat_number],
    a.AdresKodPocztowy AS [_post_code],
    a.AdresZagranicznyKodPocztowy AS [_foreign_post_code],
    a.AdresMiejscowosc AS [address.city],
    a.AdresPoczta AS [address.post_office],
    a.AdresGmina AS [address.commune],
    a.AdresPowiat AS [address.county],
    a.AdresKodKraju AS [address.country],
    c.AdresUlica AS [correspondence_address.street],
    c.AdresNrDomu AS [correspondence_address.house_number],
    c.AdresNrLokalu AS [correspondence_address.flat_number],
    c.AdresKodPocztowy AS [_post_code_2],
    c.AdresZagranicznyKodPocztowy AS [_foreign_post_code_2],
    c.AdresMiejscowosc AS [correspondence_address.city],
    c.AdresPoczta AS [correspondence_address.post_office],
    c.AdresGmina AS [correspondence_address.commune],
    c.AdresPowiat AS [correspondence_address.county],
    CASE WHEN c.AdresMiejscowosc > '' THEN c.AdresKodKraju END AS [correspondence_address.country],
    k.KontaktEMAIL AS [email],
    COALESCE(NULLIF(a.AdresTelefon, ''), k.KontaktTelefonKomorkowy) AS [phone],
    (
        SELECT MIN(s.ID) FROM dbo.SposobyZaplaty s
        JOIN dbo.FormyPlatnosci f ON f.Nazwa = s.Nazwa
        WHERE f.ID = k.SposobZaplaty
    ) AS [payment_method.id],
    (SELECT f.Nazwa FROM dbo.FormyPlatnosci f WHERE f.ID = k.SposobZaplaty) AS [payment_method.name],
    k.Termin AS [payment_days],
    k.Rabat AS [discount],
    CASE WHEN COALESCE(k.TypLimituKredytowego, 0) = 0 THEN k.LimitKredytuValue END AS [_limit],
    k.LimitKredytuSymbol AS [_limit_currency],
    COALESCE(CAST(k.Blokada AS int), 0) AS [active],
    COALESCE(CAST(k.BlokadaSprzedazy AS int), 0) AS [blocked],
    k.Uwagi AS [remarks]
FROM dbo.Kontrahenci k
LEFT JOIN dbo.Adresy a ON a.ID = (
    SELECT MIN(x.ID) FROM dbo.Adresy x WHERE x.HostType = 'Kontrahenci' AND x.Host = k.ID AND x.Typ = 1
)
LEFT JOIN dbo.Adresy c ON c.ID = (
    SELECT MIN(x.ID) FROM dbo.Adresy x WHERE x.HostType = 'Kontrahenci' AND x.Host = k.ID AND x.Typ = 2
)
WHERE COALESCE(k.Kod, '') NOT IN (:one_off)
  AND k.ID IN (:ids)  --? ids
  AND k.Kod IN (:codes)  --? codes
  AND k.ID IN (  --? tax_id
      SELECT n.ID FROM dbo.Kontrahenci n WHERE n.NIP IN (:tax_id)  --? tax_id
      UNION ALL  --? tax_id
      SELECT e.ID FROM dbo.Kontrahenci e WHERE e.EuVAT IN (:tax_id)  --? tax_id
  )  --? tax_id
  AND (  --? tax_id_country
      (k.EuVAT LIKE '[A-Z]%' AND k.EuVAT IN (:tax_id)) OR k.NIP LIKE '[A-Z]%' OR a.AdresKodKraju = :tax_id_country  --? tax_id_country
  )  --? tax_id_country
  AND (k.Nazwa LIKE :text ESCAPE '\' OR k.Kod LIKE :text ESCAPE '\')  --? text
  AND COALESCE(CAST(k.Blokada AS int), 0) = :active  --? active
  AND CAST(k.Stamp AS bigint) >= :changed_since  --? changed_since
