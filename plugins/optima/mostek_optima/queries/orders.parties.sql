-- The buyer and the recipient as the document froze them, if these are two, and another payer as its card is now.
-- key: y.role int
-- :parents int
-- :one_off varchar(20)
-- convert role: whole
-- convert name: joined(name, _name2, _name3)
-- convert tax_id.country: nip_country(_prefix, tax_id.number, _none)
-- convert tax_id.number: nip_number(_prefix, tax_id.number, _none)
-- convert tax_id.kind: nip_kind(_prefix, tax_id.number, _none)
SELECT
    y.document AS [parent_id],
    y.role AS [role],
    k.Knt_KntId AS [customer_id],
    k.Knt_Kod AS [customer_code],
    y.name1 AS [name],
    y.name2 AS [_name2],
    y.name3 AS [_name3],
    y.tax AS [tax_id.number],
    y.prefix AS [_prefix],
    '' AS [_none],
    y.street AS [address.street],
    y.house AS [address.house_number],
    y.flat AS [address.flat_number],
    y.postal AS [address.postal_code],
    y.city AS [address.city],
    NULLIF(y.post, y.city) AS [address.post_office],
    y.commune AS [address.commune],
    y.county AS [address.county],
    y.voivodeship AS [address.voivodeship],
    y.gln AS [gln]
FROM (
    SELECT b.TrN_TrNID AS document, 1 AS role, b.TrN_PodmiotTyp AS kind, b.TrN_PodID AS party, b.TrN_PodNazwa1 AS name1, b.TrN_PodNazwa2 AS name2, b.TrN_PodNazwa3 AS name3, b.TrN_PodNipKraj AS prefix, b.TrN_PodNipE AS tax, b.TrN_PodUlica AS street, b.TrN_PodNrDomu AS house, b.TrN_PodNrLokalu AS flat, b.TrN_PodKodPocztowy AS postal, b.TrN_PodMiasto AS city, b.TrN_PodPoczta AS post, b.TrN_PodGmina AS commune, b.TrN_PodPowiat AS county, b.TrN_PodWojewodztwo AS voivodeship, b.TrN_PodmiotGLN AS gln
    FROM CDN.TraNag b
    WHERE b.TrN_TrNID IN (:parents)
    UNION ALL
    SELECT r.TrN_TrNID AS document, 2 AS role, r.TrN_OdbiorcaTyp AS kind, r.TrN_OdbID AS party, r.TrN_OdbNazwa1 AS name1, r.TrN_OdbNazwa2 AS name2, r.TrN_OdbNazwa3 AS name3, r.TrN_OdbNipKraj AS prefix, r.TrN_OdbNipE AS tax, r.TrN_OdbUlica AS street, r.TrN_OdbNrDomu AS house, r.TrN_OdbNrLokalu AS flat, r.TrN_OdbKodPocztowy AS postal, r.TrN_OdbMiasto AS city, r.TrN_OdbPoczta AS post, r.TrN_OdbGmina AS commune, r.TrN_OdbPowiat AS county, r.TrN_OdbWojewodztwo AS voivodeship, r.TrN_OdbiorcaGLN AS gln
    FROM CDN.TraNag r
    WHERE r.TrN_TrNID IN (:parents) AND r.TrN_OdbID IS NOT NULL AND (r.TrN_OdbID <> r.TrN_PodID OR r.TrN_OdbiorcaTyp <> r.TrN_PodmiotTyp)
    UNION ALL
    SELECT p.TrN_TrNID AS document, 3 AS role, p.TrN_PlatnikTyp AS kind, p.TrN_PlatnikID AS party, v.Pod_Nazwa1 AS name1, v.Pod_Nazwa2 AS name2, v.Pod_Nazwa3 AS name3, v.Pod_NipKraj AS prefix, v.Pod_NIP AS tax, v.Pod_Ulica AS street, v.Pod_NrDomu AS house, v.Pod_NrLokalu AS flat, v.Pod_KodPocztowy AS postal, v.Pod_Miasto AS city, v.Pod_Poczta AS post, v.Pod_Gmina AS commune, v.Pod_Powiat AS county, v.Pod_Wojewodztwo AS voivodeship, '' AS gln
    FROM CDN.TraNag p
    JOIN CDN.PodmiotyView v ON v.Pod_PodmiotTyp = p.TrN_PlatnikTyp AND v.Pod_PodId = p.TrN_PlatnikID
    WHERE p.TrN_TrNID IN (:parents) AND (p.TrN_PlatnikID <> p.TrN_PodID OR p.TrN_PlatnikTyp <> p.TrN_PodmiotTyp)
) y
LEFT JOIN CDN.Kontrahenci k ON k.Knt_KntId = y.party AND y.kind = 1 AND k.Knt_Kod NOT LIKE :one_off
WHERE 1 = 1
