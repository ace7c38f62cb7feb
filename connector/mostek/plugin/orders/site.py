"""What a site says of orders beside its ERP: what callers' words stand for, and what an order has that says nothing.

    [companies.acme.mapping.payment_methods]
    blik = "7"

    [companies.acme.order_defaults]
    warehouse_id = "1"

A draft is rewritten before anything is looked up: first what it says, by `mapping`, then what it leaves out, by
`order_defaults`, which hold what the ERP has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import DocumentWanted, OrderDraft
from mostek.plugin.sql_plugin import SqlConfig

__all__ = ["OrderConfig", "OrderDefaults", "OrderMapping", "OrderRules"]


def _text(value: object) -> object:
    """Ids are mostly numbers, and are written so."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Word = Annotated[str, StringConstraints(min_length=1, max_length=128)]
ErpId = Annotated[
    str,
    BeforeValidator(_text),
    StringConstraints(min_length=1, max_length=128, pattern=r"^\S(.*\S)?$"),
]
Words = dict[Word, ErpId]


class OrderMapping(BaseModel):
    """Callers' words → what the ERP has: ids as `DescribeErp` tells them, codes of VAT rates and of series.

    A word that is not here is passed on as it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    payment_methods: Words = Field(default_factory=dict)
    price_lists: Words = Field(default_factory=dict)
    series: Words = Field(default_factory=dict)
    vat_codes: Words = Field(default_factory=dict)
    warehouses: Words = Field(default_factory=dict)


class OrderDefaults(BaseModel):
    """What an order gets that leaves it out, as if the caller had said it: fields of `OrderDraft`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    payment_method_id: ErpId | None = None
    payment_days: Annotated[int, Field(ge=0, le=999)] | None = None
    price_list_id: ErpId | None = None
    series: ErpId | None = None
    warehouse_id: ErpId | None = None
    reserve: bool | None = None
    document_wanted: Literal["invoice", "receipt"] | None = None
    remarks: Annotated[str, StringConstraints(min_length=1, max_length=4000)] | None = None


#: Field of a draft → the table of words that it goes through.
_OF_ORDER = {
    "payment_method_id": "payment_methods",
    "price_list_id": "price_lists",
    "series": "series",
    "warehouse_id": "warehouses",
}
_OF_LINE = {"vat_code": "vat_codes", "warehouse_id": "warehouses"}
_OF_CUSTOMER = {"payment_method_id": "payment_methods", "price_list_id": "price_lists"}
_WANTED = {
    "invoice": DocumentWanted.DOCUMENT_WANTED_INVOICE,
    "receipt": DocumentWanted.DOCUMENT_WANTED_RECEIPT,
}


class OrderRules(BaseModel):
    """What the site says of orders."""

    model_config = ConfigDict(extra="forbid")

    mapping: OrderMapping = OrderMapping()
    order_defaults: OrderDefaults = OrderDefaults()

    def order(self, draft: OrderDraft) -> OrderDraft:
        """The draft in the ERP's words, with what it leaves out."""
        said = OrderDraft()
        said.CopyFrom(draft)
        self._translate(said, _OF_ORDER)
        for line in said.lines:
            self._translate(line, _OF_LINE)
        for choice in (said.buyer, said.recipient, said.payer):
            if choice.WhichOneof("customer") == "draft":
                self._translate(choice.draft, _OF_CUSTOMER)
        for name, value in self._defaults(said):
            if not said.HasField(name):  # type: ignore[arg-type]
                setattr(said, name, value)
        return said

    def customer(self, draft: CustomerDraft) -> CustomerDraft:
        """The draft in the ERP's words."""
        said = CustomerDraft()
        said.CopyFrom(draft)
        self._translate(said, _OF_CUSTOMER)
        return said

    def named(self) -> Iterator[tuple[str, str, str]]:
        """What of the ERP the site names: where in the configuration, the field of `OrderDraft`, the value."""
        for field, table in _OF_ORDER.items() | {("lines.vat_code", "vat_codes")}:
            for word, value in getattr(self.mapping, table).items():
                yield f"mapping.{table}.{word}", field, value
        for name in _OF_ORDER:
            if value := getattr(self.order_defaults, name):
                yield f"order_defaults.{name}", name, value

    def _translate(self, said: Any, fields: Mapping[str, str]) -> None:
        for name, table in fields.items():
            if said.HasField(name):
                words: Mapping[str, str] = getattr(self.mapping, table)
                setattr(said, name, words.get(getattr(said, name), getattr(said, name)))

    def _defaults(self, said: OrderDraft) -> Iterator[tuple[str, Any]]:
        # The days belong to the site's method: another has its own.
        skipped = {"payment_days"} if said.HasField("payment_method_id") else set[str]()
        defaults = self.order_defaults.model_dump(exclude_none=True, exclude=skipped)
        for name, value in defaults.items():
            yield name, _WANTED[value] if name == "document_wanted" else value


class OrderConfig(OrderRules, SqlConfig):
    """The configuration of a plugin that plans orders."""
