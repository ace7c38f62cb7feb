"""Where Optima holds less than the contract allows: lengths of its columns."""

from __future__ import annotations

__all__ = ["COLUMNS", "SCALES"]

_ADDRESS = {
    "street": "Knt_Ulica",
    "house_number": "Knt_NrDomu",
    "flat_number": "Knt_NrLokalu",
    "postal_code": "Knt_KodPocztowy",
    "city": "Knt_Miasto",
    "commune": "Knt_Gmina",
    "county": "Knt_Powiat",
    "voivodeship": "Knt_Wojewodztwo",
}
COLUMNS = {
    "OrderDraft.remarks": "CDN.TraNag.TrN_Opis",
    "OrderDraft.series": "CDN.DokDefinicje.DDf_Symbol",
    "OrderDraft.lines.unit": "CDN.TraElem.TrE_Jm",
    "OrderDraft.lines.remark": "CDN.TraElem.TrE_TwrOpis",
    "OrderDraft.lines.product.code": "CDN.Towary.Twr_Kod",
    "OrderDraft.lines.product.ean": "CDN.Towary.Twr_EAN",
    "OrderDraft.buyer.code": "CDN.Kontrahenci.Knt_Kod",
    "OrderDraft.recipient.code": "CDN.Kontrahenci.Knt_Kod",
    "CustomerDraft.code": "CDN.Kontrahenci.Knt_Kod",
    "CustomerDraft.tax_id": "CDN.Kontrahenci.Knt_NipE",
    "CustomerDraft.email": "CDN.Kontrahenci.Knt_Email",
    "CustomerDraft.phone": "CDN.Kontrahenci.Knt_Telefon1",
    **{f"CustomerDraft.address.{part}": f"CDN.Kontrahenci.{n}" for part, n in _ADDRESS.items()},
}
#: Digits after the point of a quantity.
SCALES = {"OrderDraft.lines.quantity": 4}
