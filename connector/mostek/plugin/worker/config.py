"""The `[companies.NAME.worker]` table: the process in which an ERP's own objects live."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["WorkerConfig"]


class WorkerConfig(BaseModel):
    """Spans in seconds, but for `idle_minutes`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    python: Path | None = Field(
        default=None,
        description="Another Python for the worker, e.g. a 32-bit one. None: the connector's.",
    )
    start_timeout: float = Field(
        default=180.0, gt=0, description="Starting the ERP and logging in may take so long."
    )
    call_timeout: float = Field(default=90.0, gt=0, description="One call may take so long.")
    idle_minutes: float = Field(
        default=10.0,
        gt=0,
        description="After so long without a call the licence seat is given back.",
    )
