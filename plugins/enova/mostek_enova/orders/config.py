"""The table `[companies.<name>.orders]`: what orders are written with."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from mostek.plugin.secret import Secret
from mostek.plugin.worker.config import WorkerConfig

__all__ = ["HOW_TO_ALLOW_CUSTOMERS", "HOW_TO_ALLOW_ORDERS", "OrdersConfig"]

HOW_TO_ALLOW_ORDERS = (
    "Orders are not written here: name the program's folder, its database and an operator in the connector's"
    " configuration, [companies.<name>.orders], and the definition and warehouse of orders."
)
HOW_TO_ALLOW_CUSTOMERS = (
    "Customers are not created here: set customers = true in [companies.<name>.orders] of the connector's"
    " configuration."
)


class OrdersConfig(BaseModel):
    """How the program is started and logged into, and what an order has that says nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    definition: str = Field(
        description="Symbol of the definition of orders (DefDokHandlowych), e.g. ZO."
    )
    warehouse: str = Field(description="Symbol of the warehouse (Magazyny).")
    price_list: str | None = Field(
        default=None, description="Name of the prices (DefinicjeCen) of lines that give none."
    )
    customers: bool = Field(default=False, description="Whether customers may be created.")
    approve: bool = Field(
        default=False, description="Approve each order; else it stays in the buffer."
    )
    attributes: dict[str, str] = Field(
        default_factory=dict,
        description="Attributes that a caller may give, and the text features of orders that take them.",
    )
    folder: Path | None = Field(default=None, description="Where the program is installed.")
    database: str | None = Field(
        default=None, description="The database's name in the program's list of databases."
    )
    operator: str | None = Field(default=None, description="The operator that orders are made by.")
    password: Secret = Field(default=SecretStr(""), description="The operator's password.")
    runtime: Literal["netfx", "coreclr"] = Field(
        default="coreclr", description="The .NET that the program's version needs."
    )
    runtime_config: Path | None = Field(
        default=None, description="A runtimeconfig.json for coreclr, where the default does not do."
    )
    worker: WorkerConfig = WorkerConfig()
