"""The connector's configuration: one TOML file, checked whole, every mistake with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from mostek.connector.journal.config import JournalConfig
from mostek.connector.policy_config import PolicyConfig
from mostek.connector.proxy import checked_proxy, is_here
from mostek.plugin.secret import Secret
from mostek.wire.names import NAME
from mostek.wire.tracing import checked_endpoint

__all__ = [
    "CompanyConfig",
    "Config",
    "ConfigError",
    "ConnectorConfig",
    "HubConfig",
    "Mistake",
    "PolicyConfig",
    "TelemetryConfig",
    "lines_of",
    "mistakes_of",
    "read_toml",
]

_KEY = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_TABLE = re.compile(rf"\s*(\[\[?)\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=")

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Mistake:
    """Something wrong in the file. `line` counts from 1; 0: the file as a whole."""

    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        name = f"{self.path}: " if self.path else ""
        return f"{where}{name}{self.message}"


class ConfigError(Exception):
    """The file can't be used; `mistakes` holds all that is wrong with it, by line."""

    def __init__(self, file: Path, mistakes: list[Mistake]) -> None:
        self.file = file
        self.mistakes = sorted(mistakes)
        super().__init__("\n".join(f"{file}: {mistake}" for mistake in self.mistakes))


def _named(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError("must be 1 to 63 lower-case letters, digits and dashes")
    return name


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError("must be host:port, e.g. link.example.com:443")
    return value


def _here(value: str) -> str:
    if not is_here(_address(value)):
        raise ValueError("must be on this machine, such as 127.0.0.1:7491")
    return value


def _proxy(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    return SecretStr(checked_proxy(url)) if url else value


Name = Annotated[str, AfterValidator(_named)]


class _Table(BaseModel):
    """A table of the file: what it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid")


class HubConfig(_Table):
    """`[hub]`: where to dial."""

    link: Annotated[str, AfterValidator(_address)]
    #: Where certificates are renewed, HTTPS.
    api: Annotated[str, AfterValidator(_address)] | None = None
    #: HTTP proxy on the way, `http://user:password@host:port`; none: what the environment says.
    proxy: Annotated[Secret, AfterValidator(_proxy)] = SecretStr("")
    #: Files, relative to this one; None: `identity.pem` and `hub-ca.pem` in the state folder. One holds the key and its
    #: certificate, the other whom to trust on the link; enrolment and renewal write both.
    identity: Path | None = None
    ca: Path | None = None
    #: PEM file of further authorities to trust for `api`.
    ca_bundle: Path | None = None
    #: Without TLS, to a hub on this machine that is insecure too; for demo and tests.
    insecure: bool = False

    def relative_to(self, folder: Path, state: Path) -> None:
        """Have the paths start at the file's folder, or at the state folder where the file gives none."""
        self.identity = folder / (self.identity or state / "identity.pem")
        self.ca = folder / (self.ca or state / "hub-ca.pem")
        if self.ca_bundle is not None:
            self.ca_bundle = folder / self.ca_bundle

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.insecure and not is_here(self.link):
            raise ValueError(
                "insecure = true is for a hub on this machine, such as 127.0.0.1; enrol instead"
            )
        if not self.insecure and self.api is None:
            raise ValueError(
                "api is required, host:port of the hub's API: `mostek-connector enroll` writes it"
            )
        return self


class ConnectorConfig(_Table):
    """`[connector]`: this process."""

    name: Name
    #: Folder for what must survive a restart, relative to the file.
    state: Path = Path("state")
    #: Commands that may run or wait here at once.
    slots: int = Field(default=16, ge=1, le=1000)
    #: Blocking commands that run at the same time; the others wait for a thread.
    threads: int = Field(default=8, ge=1, le=100)
    #: Seconds that a write may take once it has started.
    write_timeout: float = Field(default=120.0, gt=0, le=3600)
    #: Seconds that running commands may go on when the connector is asked to stop.
    stop_grace: float = Field(default=30.0, ge=0)
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class MetricsConfig(_Table):
    """`[metrics]`: what Prometheus may read."""

    #: host:port of this machine, such as 127.0.0.1:7491, for `/metrics` without TLS; none: not at all.
    listen: Annotated[str, AfterValidator(_here)] | None = None

    @property
    def address(self) -> tuple[str, int] | None:
        """Where to listen."""
        host, _, port = (self.listen or "").rpartition(":")
        return (host, int(port)) if host else None


class TelemetryConfig(_Table):
    """`[telemetry]`: where spans of commands go."""

    #: The site's own collector, OTLP over HTTP, such as http://127.0.0.1:4318; none: there are no spans.
    otlp: Annotated[str, AfterValidator(checked_endpoint)] | None = None


class CompanyConfig(BaseModel):
    """`[companies.NAME]`: one ERP company; what is not named here goes to its plugin."""

    model_config = ConfigDict(extra="allow")

    plugin: str
    time_zone: str = "Europe/Warsaw"

    @property
    def settings(self) -> dict[str, Any]:
        """The plugin's part, as it stands in the file: which of it is secret only the plugin knows."""
        return dict(self.model_extra or {})

    def forget(self) -> None:
        """Let go of the plugin's part, once the plugin has it."""
        if self.model_extra:
            self.model_extra.clear()

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield "plugin", self.plugin
        yield "time_zone", self.time_zone


class Config(_Table):
    """The whole file."""

    hub: HubConfig
    connector: ConnectorConfig
    policy: PolicyConfig = PolicyConfig()
    journal: JournalConfig = JournalConfig()
    metrics: MetricsConfig = MetricsConfig()
    telemetry: TelemetryConfig = TelemetryConfig()
    companies: dict[Name, CompanyConfig] = Field(min_length=1)

    def relative_to(self, folder: Path) -> None:
        """Have the paths that the file gives start at its folder."""
        self.connector.state = folder / self.connector.state
        self.hub.relative_to(folder, self.connector.state)


def read_toml(file: Path) -> tuple[dict[str, Any], dict[Path_, int]]:
    """What the file says, and the line of each of its keys. Raises ConfigError."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        how = "there is no such file: `mostek-connector enroll TOKEN` writes one, --config names another"
        raise ConfigError(file, [Mistake(0, "", how)]) from None
    except OSError as error:
        raise ConfigError(file, [Mistake(0, "", f"can't be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ConfigError(file, [Mistake(0, "", "is not UTF-8; save it as UTF-8")]) from None
    try:
        data, lines = tomllib.loads(text), dict(lines_of(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, [_syntax(str(error))]) from None
    for path in _paths(data):
        # A key inside an inline table is named too, with the line of its table.
        lines.setdefault(path, _line(path, lines))
    return data, lines


def _paths(table: dict[str, Any], above: Path_ = ()) -> Iterator[Path_]:
    for key, value in table.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from _paths(value, (*above, key))


def _syntax(message: str) -> Mistake:
    match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message)
    if match is None:
        return Mistake(0, "", message)
    return Mistake(int(match[2]), "", f"{match[1]} (column {match[3]})")


def mistakes_of(
    error: ValidationError, lines: dict[Path_, int], prefix: Path_ = ()
) -> list[Mistake]:
    """What pydantic found, each with its line; a missing key has the line of its table."""
    found = []
    for fault in error.errors():
        path = _written(prefix, fault["loc"], lines, missing=fault["type"] == "missing")
        found.append(
            Mistake(_line(path, lines), _dotted(path), _words(fault["type"], fault["msg"]))
        )
    return found


def _written(
    prefix: Path_, loc: tuple[str | int, ...], lines: dict[Path_, int], *, missing: bool
) -> Path_:
    """The path as the file has it: without the names that pydantic gives to the choices of a union."""
    known = {key[:length] for key in lines for length in range(1, len(key) + 1)}
    path = prefix
    *above, last = loc
    for part in above:
        if (*path, part) in known:
            path = (*path, part)
    is_table = any(key[: len(path)] == path and len(key) > len(path) for key in lines)
    named = (*path, last) in known or is_table or missing
    return (*path, last) if named and last != "[key]" else path


def _words(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "is not a setting; see the documentation for those there are"
    if kind == "missing":
        return "is required"
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _line(path: Path_, lines: dict[Path_, int]) -> int:
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 0


def _dotted(path: Path_) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")


def lines_of(text: str) -> Iterator[tuple[Path_, int]]:
    """The line of each table and key of a TOML text that parses; keys inside inline tables have their table's line."""
    table: Path_ = ()
    counts: dict[Path_, int] = {}
    quoted = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quoted:
            quoted = "" if quoted in line else quoted
            continue
        if match := _TABLE.match(line):
            table = _keys(match[2])
            if match[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            yield table, number
        elif match := _ASSIGNMENT.match(line):
            yield table + _keys(match[1]), number
            quoted = _opens(line[match.end() :])


def _keys(dotted: str) -> Path_:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, dotted))


def _opens(value: str) -> str:
    """The quotes of a multi-line string that the value opens and does not close."""
    for quotes in ('"""', "'''"):
        if value.strip().startswith(quotes) and value.count(quotes) == 1:
            return quotes
    return ""
