"""TLS to the hub: who answers, whether it is the hub, and for how long its certificate and the connector's hold."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from mostek.connector.doctor.examination import Hub, Said, Subject
from mostek.connector.doctor.network import connected

__all__ = ["identity", "tls"]

#: What OpenSSL says of a certificate, by its codes.
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAME = frozenset({62, 64})
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21, 24})
#: A certificate of 90 days is renewed from half-life: what has less than this left was not renewed for long.
_SOON = timedelta(days=14)


def tls(subject: Subject) -> Said:
    """Handshake, chain, dates, name, ALPN."""
    assert subject.hub
    hub = subject.hub
    if not hub.tls:
        yield "tls.off", {}
        return
    try:
        leaf, top, protocol, version = _seen(hub, subject.patience)
    except (OSError, ValueError) as error:
        yield "tls.none", {"hub": hub.link, "reason": _words(error)}
        return
    wrong = _verdict(hub, subject.patience)
    yield (
        wrong_key(wrong, hub, leaf, top)
        if wrong
        else ("tls.ok", {"version": version, "issuer": _name(leaf.issuer)})
    )
    if not wrong and leaf.not_valid_after_utc - datetime.now(UTC) < _SOON:
        yield "tls.ends-soon", {"until": _day(leaf.not_valid_after_utc)}
    if protocol == "h2":
        yield "alpn.ok", {}
    else:
        yield "alpn.missing", {"protocol": protocol or "-", "hub": hub.link}


def wrong_key(
    wrong: ssl.SSLError, hub: Hub, leaf: x509.Certificate, top: x509.Certificate
) -> tuple[str, dict[str, Any]]:
    """What a refused certificate means."""
    code = getattr(wrong, "verify_code", 0)
    dates = {"since": _day(leaf.not_valid_before_utc), "until": _day(leaf.not_valid_after_utc)}
    if code == _EXPIRED:
        return "tls.expired", dates
    if code == _NOT_YET_VALID:
        return "tls.not-yet", dates
    if code in _OTHER_NAME:
        return "tls.other-name", {"names": _names(leaf), "host": hub.host}
    if code in _UNKNOWN_ISSUER:
        # The last of the chain that was sent: an inspecting proxy names itself there.
        said = {"issuer": _name(top.issuer), "subject": _name(leaf.subject), "hub": hub.link}
        return "tls.intercepted", said
    return "tls.handshake", {"reason": _words(wrong)}


def _seen(hub: Hub, patience: float) -> tuple[x509.Certificate, x509.Certificate, str, str]:
    """Leaf and last certificate of the chain, the protocol agreed on, the version of TLS; whatever they are worth."""
    context = _context(hub)
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        connected(hub, patience) as plain,
        context.wrap_socket(plain, server_hostname=hub.host) as secure,
    ):
        chain = [x509.load_der_x509_certificate(der) for der in _chain(secure)]
        return chain[0], chain[-1], secure.selected_alpn_protocol() or "", secure.version() or ""


def _chain(secure: ssl.SSLSocket) -> Iterator[bytes]:
    """The certificates as sent, DER; Python before 3.13 shows them only inside."""
    inner: Any = secure if hasattr(secure, "get_unverified_chain") else secure._sslobj  # type: ignore[attr-defined]
    found = inner.get_unverified_chain() if hasattr(inner, "get_unverified_chain") else None
    for one in found or [secure.getpeercert(binary_form=True)]:
        yield one if isinstance(one, bytes) else ssl.PEM_cert_to_DER_cert(one.public_bytes())


def _verdict(hub: Hub, patience: float) -> ssl.SSLError | None:
    """What is wrong with the certificate; None if the hub is believed."""
    context = _context(hub)
    if hub.ca:
        context.load_verify_locations(hub.ca)
    else:
        context.load_default_certs()
    try:
        with (
            connected(hub, patience) as plain,
            context.wrap_socket(plain, server_hostname=hub.host),
        ):
            return None
    except ssl.SSLError as error:
        return error


def _context(hub: Hub) -> ssl.SSLContext:
    """As gRPC shakes hands: no stricter, and with the connector's own certificate if there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["h2"])
    if hub.enrolled:
        context.load_cert_chain(str(hub.identity))
    return context


def identity(subject: Subject) -> Said:
    """The connector's own certificate."""
    assert subject.hub
    hub = subject.hub
    if not hub.tls:
        yield "tls.off", {}
        return
    if hub.identity is None or not hub.enrolled:
        yield "identity.none", {}
        return
    try:
        certificate = x509.load_pem_x509_certificate(hub.identity.read_bytes())
    except (OSError, ValueError) as error:
        yield "identity.unreadable", {"file": hub.identity.name, "reason": _words(error)}
        return
    yield _dated(certificate, datetime.now(UTC))


def _dated(certificate: x509.Certificate, now: datetime) -> tuple[str, dict[str, Any]]:
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    said = {"subject": _names(certificate), "since": _day(since), "until": _day(until)}
    if now > until:
        return "identity.expired", said
    if now < since:
        return "identity.not-yet", said
    return ("identity.ends-soon" if until - now < _SOON else "identity.ok"), said


def _name(name: x509.Name) -> str:
    """The organisation and the common name, which people know an issuer by."""
    parts = [
        str(attribute.value)
        for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        for attribute in name.get_attributes_for_oid(kind)
    ]
    return ", ".join(dict.fromkeys(parts)) or name.rfc4514_string() or "-"


def _names(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return _name(certificate.subject)
    found = [*names.get_values_for_type(x509.DNSName)]
    found += [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    found += names.get_values_for_type(x509.UniformResourceIdentifier)
    return ", ".join(found) or _name(certificate.subject)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _words(error: BaseException) -> str:
    message = getattr(error, "verify_message", "") or getattr(error, "reason", "")
    return str(message or getattr(error, "strerror", "") or error) or type(error).__name__
