"""A vendor that answers every call after a fixed pause, in a process of its own: `python stub_vendor.py PORT PAUSE [CERT KEY]`.

Speaks just enough HTTP/1.1 to be asked for thousands of statuses a second with kept connections, and to accept creates. It
shares the machine with what is measured, so it takes as little of it as Python can.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import ssl
import sys
import threading
import time

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
PICTURE = b"\x89PNG\r\n\x1a\n"


class Conversation(asyncio.Protocol):
    """A plain connection: one event loop serves all of them."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.seen = b""

    def data_received(self, data: bytes) -> None:
        heads, self.seen = requests_in(self.seen + data)
        for head in heads:
            asyncio.get_running_loop().call_later(PAUSE, self.say, reply(head))

    def say(self, text: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(text)


def converse(connection: socket.socket, context: ssl.SSLContext) -> None:
    """A connection with TLS, in a thread of its own: asyncio's TLS is written in Python, and takes three times as long."""
    seen = b""
    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := line.recv(65_536):
            heads, seen = requests_in(seen + data)
            for head in heads:
                time.sleep(PAUSE)
                line.sendall(reply(head))


def requests_in(seen: bytes) -> tuple[list[bytes], bytes]:
    """The heads of the whole requests, and what is left of another."""
    heads = []
    while (end := seen.find(b"\r\n\r\n") + 4) >= 4:
        length = CONTENT_LENGTH.search(seen, 0, end)
        whole = end + (int(length[1]) if length else 0)
        if len(seen) < whole:
            break
        heads.append(seen[:end])
        seen = seen[whole:]
    return heads, seen


def reply(head: bytes) -> bytes:
    is_unknown = b"/generations/" in head.split(b"\r\n", 1)[0]  # as the vendor documents it: there is no such endpoint
    status, body = (b"404 Not Found", b'{"error":"Not Found"}') if is_unknown else (b"200 OK", answer(head))
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def answer(head: bytes) -> bytes:
    method, path = head.split(b" ", 2)[:2]
    if path.endswith(b".png"):
        return STILL
    if method == b"POST" and b"/assets/" in path:
        return b'{"assetUrl":"","asset":{"type":"image","fileId":"asset:1-type:image/png","mimeType":"image/png"}}'
    if method == b"POST":
        kind = b"image" if b"/images/" in path else b"video"
        return b'{"jobId":"email:bench@example.com-job:1-type:%s"}' % kind
    if b"type%3Aimage" in path:
        link = f"http://127.0.0.1:{PORT}/still.png"
        return json.dumps({"status": {"type": "completed", "artifact": {"assetUrl": link}}}).encode()
    return b'{"status":{"type":"active","progress":37},"code":200}'


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Conversation, "127.0.0.1", PORT, backlog=512)
    print("ready", flush=True)
    await server.serve_forever()


def serve_with_tls(certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", PORT), backlog=512) as listener:
        print("ready", flush=True)
        while True:
            threading.Thread(target=converse, args=(listener.accept()[0], context), daemon=True).start()


def a_still() -> bytes:
    """A small real PNG, without any library."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + b"\x30\x60\x90" * 64 for _ in range(36)))
    return PICTURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 36, 8, 2, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


if __name__ == "__main__":
    PORT, PAUSE = int(sys.argv[1]), float(sys.argv[2])
    STILL = a_still()
    if len(sys.argv) > 3:
        serve_with_tls(sys.argv[3], sys.argv[4])
    asyncio.run(serve())
