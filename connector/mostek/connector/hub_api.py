"""The hub's API host, as a site needs it for certificates: JSON over HTTPS, through the proxy if there is one."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from typing import Final, TypeVar
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message

from mostek.connector.proxy import explained, proxy_for

__all__ = ["ApiError", "HubApi", "NotBelieved", "Refused", "anchored", "unverified"]

M = TypeVar("M", bound=Message)

_TIMEOUT: Final = 20.0
_LARGEST: Final = 256 * 1024
# What OpenSSL says of a certificate, by its codes.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_OTHER_NAME: Final = (62, 64)


class ApiError(Exception):
    """The API host could not be asked; the message says what to do."""


class NotBelieved(ApiError):
    """What is shown at the address is not the hub's certificate, or not for this name or time. Nothing was asked."""


class Refused(ApiError):
    """The API host said no, and will again; its own words."""


def unverified() -> ssl.SSLContext:
    """Believe whatever is shown: for what is public, and checked otherwise."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def anchored(anchors: str, *, system: bool = False) -> ssl.SSLContext:
    """Believe what these certificates (PEM) vouch for, authorities or not; `system`: and what the system trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=anchors)
    if system:
        context.load_default_certs()
    return context


class HubApi:
    """One question, one connection. `proxy`: the setting of that name."""

    def __init__(self, address: str, context: ssl.SSLContext, proxy: str = "") -> None:
        self.address = address
        self._context = context
        self._proxy = proxy
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)

    def post(self, path: str, request: Message, response: type[M]) -> M:
        """Ask. Raises ApiError, Refused."""
        body = json.dumps(MessageToDict(request, preserving_proto_field_name=True))
        answer = self._ask("POST", path, body)
        try:
            return ParseDict(json.loads(answer), response(), ignore_unknown_fields=True)
        except (ValueError, ParseError):
            raise ApiError(f"What {self.address} answers is not a hub's.") from None

    def get(self, path: str) -> str:
        """Read. Raises ApiError, Refused."""
        return self._ask("GET", path, None).decode("ascii", errors="replace")

    def issuer(self) -> str:
        """Who has signed what is shown at the address, believed or not. Raises ApiError."""
        connection = self._connection(unverified())
        try:
            connection.connect()
            assert isinstance(connection.sock, ssl.SSLSocket)
            shown = connection.sock.getpeercert(binary_form=True) or b""
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(self._explained(error)) from None
        finally:
            connection.close()
        return _readable(x509.load_der_x509_certificate(shown).issuer)

    def _ask(self, method: str, path: str, body: str | None) -> bytes:
        connection = self._connection(self._context)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = response.read(_LARGEST)
        except ssl.SSLCertVerificationError as error:
            raise NotBelieved(self._not_believed(error)) from None
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(self._explained(error)) from None
        finally:
            connection.close()
        if response.status >= 400:
            raise _refusal(response.status, answer)
        return answer

    def _connection(self, context: ssl.SSLContext) -> http.client.HTTPSConnection:
        proxy = proxy_for(self.address, self._proxy)
        if not proxy:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=_TIMEOUT, context=context
            )
        parts = urlsplit(proxy)
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=_TIMEOUT, context=context
        )
        headers = {}
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Proxy-Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
        connection.set_tunnel(self._host, self._port, headers)
        return connection

    def _explained(self, error: Exception) -> str:
        match error:
            case OSError() if str(error).startswith("Tunnel connection failed: "):
                code = str(error).removeprefix("Tunnel connection failed: ")[:3]
                return explained(f"HTTP proxy returned response code {code}")
            case TimeoutError():
                return f"{self.address} does not answer within {_TIMEOUT:g} seconds."
            case ssl.SSLError():
                return f"{self.address} breaks the TLS handshake off: {error.reason}."
            case OSError():
                return f"{self.address} can't be reached: {error.strerror or error}."
            case _:
                return f"{self.address} does not speak HTTP as a hub does: {type(error).__name__}."

    def _not_believed(self, error: ssl.SSLCertVerificationError) -> str:
        code = error.verify_code
        if code in (_NOT_YET_VALID, _EXPIRED):
            wrong = "not valid yet" if code == _NOT_YET_VALID else "expired"
            return (
                f"The certificate of {self.address} is {wrong}: is the clock of this machine right?"
            )
        if code in _OTHER_NAME:
            return (
                f"The certificate of {self.address} is for another name: the hub's operator adds this one to "
                "MOSTEK_HUB_NAMES."
            )
        return intercepted(self.address, self.issuer())


def intercepted(address: str, issuer: str) -> str:
    """What to say of a certificate that is not the hub's."""
    host = address.rpartition(":")[0]
    return (
        f"What {address} shows is not the hub's certificate but one by {issuer}: TLS inspection, most likely. "
        f"Certificates of connectors can't work through it: ask whoever runs {issuer} to exempt {host} and the host "
        "name of the link. Nothing secret was sent."
    )


def _refusal(status: int, answer: bytes) -> ApiError:
    try:
        problem = json.loads(answer)
        detail, retriable = str(problem["detail"]), bool(problem.get("retriable"))
    except (ValueError, KeyError, TypeError):
        return ApiError(f"The answer has the status {status} and is not a hub's.")
    return ApiError(detail) if retriable or status >= 500 else Refused(detail)


def _readable(name: x509.Name) -> str:
    parts = [
        str(each.value)
        for kind in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
        for each in name.get_attributes_for_oid(kind)
    ]
    return " / ".join(parts) or "an unnamed authority"
