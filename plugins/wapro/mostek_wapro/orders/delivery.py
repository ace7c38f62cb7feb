"""Where the goods go: a row of DOSTAWA, which no procedure writes, to one of the customer's delivery places."""

from __future__ import annotations

from dataclasses import dataclass

from mostek.erp.v1.order_pb2 import DeliveryAddressDraft, DeliveryChoice
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import Lookup, text
from mostek.plugin.orders.problems import INCONSISTENT, NOT_FOUND, Problems
from mostek_wapro.orders.config import HOW_TO_ALLOW_DELIVERIES, OrdersConfig
from mostek_wapro.orders.customers import GREATEST_ID, Customer, number
from mostek_wapro.orders.insertion import inserted

__all__ = ["NewPlace", "deliver", "plan_delivery"]

_PLACES = (
    "SELECT p.ID_MIEJSCA_DOSTAWY, p.FIRMA, p.ODBIORCA, p.ULICA_LOKAL, p.KOD_POCZTOWY, p.MIEJSCOWOSC, p.SYM_KRAJU, p.TEL"
    " FROM dbo.MIEJSCE_DOSTAWY p WHERE p.ID_KONTRAHENTA = ? ORDER BY p.ID_MIEJSCA_DOSTAWY"
)
_FORM = "SELECT k.ID_FORMY_DOSTAWY_DOM FROM dbo.KONTRAHENT k WHERE k.ID_KONTRAHENTA = ?"
_COLUMNS = ("FIRMA", "ODBIORCA", "ULICA_LOKAL", "KOD_POCZTOWY", "MIEJSCOWOSC", "SYM_KRAJU", "TEL")
_NOT_KEPT = ("post_office", "commune", "county", "voivodeship")


@dataclass(frozen=True)
class NewPlace:
    """A delivery place by its columns: one of the customer's that is the same is taken."""

    columns: dict[str, str]


def plan_delivery(
    lookup: Lookup,
    config: OrdersConfig | None,
    choice: DeliveryChoice,
    buyer: Customer | None,
    problems: Problems,
) -> int | NewPlace | None:
    """The id of the place, or a new one; None for none, or if something is wrong, which `problems` tells."""
    kind = choice.WhichOneof("delivery")
    if kind is None:
        return None
    if config is None or not config.deliveries:
        problems.unsupported(f"delivery.{kind}", HOW_TO_ALLOW_DELIVERIES)
        return None
    if kind == "address":
        return _new_place(lookup, choice.address, buyer, problems)
    places = lookup.fetch(_PLACES, number(buyer.id)) if buyer else []
    wanted = known_id(choice.id, GREATEST_ID)
    if buyer and wanted not in {int(row[0]) for row in places}:
        problems.add("delivery.id", NOT_FOUND, "the buyer has no such delivery place")
    return wanted


def deliver(lookup: Lookup, order: int, buyer: int, place: int | NewPlace) -> None:
    """Write the delivery, in the transaction of the order and before it is confirmed."""
    form = lookup.one(_FORM, number(buyer))
    row: dict[str, object] = {
        "ID_MIEJSCA_DOSTAWY": _placed(lookup, buyer, place),
        "ID_ZAMOWIENIA": order,
        "ID_DOK_MAGAZYNOWEGO": 0,
        "ODEBRANO": 0,
    }
    if form and form[0]:
        row["ID_FORMY_DOSTAWY"] = int(form[0])
    inserted(lookup, "DOSTAWA", "ID_DOSTAWY", row)


def _placed(lookup: Lookup, buyer: int, place: int | NewPlace) -> int:
    if isinstance(place, int):
        return place
    for known, *values in lookup.fetch(_PLACES, number(buyer)):
        if dict(zip(_COLUMNS, map(text, values), strict=True)) == place.columns:
            return int(known)
    row: dict[str, object] = {**place.columns, "ID_KONTRAHENTA": buyer}
    return inserted(lookup, "MIEJSCE_DOSTAWY", "ID_MIEJSCA_DOSTAWY", row)


def _new_place(
    lookup: Lookup, given: DeliveryAddressDraft, buyer: Customer | None, problems: Problems
) -> NewPlace:
    path, address = "delivery.address", given.address
    for name in _NOT_KEPT:
        if getattr(address, name):
            problems.unsupported(
                f"{path}.address.{name}", "delivery places don't keep it: leave it out"
            )
    if given.email:
        problems.unsupported(
            f"{path}.email", "delivery places have no e-mail: say it in the remarks"
        )
    house = "/".join(filter(None, (address.house_number, address.flat_number)))
    street = " ".join(filter(None, (address.street, house)))
    if street and address.HasField("address_line"):
        problems.add(
            f"{path}.address.address_line", INCONSISTENT, "give this or street and house, not both"
        )
    named = ("name", given.name or (buyer.name if buyer else ""))
    values = {
        "FIRMA": named,
        "ODBIORCA": ("name", ""),
        "ULICA_LOKAL": ("address.street", street or address.address_line),
        "KOD_POCZTOWY": ("address.postal_code", address.postal_code),
        "MIEJSCOWOSC": ("address.city", address.city),
        "SYM_KRAJU": ("address.country", address.country or "PL"),
        "TEL": ("phone", given.phone),
    }
    return NewPlace(
        {
            column: problems.text(
                f"{path}.{name}", value, lookup.type_of("MIEJSCE_DOSTAWY", column)
            )
            for column, (name, value) in values.items()
        }
    )
