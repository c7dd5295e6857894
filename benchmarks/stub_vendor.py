"""A vendor that answers every call after a fixed pause, in a process of its own: `python stub_vendor.py PORT PAUSE [CERT KEY]`.

Speaks just enough HTTP/1.1 to be asked for thousands of statuses a second with kept connections, and to accept creates.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys

PICTURE = b"\x89PNG\r\n\x1a\n"


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
            if length:
                await reader.readexactly(length)
            if PAUSE:
                await asyncio.sleep(PAUSE)
            body = answer(head)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


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
    context = None
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
    server = await asyncio.start_server(converse, "127.0.0.1", PORT, ssl=context, backlog=512)
    print("ready", flush=True)
    await server.serve_forever()


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
    asyncio.run(serve())
