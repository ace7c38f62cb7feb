-- Recipients (KntOdbiorcy): the default one first, as the program's list has it.
-- key: r.Odb_OdbID int
-- :parents int
-- :one_off varchar(20)
-- convert role: recipient()
-- convert name: joined(name, _name2, _name3)
-- convert tax_id.country: nip_country(_prefix, tax_id.number, _country)
-- convert tax_id.number: nip_number(_prefix, tax_id.number, _country)
-- convert tax_id.kind: nip_kind(_prefix, tax_id.number, _country)
-- convert address.country: country
SELECT
    r.Odb_KntOdbID AS [parent_id],
    k.Knt_KntId AS [id],
    k.Knt_Kod AS [code],
    k.Knt_Nazwa1 AS [name],
    k.Knt_Nazwa2 AS [_name2],
    k.Knt_Nazwa3 AS [_name3],
    k.Knt_Nip AS [tax_id.number],
    k.Knt_NipKraj AS [_prefix],
    k.Knt_KrajISO AS [_country],
    k.Knt_Ulica AS [address.street],
    k.Knt_NrDomu AS [address.house_number],
    k.Knt_NrLokalu AS [address.flat_number],
    k.Knt_KodPocztowy AS [address.postal_code],
    k.Knt_Miasto AS [address.city],
    NULLIF(k.Knt_Poczta, k.Knt_Miasto) AS [address.post_office],
    k.Knt_Gmina AS [address.commune],
    k.Knt_Powiat AS [address.county],
    k.Knt_Wojewodztwo AS [address.voivodeship],
    k.Knt_KrajISO AS [address.country]
FROM CDN.KntOdbiorcy r
JOIN CDN.Kontrahenci k ON k.Knt_KntId = r.Odb_OdbKntID
WHERE r.Odb_KntOdbID IN (:parents)
  AND k.Knt_Kod NOT LIKE :one_off
