"""How to reach an ERP's database: the `[database]` table of a SQL plugin's configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mostek.plugin.secret import Secret

__all__ = ["DatabaseConfig", "Login", "SqlServerConfig", "SqliteConfig", "odbc_string"]

_PLAIN = re.compile(r"(?! )[\w.\\:,/ -]*[\w.\\:,/-]", re.ASCII)
_KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*", re.ASCII)
_OWN_KEYWORDS = frozenset(
    [
        "driver",
        "server",
        "database",
        "uid",
        "pwd",
        "encrypt",
        "trustservercertificate",
        "trusted_connection",
        "app",
    ]
)


class Login(BaseModel):
    """A login of the database server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field(min_length=1)
    password: Secret


class _Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    connections: int = Field(default=4, ge=1, le=64, description="Connections for reads, at most.")
    statement_timeout: float = Field(
        default=30.0, gt=0, description="Seconds that one statement may take."
    )
    lock_timeout: float = Field(
        default=3.0, gt=0, description="Seconds to wait for a lock, twice for a read."
    )


class SqliteConfig(_Limits):
    """A sandbox: an SQLite file, attached under the schema name that the ERP's queries use."""

    kind: Literal["sqlite"] = "sqlite"
    path: Path
    schema_name: str = Field(default="dbo", alias="schema", pattern=r"^[A-Za-z_]\w*$")


class SqlServerConfig(_Limits):
    """A company database on SQL Server, reached through ODBC.

    Without `login` the connector's own Windows account logs in. `write_login` is used for writes and for the lock that
    they hold; without it `login` is. `extra` holds further keywords of the connection string.
    """

    kind: Literal["mssql"] = "mssql"
    server: str = Field(
        min_length=1, description=r"As the ERP writes it: SERVER\INSERTGT or host,1433."
    )
    database: str = Field(min_length=1)
    driver: str = Field(default="ODBC Driver 18 for SQL Server", min_length=1)
    login: Login | None = None
    write_login: Login | None = None
    encrypt: Literal["yes", "no", "strict"] = "yes"
    trust_server_certificate: bool = False
    isolation: Literal["auto", "read_committed", "read_uncommitted"] = Field(
        default="auto",
        description="auto: SNAPSHOT where the database allows it, else READ COMMITTED. read_uncommitted sees"
        " what is not yet saved and can miss or repeat rows.",
    )
    login_timeout: int = Field(default=10, ge=1, le=120)
    extra: dict[str, str] = Field(default_factory=dict)

    @field_validator("extra")
    @classmethod
    def _known_apart(cls, extra: dict[str, str]) -> dict[str, str]:
        for keyword in extra:
            if not _KEYWORD.fullmatch(keyword):
                raise ValueError(f"{keyword!r} is no keyword of a connection string")
            if keyword.lower() in _OWN_KEYWORDS:
                raise ValueError(f"{keyword} has a setting of its own")
        return extra

    @field_validator("server", "database", "driver")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must not contain control characters")
        return value

    def login_for(self, *, write: bool) -> Login | None:
        return self.write_login or self.login if write else self.login

    def connection_string(self, *, write: bool) -> str:
        """The ODBC connection string. It holds the password: never log it."""
        login = self.login_for(write=write)
        values = {"DRIVER": self.driver, "SERVER": self.server, "DATABASE": self.database}
        if login:
            values |= {"UID": login.user, "PWD": login.password.get_secret_value()}
        else:
            values["Trusted_Connection"] = "yes"
        values |= {"Encrypt": self.encrypt, "APP": "Mostek connector"}
        values["TrustServerCertificate"] = "yes" if self.trust_server_certificate else "no"
        return odbc_string(values | self.extra)


DatabaseConfig = Annotated[SqliteConfig | SqlServerConfig, Field(discriminator="kind")]


def odbc_string(values: dict[str, str]) -> str:
    """`KEY=value;…`, each value in braces where a character of it would mean something else."""
    return ";".join(f"{key}={_escaped(value)}" for key, value in values.items())


def _escaped(value: str) -> str:
    if "\0" in value:
        raise ValueError("a connection string can't hold a NUL character")
    return value if _PLAIN.fullmatch(value) else "{" + value.replace("}", "}}") + "}"
