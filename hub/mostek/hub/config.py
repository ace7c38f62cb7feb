"""The hub's settings: environment variables `MOSTEK_HUB_…`, with defaults for one machine."""

from __future__ import annotations

import ipaddress
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["HubConfig", "may_be_asked", "split_address"]

#: Signatures that need no secret of the issuer's here. An HMAC would: whoever can check one can make one.
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")


def may_be_asked(address: str) -> bool:
    """Whether keys may be fetched from there: over TLS, or on this machine."""
    parts = urlsplit(address)
    if parts.scheme == "http":
        return parts.hostname in ("localhost", "127.0.0.1", "::1")
    return parts.scheme == "https" and bool(parts.hostname)


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

    #: No TLS and no API keys: everybody is `LOCAL`, a connector is whom it says. On loopback only; for demo and tests.
    insecure: bool = False

    #: Calls a second that an API key may make on average, and at once; each process counts for itself.
    rate: float = Field(default=200.0, gt=0)
    burst: int = Field(default=400, ge=1)
    #: Days that the audit is kept.
    audit_days: int = Field(default=365, ge=31)
    #: An OpenID Connect issuer whose tokens are taken in place of API keys, `https://…`; empty: none.
    oidc_issuer: str = ""
    #: What its tokens must be meant for (`aud`).
    oidc_audience: str = ""
    #: In which claims of a token tenant, name and scopes are. Scopes are words `mostek:read` and so on.
    oidc_tenant_claim: str = "tenant"
    oidc_name_claim: str = "sub"
    oidc_scope_claim: str = "scope"
    #: By which algorithms tokens may be signed, separated by commas.
    oidc_algorithms: str = "RS256,ES256"

    @field_validator("oidc_algorithms")
    @classmethod
    def _asymmetric(cls, algorithms: str) -> str:
        names = [name.strip() for name in algorithms.split(",")]
        if wrong := [name for name in names if name not in SIGNATURES]:
            raise ValueError(f"{wrong[0]!r} is none of {', '.join(SIGNATURES)}")
        return ",".join(names)

    @model_validator(mode="after")
    def _issuer_and_audience(self) -> Self:
        if bool(self.oidc_issuer) != bool(self.oidc_audience):
            raise ValueError("OIDC_ISSUER and OIDC_AUDIENCE are set together or not at all")
        if self.oidc_issuer and not may_be_asked(self.oidc_issuer):
            raise ValueError(f"OIDC_ISSUER {self.oidc_issuer!r} must be an https:// address")
        return self

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
