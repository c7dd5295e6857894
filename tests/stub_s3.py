"""A stand-in for S3 on a socket: the requests that a store of files makes, signatures, open uploads, and faults on demand.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import bisect
import hashlib
import hmac
import itertools
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "films"
KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "eu-central-1"
PAGE = 1000
"""How many keys a listing has at most."""

Fault = str
"""`slow_down` (503), `denied` and `skewed` (403), `region` (400), `no_bucket` (404), `cut` (the connection, before an answer),
`cut_body` (in its middle)."""


class Objects(dict[str, bytes]):
    """Objects by key, in the order of their keys, so that a listing looks at those alone that it names."""

    def __init__(self) -> None:
        super().__init__()
        self._order: list[str] = []

    def __setitem__(self, key: str, data: bytes) -> None:
        if key not in self:
            bisect.insort(self._order, key)
        super().__setitem__(key, data)

    def pop(self, key: str, *default: Any) -> Any:
        if key in self:
            del self._order[bisect.bisect_left(self._order, key)]
        return super().pop(key, *default)

    def under(self, prefix: str, after: str) -> list[str]:
        """Return the keys that begin with `prefix` and come after `after`."""
        start = bisect.bisect_right(self._order, after) if after >= prefix else bisect.bisect_left(self._order, prefix)
        return list(itertools.takewhile(lambda key: key.startswith(prefix), self._order[start : start + PAGE + 1]))


@dataclass
class StubS3:
    """The objects of one bucket, with what was asked. `fault` says of each request what goes wrong with it."""

    url: str = ""
    objects: Objects = field(default_factory=Objects)
    kinds: dict[str, dict[str, str]] = field(default_factory=dict)
    """The Content-Type and Content-Disposition of each object."""
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """The parts of uploads that were neither completed nor aborted; they are paid for, and in no listing."""
    requests: list[str] = field(default_factory=list)
    fault: Callable[[str, str], Fault | None] = lambda _method, _path: None
    keeps: bool = True
    """Whether objects are kept; a measured server only counts them."""
    guard: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def settings(self, prefix: str = "tenxsom") -> dict[str, str]:
        """Return the settings of a program that keeps its files here."""
        return {
            "MEDIA_URL": f"s3://{BUCKET}/{prefix}",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def fails(self, fault: Fault, *, method: str = "", times: int = 10**9, path: str = "") -> None:
        """Let the next requests fail, those of a method or with a text in their path only."""
        left = [times]

        def chosen(asked: str, where: str) -> Fault | None:
            if not asked.startswith(method) or path not in where or left[0] <= 0:
                return None
            left[0] -= 1
            return fault

        self.fault = chosen

    def works(self) -> None:
        """End every fault."""
        self.fault = lambda _method, _path: None


@contextmanager
def serving(*, keeps: bool = True) -> Iterator[StubS3]:
    """Serve a bucket on a port of this machine."""
    stub = StubS3(keeps=keeps)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": stub}))
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients are killed, and connections are cut, on purpose."""


