"""The table `[companies.<name>.orders]`: whether and how orders and customers are written.

`mode = "com"`: by the program's own objects. `mode = "sql"`: by direct SQL, into the buffer. Without the table nothing
is written.
"""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from mostek.plugin.secret import Secret
from mostek.plugin.worker.config import WorkerConfig

__all__ = [
    "HOW_TO_ALLOW_CUSTOMERS",
    "HOW_TO_ALLOW_ORDERS",
    "ComConfig",
    "DirectConfig",
    "WriteMode",
]

HOW_TO_ALLOW_ORDERS = (
    "Orders are not written here: choose how in [companies.<name>.orders] of the connector's configuration. With Optima"
    ' on this machine: mode = "com", operator and password. Without it, by direct SQL into the buffer, an opt-in: make'
    ' an order (RO) in the program for copies to be made of, and name it: mode = "sql", template = "RO/1/2026".'
)
HOW_TO_ALLOW_CUSTOMERS = (
    'Customers are not created here: that needs mode = "com" and customers = true in [companies.<name>.orders] of the'
    " connector's configuration."
)


class _Orders(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    warehouse: int | None = Field(
        default=None,
        description="Id of the warehouse (Mag_MagId) of orders that name none. None: the only one, or the template's.",
    )


class ComConfig(_Orders):
    """Optima's COM objects: which operator logs in, and how. The company is `company` of the table above."""

    mode: Literal["com"]
    operator: str = Field(
        min_length=1,
        description="The program's operator that orders are made by; a login takes licences of its modules.",
    )
    password: Secret = Field(description="That operator's password; it may be empty.")
    folder: str = Field(
        default=str(PureWindowsPath(r"C:\Program Files (x86)\Comarch ERP Optima")),
        min_length=1,
        description="Where Optima is installed: its objects work in this folder only.",
    )
    configuration: str | None = Field(
        default=None,
        description="KonfigConnectStr, such as NET:CDN_KNF_Konfiguracja,SERVER,NT=0. None: as the program itself has it"
        " for this Windows account; a service has none.",
    )
    lock_flags: int = Field(
        default=256, ge=0, description="First argument of LockApp, whose meaning is not known."
    )
    lock_timeout: int = Field(
        default=5000, ge=0, description="Second argument of LockApp, in milliseconds."
    )
    login_modules: int = Field(
        default=0,
        ge=0,
        le=40,
        description="How many arguments for modules Login has after the company: 0 in newer versions, 17 or 18 before.",
    )
    series: str | None = Field(
        default=None,
        description="Symbol of the definition (DDf_Symbol) of orders that name no series. None: the program's.",
    )
    number_register: str | None = Field(
        default=None,
        min_length=1,
        max_length=5,
        description="Series of the number (Numerator.Rejestr). None: the program's.",
    )
    approve: bool = Field(
        default=True,
        description="Whether orders are approved, which reserves goods; else they wait in the buffer.",
    )
    attributes: dict[str, str] = Field(
        default_factory=dict,
        description="Attributes of orders that may be written: the name in a draft, the code in Optima (DeA_Kod).",
    )
    customers: bool = Field(default=False, description="Whether customers may be created.")
    worker: WorkerConfig = WorkerConfig()


class DirectConfig(_Orders):
    """Direct SQL: what orders are copied from. They go into the buffer."""

    mode: Literal["sql"]
    template: str | int = Field(
        description="Number (as printed) or id of the order, made by the program, that orders are copied from."
    )


WriteMode: TypeAlias = Annotated[ComConfig | DirectConfig, Field(discriminator="mode")]
