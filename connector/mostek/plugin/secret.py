"""A secret of the configuration: as it stands, or where to find it.

    password = "…"
    password = { env = "MOSTEK_ERP_PASSWORD" }
    password = { file = "secrets/erp" }            # relative to the configuration's folder
    password = { keyring = "mostek/erp" }          # the system's keyring: service/user

It is resolved when the configuration is read, and from then on prints as `**********`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, SecretStr, ValidationInfo

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Secret", "from_keyring", "keyring_entry", "to_keyring"]


def _resolved(value: Any, info: ValidationInfo) -> Any:
    """The secret itself. Raises ValueError, which names the place and never what is there."""
    if isinstance(value, SecretStr):
        return value
    if isinstance(value, str):
        return SecretStr(value)
    folder = Path((info.context or {}).get("folder", "."))
    if isinstance(value, dict) and len(value) == 1:
        ((kind, place),) = value.items()
        if kind in _SOURCES and isinstance(place, str) and place:
            return SecretStr(_SOURCES[kind](place, folder))
    # The value itself may be a secret that was written in the wrong shape: it is not shown.
    raise ValueError(
        'must be text, { env = "NAME" }, { file = "path" } or { keyring = "service/user" }'
    )


#: The type of a setting that is secret. `context={"folder": …}` of `model_validate` is where files are relative to.
Secret = Annotated[SecretStr, BeforeValidator(_resolved)]


def _from_environment(name: str, folder: Path) -> str:
    found = os.environ.get(name, "")
    if not found:
        raise ValueError(f"the environment variable {name} is not set")
    return found


def _from_file(name: str, folder: Path) -> str:
    path = folder / name
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"the file {path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} is not UTF-8") from None
    # Editors end a file with a line break, which no password has.
    found = text.rstrip("\r\n")
    if not found or "\n" in found:
        raise ValueError(f"the file {path} must hold the secret on one line, and nothing else")
    return found


def from_keyring(entry: str, folder: Path | None = None) -> str:
    """What the system's keyring has under `service/user`. Raises ValueError."""
    service, user = keyring_entry(entry)
    keyring = _keyring()
    try:
        found = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise ValueError(_no_keyring(error)) from None
    if not found:
        raise ValueError(
            f"the keyring has no entry {entry}; run `mostek-connector secret set {entry}`"
            " as the account that the connector runs as"
        )
    return str(found)


def to_keyring(entry: str, value: str) -> None:
    """Put a secret into the system's keyring, in place of one that is there. Raises ValueError."""
    service, user = keyring_entry(entry)
    keyring = _keyring()
    try:
        keyring.set_password(service, user, value)
    except keyring.errors.KeyringError as error:
        raise ValueError(_no_keyring(error)) from None


def keyring_entry(entry: str) -> tuple[str, str]:
    """Service and user of `service/user`. Raises ValueError."""
    service, _, user = entry.rpartition("/")
    if not service or not user:
        raise ValueError(f"{entry!r} is no entry of a keyring: write service/user")
    return service, user


def _keyring() -> ModuleType:
    try:
        # Late: an extra, which a site that keeps its secrets elsewhere does without.
        import keyring
        import keyring.errors
    except ImportError:
        raise ValueError(
            "keyring is not installed: install mostek[keyring], or use env or file"
        ) from None
    return keyring


def _no_keyring(error: Exception) -> str:
    kind = type(error).__name__
    return f"the system's keyring can't be used ({kind}): is it unlocked? Else use env or file"


_SOURCES: dict[str, Callable[[str, Path], str]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": from_keyring,
}
