"""The table `[companies.<name>.orders]`: how the program is loaded and logged into. Without it nothing is written."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from mostek.plugin.database_config import Login
from mostek.plugin.secret import Secret
from mostek.plugin.worker.config import WorkerConfig

__all__ = ["HOW_TO_ALLOW_ORDERS", "NexoOrders"]

HOW_TO_ALLOW_ORDERS = (
    "Orders are not written here: name the program's folder and an operator in the connector's configuration,"
    " [companies.<name>.orders]."
)


class NexoOrders(BaseModel):
    """Sfera nexo. Server and database are those of `[database]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Field(
        description="Where the program's libraries are, of exactly the version that the database has."
    )
    runtime_config: Path | None = Field(
        default=None, description="A runtimeconfig.json, where pythonnet's default does not do."
    )
    operator: str = Field(min_length=1, description="The program's user that orders are made by.")
    password: Secret = Field(description="That user's password; it may be empty.")
    login: Login | None = Field(
        default=None,
        description="SQL Server's login for the program itself. None: the Windows account of the connector.",
    )
    warehouse: int | None = Field(
        default=None,
        description="Id of the warehouse of orders that name none. None: the main one of the first branch.",
    )
    worker: WorkerConfig = WorkerConfig()
