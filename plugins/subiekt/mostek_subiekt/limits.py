"""Where Subiekt holds less than the contract allows: lengths of its columns."""

from __future__ import annotations

__all__ = ["COLUMNS", "SCALES"]

_ADDRESS = {
    "street": "adr_Ulica",
    "house_number": "adr_NrDomu",
    "flat_number": "adr_NrLokalu",
    "postal_code": "adr_Kod",
    "city": "adr_Miejscowosc",
    "post_office": "adr_Poczta",
    "commune": "adr_Gmina",
    "county": "adr_Powiat",
}
COLUMNS = {
    "OrderDraft.external_number": "dbo.dok__Dokument.dok_NrPelnyOryg",
    "OrderDraft.remarks": "dbo.dok__Dokument.dok_Uwagi",
    "OrderDraft.lines.unit": "dbo.dok_Pozycja.ob_Jm",
    "OrderDraft.lines.remark": "dbo.dok_Pozycja.ob_Opis",
    "OrderDraft.lines.product.code": "dbo.tw__Towar.tw_Symbol",
    "OrderDraft.lines.product.ean": "dbo.tw__Towar.tw_PodstKodKresk",
    "OrderDraft.buyer.code": "dbo.kh__Kontrahent.kh_Symbol",
    "OrderDraft.recipient.code": "dbo.kh__Kontrahent.kh_Symbol",
    "OrderDraft.delivery.address.name": "dbo.adr_Historia.adrh_Nazwa",
    "CustomerDraft.code": "dbo.kh__Kontrahent.kh_Symbol",
    "CustomerDraft.name": "dbo.adr__Ewid.adr_Nazwa",
    "CustomerDraft.full_name": "dbo.adr__Ewid.adr_NazwaPelna",
    "CustomerDraft.tax_id": "dbo.adr__Ewid.adr_NIP",
    "CustomerDraft.email": "dbo.kh__Kontrahent.kh_EMail",
    "CustomerDraft.phone": "dbo.adr__Ewid.adr_Telefon",
    "CustomerDraft.remarks": "dbo.kh__Kontrahent.kh_Uwagi",
    **{f"CustomerDraft.address.{part}": f"dbo.adr__Ewid.{name}" for part, name in _ADDRESS.items()},
    **{
        f"CustomerDraft.correspondence_address.{part}": f"dbo.adr__Ewid.{name}"
        for part, name in _ADDRESS.items()
    },
}
#: Digits after the point of a money column, which quantities and prices are.
SCALES = {"OrderDraft.lines.quantity": 4}
