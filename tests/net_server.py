"""A socket server that does to each connection what its script says: the faults of the real network, without the network."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Request:
    """What arrived: `connection` counts the connections from 1."""

    connection: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Visit:
    """One connection, from the server's side."""

    server: ScriptedServer
    sock: socket.socket
    number: int
    reader: Any = field(init=False)

    def __post_init__(self) -> None:
        self.reader = self.sock.makefile("rb")

    def read_request(self) -> Request | None:
        first = self.reader.readline().decode("latin-1").split()
        if len(first) != 3:
            return None
        headers: dict[str, str] = {}
        while line := self.reader.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self.reader.read(int(headers.get("content-length", 0)))
        request = Request(self.number, first[0], first[1], headers, body)
        self.server.requests.append(request)
        return request

    def reset(self) -> None:
        """Close with a RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Behaviour = Callable[[Visit], None]


class ScriptedServer:
    """Serves connection n by the n-th behaviour; the last one serves all that follow."""

    def __init__(self, *script: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.script, self.tls = script, tls
        self.requests: list[Request] = []
        self.connections = 0
        self.over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._open: list[socket.socket] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def __enter__(self) -> ScriptedServer:
        self._threads[0].start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # an SSLSocket's own would forget its TLS under its reader
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        behaviour = self.script[min(number, len(self.script)) - 1]
        with contextlib.suppress(OSError, ValueError), sock:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)  # the plain socket is of no use any more, not even to end it
                self._open.append(sock)
            visit = Visit(self, sock, number)
            with sock, visit.reader:
                behaviour(visit)


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def head(status: int, headers: Mapping[str, str], reason: str = "Status") -> bytes:
    return "".join([f"HTTP/1.1 {status} {reason}\r\n", *(f"{k}: {v}\r\n" for k, v in headers.items()), "\r\n"]).encode("latin-1")


def answer(status: int = 200, body: bytes | object = b"{}", **headers: str) -> Behaviour:
    """Answer every request of a connection the same way, and keep the connection."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Length": str(len(data))} | {name.replace("_", "-"): value for name, value in headers.items()}

    def behave(visit: Visit) -> None:
        while visit.read_request():
            visit.sock.sendall(head(status, named) + data)

    return behave


def raw(data: bytes, then: str = "close") -> Behaviour:
    """Read one request, send these bytes, and close, reset or stall."""

    def behave(visit: Visit) -> None:
        visit.read_request()
        visit.sock.sendall(data)
        if then == "reset":
            visit.reset()
        if then == "stall":
            visit.server.over.wait(20)

    return behave


def reset_unread(visit: Visit) -> None:
    """Wait until something arrives, so that the connection certainly stood, and reset without reading it."""
    visit.sock.recv(1, socket.MSG_PEEK)
    visit.reset()


def close_at_once(visit: Visit) -> None:
    pass


def stall_at_once(visit: Visit) -> None:
    visit.server.over.wait(20)


def drip(data: bytes) -> Behaviour:
    """Read one request and send a byte every 50 ms: no single read ever takes long."""

    def behave(visit: Visit) -> None:
        visit.read_request()
        drip_now(visit, data)

    return behave


def drip_now(visit: Visit, data: bytes) -> None:
    for number in range(len(data)):
        visit.sock.sendall(data[number : number + 1])
        if visit.server.over.wait(0.05):
            return


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate of its own making, and the file that makes a client trust it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    file = folder / "server.pem"
    no_password = serialization.NoEncryption()
    file.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    trusted = folder / "trusted.pem"
    trusted.write_bytes(pem)
    return server, trusted


def company_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """The same from an authority as many companies have it: with hardly any of the extensions that RFC 5280 wants."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.UTC)

    def signed(subject: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, extension: Any) -> x509.Certificate:
        def name(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

        builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("authority")).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).add_extension(extension, critical=False)
        builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        return builder.sign(by, hashes.SHA256())

    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = signed("authority", authority, authority, x509.BasicConstraints(ca=True, path_length=None))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password)
    file, trusted = folder / "company.pem", folder / "authority.pem"
    file.write_bytes(signed("service", key, authority, names).public_bytes(pem) + secret)
    trusted.write_bytes(root.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, trusted
