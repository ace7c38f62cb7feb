"""The table `[companies.<name>.orders]`: the opt-in to writing orders and customers by direct SQL."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["HOW_TO_ALLOW_CUSTOMERS", "HOW_TO_ALLOW_ORDERS", "OrdersConfig"]

HOW_TO_ALLOW_ORDERS = (
    "Orders are not written here: direct SQL is an opt-in. Make an order (ZK) in the program for copies to be made of,"
    ' and name it in the connector\'s configuration: [companies.<name>.orders] with template = "ZK 1/01/2026".'
)
HOW_TO_ALLOW_CUSTOMERS = (
    "Customers are not created here: set customers = true and company_template (or consumer_template) to the code of a"
    " customer for copies to be made of, in [companies.<name>.orders] of the connector's configuration."
)


class OrdersConfig(BaseModel):
    """What orders and customers are copied from. Without this table nothing is ever written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: str | int = Field(
        description="Number (as printed) or id of the order, made by the program, that orders are copied from."
    )
    customers: bool = Field(default=False, description="Whether customers may be created.")
    company_template: str | int | None = Field(
        default=None, description="Code or id of the customer that companies are copied from."
    )
    consumer_template: str | int | None = Field(
        default=None, description="Code or id of the private person that consumers are copied from."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        named = self.company_template is not None or self.consumer_template is not None
        if self.customers and not named:
            raise ValueError("customers = true needs company_template, consumer_template, or both")
        if named and not self.customers:
            raise ValueError("company_template and consumer_template need customers = true")
        return self
