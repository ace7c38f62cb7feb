"""Where texts of a write go, and how much of them the database holds: known from the database at hand alone."""

from __future__ import annotations

from collections.abc import Iterator

from mostek.erp.v1.erp_pb2 import FieldLimit
from mostek.plugin.catalogue import Catalogue

__all__ = ["COLUMNS", "LIMITS", "SCALE", "field_limits"]

_ADDRESS = {
    "street": "AdresUlica",
    "house_number": "AdresNrDomu",
    "flat_number": "AdresNrLokalu",
    "city": "AdresMiejscowosc",
    "post_office": "AdresPoczta",
    "commune": "AdresGmina",
    "county": "AdresPowiat",
}
COLUMNS = {
    "OrderDraft.external_number": "dbo.DokHandlowe.ObcyNumer",
    "OrderDraft.remarks": "dbo.DokHandlowe.Opis",
    "OrderDraft.buyer.code": "dbo.Kontrahenci.Kod",
    "OrderDraft.lines.remark": "dbo.PozycjeDokHan.Opis",
    "OrderDraft.lines.product.code": "dbo.Towary.Kod",
    "OrderDraft.lines.product.ean": "dbo.Towary.EAN",
    "CustomerDraft.code": "dbo.Kontrahenci.Kod",
    "CustomerDraft.name": "dbo.Kontrahenci.Nazwa",
    "CustomerDraft.tax_id": "dbo.Kontrahenci.NIP",
    "CustomerDraft.regon": "dbo.Kontrahenci.REGON",
    "CustomerDraft.email": "dbo.Kontrahenci.KontaktEMAIL",
    "CustomerDraft.phone": "dbo.Adresy.AdresTelefon",
    **{f"CustomerDraft.address.{part}": f"dbo.Adresy.{name}" for part, name in _ADDRESS.items()},
    **{
        f"CustomerDraft.correspondence_address.{part}": f"dbo.Adresy.{name}"
        for part, name in _ADDRESS.items()
    },
}
#: The contract's own bounds, for columns whose length the database does not tell.
LIMITS = {
    "OrderDraft.external_number": "nvarchar(64)",
    "OrderDraft.remarks": "nvarchar(4000)",
    "OrderDraft.buyer.code": "nvarchar(128)",
    "OrderDraft.lines.remark": "nvarchar(1000)",
    "OrderDraft.lines.product.code": "nvarchar(128)",
    "OrderDraft.lines.product.ean": "nvarchar(64)",
}
#: Digits after the point that a quantity may have.
SCALE = 4


def field_limits(catalogue: Catalogue) -> Iterator[FieldLimit]:
    """The lengths that the database's columns have, and the scale of quantities."""
    for path, name in COLUMNS.items():
        table, _, column = name.rpartition(".")
        kind = catalogue.type_of(table, column)
        if kind and kind.is_text and kind.size:
            yield FieldLimit(path=path, max_length=kind.size)
    yield FieldLimit(path="OrderDraft.lines.quantity", max_scale=SCALE)
