"""What stands on the way to a hub: servers and proxies on loopback, each for one test."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

Serve = Callable[[socket.socket], None]


@contextlib.contextmanager
def serving(serve: Serve) -> Iterator[str]:
    """A server that gives each connection to `serve`, in a thread; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=guarded, args=(connection,), daemon=True).start()

        def guarded(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def says(answer: bytes) -> Serve:
    """Reads something and answers."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return serve


def tunnel(asked: list[bytes] | None = None) -> Serve:
    """An HTTP proxy that makes every tunnel."""

    def serve(connection: socket.socket) -> None:
        head = connection.recv(65536)
        if asked is not None:
            asked.append(head)
        host, _, port = head.split()[1].decode().rpartition(":")
        with socket.create_connection((host, int(port))) as target:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            relay(connection, target, 30.0)

    return serve


def forgetful(target: str, limit: float) -> Serve:
    """A firewall that forgets a connection on which nothing was said for so many seconds."""

    def serve(connection: socket.socket) -> None:
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port))) as beyond:
            relay(connection, beyond, limit)

    return serve


def relay(one: socket.socket, other: socket.socket, limit: float) -> None:
    """Until one side ends or nothing was said for `limit` seconds."""
    across = {one: other, other: one}
    while True:
        ready, _, _ = select.select([one, other], [], [], limit)
        if not ready:
            return
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            across[source].sendall(data)


def http2(pings: bool = True) -> Serve:
    """As much of an HTTP/2 server as answers SETTINGS and PING."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"\0\0\0\4\0\0\0\0\0")
        while data := connection.recv(65536):
            at = data.find(b"\0\0\x08\6")
            if at >= 0 and pings:
                connection.sendall(b"\0\0\x08\6\1" + data[at + 5 : at + 17])

    return serve


def dated(off: float, server: str = "mostek-hub/0.1.0") -> Serve:
    """An HTTP server whose clock is `off` seconds away from ours."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + off))
        head = f"HTTP/1.1 200 OK\r\nDate: {date}\r\nServer: {server}\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(head.encode())

    return serve


class Authority:
    """A certification authority of a test."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, f"{name} Root"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            ]
        )
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            self._builder(self.name, self._key.public_key(), -400, 400)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, since: float, until: float
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=since))
            .not_valid_after(now + timedelta(days=until))
        )

    def certificate(self, *names: str, since: float = -1, until: float = 90) -> Path:
        """A file with a certificate for these names (or addresses), its key, and this authority's own certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        general = [_general(name) for name in names]
        certificate = (
            self._builder(subject, key.public_key(), since, until)
            .add_extension(x509.SubjectAlternativeName(general), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = self._folder / f"{certificate.serial_number}.pem"
        text = pem + certificate.public_bytes(Encoding.PEM) + self.file.read_bytes()
        file.write_bytes(text)
        return file


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        uri = name.startswith("spiffe:")
        return x509.UniformResourceIdentifier(name) if uri else x509.DNSName(name)


def over_tls(certificate: Path, *protocols: str, serve: Serve | None = None) -> Serve:
    """A TLS server with this certificate, which agrees on these protocols."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if protocols:
        context.set_alpn_protocols(list(protocols))

    def shaken(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            if serve:
                serve(secure)
            else:
                secure.recv(1)

    return shaken
