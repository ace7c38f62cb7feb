"""What both ends have to say alike about a write: the hash of its content, the ERP's id and number of what it made."""

from __future__ import annotations

import hashlib
from typing import Any

from google.protobuf.message import Message

from mostek.wire.operations import Operation

__all__ = ["content_of", "erp_names", "response_naming"]

#: Fields in which a response, or the one message that it is about, has the ERP's id and the number that people see.
_ID = "id"
_NUMBERS = ("number", "code")


def content_of(operation: str, company: str, request: Message) -> bytes:
    """What a key stands for: a hash (SHA-256) over the operation, the company's own name and the request."""
    digest = hashlib.sha256()
    for part in (operation.encode(), company.encode()):
        digest.update(len(part).to_bytes(4, "big") + part)
    digest.update(request.SerializeToString(deterministic=True))
    return digest.digest()


def erp_names(response: Message) -> tuple[str, str]:
    """The id and the number that the ERP gave to what was written; empty where the response has none."""
    named: Any = _named(response)
    if named is None:
        return "", ""
    return str(getattr(named, _ID)), str(getattr(named, _number(named), ""))


def response_naming(operation: Operation, erp_id: str, erp_number: str) -> Message:
    """A response that holds only the ERP's id and number."""
    response = operation.response()
    named: Any = _named(response)
    if named is not None:
        for field, value in ((_ID, erp_id), (_number(named), erp_number)):
            if value and field:
                setattr(named, field, value)
    return response


def _named(response: Message) -> Message | None:
    """The part of a response that has the id: the response itself, or its first message."""
    fields: Any = response.DESCRIPTOR.fields
    if _ID in response.DESCRIPTOR.fields_by_name:
        return response
    for field in fields:
        if (
            field.message_type
            and not field.is_repeated
            and _ID in field.message_type.fields_by_name
        ):
            part: Message = getattr(response, field.name)
            return part
    return None


def _number(named: Message) -> str:
    return next((name for name in _NUMBERS if name in named.DESCRIPTOR.fields_by_name), "")
