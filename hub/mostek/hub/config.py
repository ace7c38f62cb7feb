"""The hub's settings: environment variables `MOSTEK_HUB_…`, with defaults for one machine."""

from __future__ import annotations

import ipaddress
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mostek.wire.tracing import checked_endpoint

__all__ = ["HubConfig", "joined_address", "may_be_asked", "split_address"]

#: Signatures that need no secret of the issuer's here. An HMAC would: whoever can check one can make one.
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")


def may_be_asked(address: str) -> bool:
    """Whether keys may be fetched from there: over TLS, or on this machine."""
    parts = urlsplit(address)
    if parts.scheme == "http":
        return parts.hostname in ("localhost", "127.0.0.1", "::1")
    return parts.scheme == "https" and bool(parts.hostname)


#: Not listened on by mistake: they take a certificate with names, and no insecure hub.
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - refused, not bound


def split_address(address: str) -> tuple[str, int]:
    """`127.0.0.1:7443` → (`127.0.0.1`, 7443); IPv6 as `[::1]:7443`. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{address!r} is no address: write host:port, e.g. 127.0.0.1:7443")
    return host.strip("[]"), int(port)


def joined_address(host: str, port: int) -> str:
    """What `split_address` splits."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class HubConfig(BaseSettings):
    """Spans in seconds, sizes in bytes. A port of 0 takes any free one."""

    model_config = SettingsConfigDict(env_prefix="MOSTEK_HUB_", extra="forbid")

    #: gRPC API for callers.
    api: str = "127.0.0.1:7443"
    #: Where connectors dial in.
    link: str = "127.0.0.1:7444"
    #: JSON over HTTP for callers.
    http: str = "127.0.0.1:7480"
    #: Where other replicas of this hub ask; empty: there are none. Not for anybody else.
    internal: str = ""
    #: The metrics port, plain HTTP, for metrics and probes, e.g. 127.0.0.1:7490; empty: none.
    metrics: str = ""
    #: Whether there is a series for each connector, which names tenants and connectors.
    metrics_by_connector: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    #: The collector that takes the hub's part of traces, OTLP over HTTP, e.g. http://127.0.0.1:4318; empty: none.
    otlp_endpoint: str = ""
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

    #: Where sites find `http` and `link`, host:port; empty: where they listen.
    public_http: str = ""
    public_link: str = ""
    #: Where other replicas find `internal` of this one, host:port.
    public_internal: str = ""
    #: How long a replica may show no life before the others take over what it had.
    lease: float = Field(default=10.0, ge=2.0, le=120.0)
    #: Further names and addresses of the hub, separated by commas, for the certificate that it makes for itself.
    names: str = ""
    #: PEM files of another server certificate for `api` and `http`, with its chain; read again when they change.
    tls_certificate: str = ""
    tls_key: str = ""
    #: PEM file of the authority that sites find at `public_http`, where something before the hub ends TLS.
    public_ca: str = ""
    tls_minimum: Literal["1.2", "1.3"] = "1.3"
    #: Life of a connector's certificate.
    certificate_days: float = Field(default=90.0, gt=0, le=825)
    #: How long after it has expired it may still be renewed; 0: not at all.
    renew_expired_days: float = Field(default=90.0, ge=0)
    #: How long revocations may not be readable before nobody is let in and streams end.
    revocation_max_age: float = Field(default=60.0, ge=5)
    #: Addresses of proxies before `http` whose `X-Forwarded-For` is believed, separated by commas.
    trusted_proxies: str = ""
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

    @field_validator("otlp_endpoint")
    @classmethod
    def _collector(cls, url: str) -> str:
        return checked_endpoint(url) if url else url

    @model_validator(mode="after")
    def _issuer_and_audience(self) -> Self:
        if bool(self.oidc_issuer) != bool(self.oidc_audience):
            raise ValueError("OIDC_ISSUER and OIDC_AUDIENCE are set together or not at all")
        if self.oidc_issuer and not may_be_asked(self.oidc_issuer):
            raise ValueError(f"OIDC_ISSUER {self.oidc_issuer!r} must be an https:// address")
        return self

    @field_validator("api", "link", "http")
    @classmethod
    def _address(cls, address: str) -> str:
        split_address(address)
        return address

    @field_validator("internal", "metrics", "public_http", "public_link", "public_internal")
    @classmethod
    def _public(cls, address: str) -> str:
        if address:
            split_address(address)
        return address

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        for name in ("api", "link", "http", *(["internal"] if self.internal else [])):
            host, _ = split_address(getattr(self, name))
            if self.insecure and not _is_loopback(host):
                raise ValueError(
                    f"MOSTEK_HUB_INSECURE means no TLS and no API keys, so the hub listens on loopback only; {host} in "
                    f"MOSTEK_HUB_{name.upper()} is not. Use 127.0.0.1 or ::1, or leave MOSTEK_HUB_INSECURE out."
                )
            if not self.insecure and name != "api" and host in _EVERYWHERE:
                self._check_public(name, host)
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("MOSTEK_HUB_TLS_CERTIFICATE and _KEY are set together or not at all")
        if self.internal and self.database.startswith("sqlite"):
            raise ValueError(
                "MOSTEK_HUB_INTERNAL is for several replicas, and those need a PostgreSQL in MOSTEK_HUB_DATABASE: "
                "one hub works on a SQLite file."
            )
        return self

    def _check_public(self, name: str, host: str) -> None:
        if not getattr(self, f"public_{name}"):
            dialled = "what sites dial, e.g. hub.example.com:443"
            if name == "internal":
                dialled = "the address of this replica, e.g. 10.0.0.7:7445"
            raise ValueError(
                f"{host} in MOSTEK_HUB_{name.upper()} tells nobody where the hub is: set "
                f"MOSTEK_HUB_PUBLIC_{name.upper()} to {dialled}"
            )

    @property
    def hosts(self) -> list[str]:
        """By what names and addresses the hub is known."""
        named = [name.strip() for name in self.names.split(",")]
        addresses = (self.public_http, self.public_link, self.api, self.link, self.http)
        found = [*named, *(split_address(address)[0] for address in addresses if address)]
        return [name for name in dict.fromkeys(found) if name and name not in _EVERYWHERE]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
