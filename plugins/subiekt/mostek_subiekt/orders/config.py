"""The table `[companies.<name>.orders]`: whether and how orders and customers are written.

`mode = "sfera"`: by the program's own objects. `mode = "sql"`: by direct SQL. Without the table nothing is written.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from mostek.plugin.database_config import Login
from mostek.plugin.secret import Secret
from mostek.plugin.worker.config import WorkerConfig

__all__ = [
    "HOW_TO_ALLOW_CUSTOMERS",
    "HOW_TO_ALLOW_ORDERS",
    "OrdersConfig",
    "SferaConfig",
    "WriteMode",
]

HOW_TO_ALLOW_ORDERS = (
    "Orders are not written here: choose how in [companies.<name>.orders] of the connector's configuration. With Sfera"
    ' GT: mode = "sfera", operator and password. Without it, by direct SQL, an opt-in: make an order (ZK) in the'
    ' program for copies to be made of, and name it: template = "ZK 1/01/2026".'
)
HOW_TO_ALLOW_CUSTOMERS = (
    "Customers are not created here: set customers = true and company_template (or consumer_template) to the code of a"
    " customer for copies to be made of, in [companies.<name>.orders] of the connector's configuration."
)


class OrdersConfig(BaseModel):
    """Direct SQL: what orders and customers are copied from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["sql"] = "sql"
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


class SferaConfig(BaseModel):
    """Sfera GT: which operator it logs in as, and how it is started. Server and database are those of `[database]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["sfera"]
    operator: str = Field(
        min_length=1,
        description="The program's user that orders are made by; each running Sfera takes a licence seat.",
    )
    password: Secret = Field(description="That user's password; it may be empty.")
    login: Login | None = Field(
        default=None,
        description="SQL Server's login for the program itself. None: the Windows account of the connector.",
    )
    encrypt_passwords: bool = Field(
        default=False,
        description="Pass passwords through InsERT.Dodatki.Szyfruj, as some versions are said to want them.",
    )
    match: int = Field(
        default=0,
        ge=0,
        le=2,
        description="First argument of Uruchom: which running program may be used.",
    )
    launch: int = Field(
        default=4,
        ge=0,
        le=31,
        description="Second argument of Uruchom, flags: 4 is in the background, without dialogs.",
    )
    warehouse: int | None = Field(
        default=None,
        description="Id of the warehouse of orders that name none. None: the main one.",
    )
    customers: bool = Field(default=False, description="Whether customers may be created.")
    worker: WorkerConfig = WorkerConfig()


def _mode(value: Any) -> str:
    return str(value.get("mode", "sql") if isinstance(value, dict) else value.mode)


WriteMode: TypeAlias = Annotated[
    Annotated[OrdersConfig, Tag("sql")] | Annotated[SferaConfig, Tag("sfera")],
    Discriminator(_mode),
]
