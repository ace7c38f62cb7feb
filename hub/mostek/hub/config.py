"""The hub's settings: environment variables `MOSTEK_HUB_…`, with defaults for one machine."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["HubConfig", "split_address"]


def split_address(address: str) -> tuple[str, int]:
    """`127.0.0.1:7443` → (`127.0.0.1`, 7443); IPv6 as `[::1]:7443`. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{address!r} is no address: write host:port, e.g. 127.0.0.1:7443")
    return host.strip("[]"), int(port)


class HubConfig(BaseSettings):
    """Spans in seconds, sizes in bytes. A port of 0 takes any free one."""

    model_config = SettingsConfigDict(env_prefix="MOSTEK_HUB_", extra="forbid")

    #: gRPC API for callers.
    api: str = "127.0.0.1:7443"
    #: Where connectors dial in.
    link: str = "127.0.0.1:7444"
    #: JSON over HTTP for callers.
    http: str = "127.0.0.1:7480"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    heartbeat_interval: float = Field(default=12.0, gt=0, le=15.0)
    #: Result bytes that the process holds at once.
    result_budget: int = Field(default=256 * 1024 * 1024, ge=8 * 1024 * 1024)
    #: How long running commands may go on when the hub is asked to stop.
    drain_grace: float = Field(default=30.0, ge=0)
    #: How long a call waits for a connector that is being restarted; then it is offline.
    return_grace: float = Field(default=10.0, ge=0)
    #: Durable commands: `sqlite:///FILE` for one replica, or `postgresql://USER:PASSWORD@HOST/NAME`.
    database: str = Field(default="sqlite:///state/hub.sqlite", repr=False)
    #: File of the keys that encrypt requests and outcomes; made at the first start beside SQLite only.
    key_file: str = "state/hub.keys"
    #: Days that requests and outcomes are kept after the command has ended.
    retention_days: int = Field(default=30, ge=1)

    @field_validator("api", "link", "http")
    @classmethod
    def _loopback(cls, address: str) -> str:
        host, _ = split_address(address)
        try:
            loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError(
                f"the hub has neither TLS nor API keys yet, so it listens on loopback only; {host} is not. "
                "Use 127.0.0.1 or ::1."
            )
        return address
