"""The table `[companies.<name>.orders]`: who writes orders, and what orders have that say nothing else."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "HOW_TO_ALLOW_CUSTOMERS",
    "HOW_TO_ALLOW_DELIVERIES",
    "HOW_TO_ALLOW_ORDERS",
    "OrdersConfig",
]

HOW_TO_ALLOW_ORDERS = (
    "Orders are not written here: the procedures of WAPRO Mag need one of its users. Make one in the program for the"
    ' connector alone, and name it in its configuration: [companies.<name>.orders] with user = "MOSTEK".'
)
HOW_TO_ALLOW_CUSTOMERS = (
    "Customers are not created here: WAPRO Mag has no procedure for it, so their rows are inserted directly, which is"
    " an opt-in. Set customers = true in [companies.<name>.orders] of the connector's configuration."
)

HOW_TO_ALLOW_DELIVERIES = (
    "Delivery addresses are not written here: no procedure of WAPRO Mag takes one, so the row that links an order with"
    " a delivery place is inserted directly, which is an opt-in. Set deliveries = true in [companies.<name>.orders] of"
    " the connector's configuration, or say it in the remarks."
)


class OrdersConfig(BaseModel):
    """Without this table nothing is ever written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field(
        min_length=1, description="The program's user who writes orders (UZYTKOWNIK.IDENTYFIKATOR)."
    )
    signature: str = Field(
        default="ZO", description="Signature of the type of orders (TYP_DOKUMENTU_MAGAZYNOWEGO)."
    )
    warehouse: str | None = Field(
        default=None,
        description="Symbol (MAGAZYN.SYMBOL) of the warehouse of orders that name none.",
    )
    price_list: str | None = Field(
        default=None,
        description="Name (CENA.NAZWA) of the price list for buyers whose group has none; else each product's own.",
    )
    delivery_days: int = Field(
        default=0,
        ge=0,
        description="Days from the order to its delivery, where a draft has no date.",
    )
    reserve: bool = Field(
        default=False, description="Whether goods are reserved for orders that don't say."
    )
    customers: bool = Field(
        default=False, description="Whether customers may be created, by direct SQL."
    )
    deliveries: bool = Field(
        default=False, description="Whether delivery addresses are written, by direct SQL."
    )
    parameters: dict[str, int | str] = Field(
        default_factory=dict,
        description="Values for parameters of procedures that are not known: procedure.@parameter → value.",
    )