class _Handler(BaseHTTPRequestHandler):
    stub: StubS3
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        bucket, _, key = unquote(address.path).lstrip("/").partition("/")
        with self.stub.guard:
            self.stub.requests.append(f"{self.command} {self.path}")
        fault = self.stub.fault(self.command, self.path)
        if fault == "cut":
            return self._cut()
        if fault == "slow_down":
            return self._refuse(503, "SlowDown", "Please reduce your request rate.")
        if fault == "skewed":
            return self._refuse(403, "RequestTimeTooSkewed", "The request time is too far from the current time.")
        if fault == "region":
            return self._refuse(400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region is wrong.")
        if fault == "denied" or not self._is_signed(address.path, query):
            return self._refuse(403, "AccessDenied", "Access Denied")
        if fault == "no_bucket" or bucket != BUCKET:
            return self._refuse(404, "NoSuchBucket", "The specified bucket does not exist")
        self._is_cut = fault == "cut_body"
        name = f"_{self.command.lower()}_{'object' if key else 'bucket'}"
        return getattr(self, name)(key, query, body)

    # of the bucket

    def _get_bucket(self, _: str, query: dict[str, str], __: bytes) -> None:
        after = query.get("continuation-token") or query.get("start-after") or ""
        with self.stub.guard:
            found = self.stub.objects.under(query.get("prefix", ""), after)
            sizes = {key: len(self.stub.objects[key]) for key in found}
        page, is_more = found[:PAGE], len(found) > PAGE
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-11-29T12:00:00.000Z</LastModified>"
            f'<ETag>"{hashlib.md5(key.encode()).hexdigest()}"</ETag><Size>{sizes[key]}</Size></Contents>'
            for key in page
        )
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if is_more else ""
        head = f"<Name>{BUCKET}</Name><KeyCount>{len(page)}</KeyCount><IsTruncated>{str(is_more).lower()}</IsTruncated>{more}"
        self._answer(200, f"<ListBucketResult>{head}{rows}</ListBucketResult>".encode())

    def _post_bucket(self, _: str, __: dict[str, str], body: bytes) -> None:
        gone = ""
        for key in map(_unescaped, re.findall(r"<Key>(.*?)</Key>", body.decode())):
            with self.stub.guard:
                self.stub.objects.pop(key, None)
            gone += f"<Deleted><Key>{escape(key)}</Key></Deleted>"
        self._answer(200, f"<DeleteResult>{gone}</DeleteResult>".encode())

    # of an object

    def _get_object(self, key: str, _: dict[str, str], __: bytes) -> None:
        with self.stub.guard:
            data = self.stub.objects.get(key)
        if data is None:
            return self._refuse(404, "NoSuchKey", "The specified key does not exist.")
        begin, end = 0, len(data)
        if span := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            begin, end = int(span[1]), min(end, int(span[2] or end) + 1)
        whole = {"Content-Range": f"bytes {begin}-{end - 1}/{len(data)}"} if span else {}
        return self._answer(206 if span else 200, data[begin:end], **whole, **self.stub.kinds.get(key, {}))

    _head_object = _get_object

    def _put_object(self, key: str, query: dict[str, str], body: bytes) -> None:
        with self.stub.guard:
            if "partNumber" in query:
                if query["uploadId"] not in self.stub.uploads:
                    return self._refuse(404, "NoSuchUpload", "The specified upload does not exist.")
                self.stub.uploads[query["uploadId"]][int(query["partNumber"])] = body if self.stub.keeps else b""
            elif source := self.headers.get("x-amz-copy-source"):
                copied = unquote(source).lstrip("/").partition("/")[2]
                if copied not in self.stub.objects:
                    return self._refuse(404, "NoSuchKey", "The specified key does not exist.")
                self.stub.objects[key] = self.stub.objects[copied]
                self.stub.kinds[key] = self.stub.kinds.get(copied, {})
                return self._answer(200, b'<CopyObjectResult><ETag>"1"</ETag></CopyObjectResult>')
            else:
                self._store(key, body)
        return self._answer(200, b"", ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def _post_object(self, key: str, query: dict[str, str], _: bytes) -> None:
        with self.stub.guard:
            if "uploads" in query:
                upload = f"upload-{next(self.stub.numbers)}"
                self.stub.uploads[upload] = {}
                self.stub.kinds[key] = self._kind()
                answer = f"<Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
                return self._answer(200, f"<InitiateMultipartUploadResult>{answer}</InitiateMultipartUploadResult>".encode())
            parts = self.stub.uploads.pop(query["uploadId"], None)
            if parts is None:
                return self._refuse(404, "NoSuchUpload", "The specified upload does not exist.")
            self.stub.objects[key] = b"".join(parts[number] for number in sorted(parts))
        return self._answer(200, b'<CompleteMultipartUploadResult><ETag>"1"</ETag></CompleteMultipartUploadResult>')

    def _delete_object(self, key: str, query: dict[str, str], _: bytes) -> None:
        with self.stub.guard:
            if "uploadId" in query:
                self.stub.uploads.pop(query["uploadId"], None)
            else:
                self.stub.objects.pop(key, None)
        self._answer(204, b"")

    def _store(self, key: str, body: bytes) -> None:
        self.stub.objects[key], self.stub.kinds[key] = body, self._kind()

    def _kind(self) -> dict[str, str]:
        return {name: text for name in ("Content-Type", "Content-Disposition") if (text := self.headers.get(name))}

    # answers

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        known = {"Content-Type": "application/xml", "Last-Modified": format_datetime(datetime.now(UTC), usegmt=True)}
        for name, text in {**known, "ETag": '"1"', "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        is_cut = getattr(self, "_is_cut", False)
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if is_cut else body)
        if is_cut:
            self._cut()

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._is_cut = False
        self._answer(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())

    def _cut(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
        self.connection.close()
        self.close_connection = True

    # signatures

    def _is_signed(self, path: str, query: dict[str, str]) -> bool:
        if "X-Amz-Signature" in query:
            return self._is_link_signed(path, query)
        known = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
            self.headers.get("Authorization", ""),
        )
        if not known:
            return False
        content = self.headers.get("x-amz-content-sha256", "")
        return hmac.compare_digest(known[3], self._signature(path, query, known[1], known[2], self.headers["x-amz-date"], content))

    def _is_link_signed(self, path: str, query: dict[str, str]) -> bool:
        given = query["X-Amz-Signature"]
        rest = {name: text for name, text in query.items() if name != "X-Amz-Signature"}
        began = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if datetime.now(UTC) > began + timedelta(seconds=int(query["X-Amz-Expires"])):
            return False
        credential, headers = query["X-Amz-Credential"], query["X-Amz-SignedHeaders"]
        return hmac.compare_digest(given, self._signature(path, rest, credential, headers, query["X-Amz-Date"], "UNSIGNED-PAYLOAD"))

    def _signature(self, path: str, query: dict[str, str], credential: str, signed: str, date: str, content: str) -> str:
        key_id, _, scope = credential.partition("/")
        if key_id != KEY_ID:
            return ""
        asked = "&".join(f"{quote(name, safe='-_.~')}={quote(text, safe='-_.~')}" for name, text in sorted(query.items()))
        headers = "".join(f"{name}:{' '.join(self.headers.get(name, '').split())}\n" for name in signed.split(";"))
        request = "\n".join((self.command, path, asked, headers, signed, content))
        text = "\n".join(("AWS4-HMAC-SHA256", date, scope, hashlib.sha256(request.encode()).hexdigest()))
        key = f"AWS4{SECRET}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
