"""A light vendor: the studio's contract without its painting and rendering, for ten thousand jobs on two cores.

`python -m tests.light_vendor FOLDER [CHECKS]` serves a ready-made still (still.png) and clip (clip.mp4) of FOLDER for every order,
counts every charge in `charges.jsonl` before it answers, finds jobs again by `replyRef` (GET /scheduler and the newest assets),
and misbehaves now and then: MISCHIEF says how, and how often. What it did is in `mischief.json` after a TERM. It prints its port.
With CHECKS it is honest, and a clip takes so many status calls.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

NEWEST = 20
"""How many of the newest jobs the vendor lists; older ones are found only by their id."""


class Call(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What goes out. `cut` ends the connection after so many bytes of the body; `drop` before anything is said."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})
    cut: int | None = None
    drop: bool = False
    pause: float = 0.0


MISCHIEF: dict[str, dict[str, float]] = {
    "create": {
        "accept_then_drop": 0.010, "accept_then_502": 0.010, "accept_without_id": 0.003, "drop_before": 0.004,
        "busy_429": 0.010, "busy_503": 0.010, "error_500": 0.003, "moderated_422": 0.002, "slow": 0.005,
    },
    "status": {
        "completed_without_url": 0.010, "failed": 0.002, "unknown_word": 0.010, "not_found_404": 0.005, "error_502": 0.010,
        "dropped": 0.005, "no_json": 0.005,
    },
    "still": {"unknown_word": 0.010, "not_found_404": 0.003, "error_502": 0.010, "dropped": 0.005},
    "upload": {"upload_500": 0.010, "upload_dropped": 0.005},
    "download": {"truncated": 0.015, "web_page": 0.010, "expired_403": 0.010, "error_503": 0.010, "noise": 0.005, "short_clip": 0.003},  # noqa: E501
}  # fmt: skip


class LightVendor:
    """The vendor's world, in memory; only the charges are written down."""

    def __init__(self, folder: Path, honest_checks: int | None = None) -> None:
        self._folder = folder
        self._honest, self._checks = honest_checks is not None, honest_checks or 2
        self._still, self._clip = (folder / "still.png").read_bytes(), (folder / "clip.mp4").read_bytes()
        self._charges = (folder / "charges.jsonl").open("ab", buffering=0)
        self._jobs: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        self._chance = random.Random(0)
        self.struck: Counter[str] = Counter()

    def save_count(self) -> None:
        (self._folder / "mischief.json").write_text(json.dumps(self.struck))

    def answer(self, call: Call) -> Answer:
        path = urlsplit(call.path).path
        if path.startswith("/storage/"):
            return self._download(call, path)
        below = path.removeprefix("/v1/ltxstudio")
        if call.method == "POST" and below == "/assets/":
            return self._upload()
        if call.method == "POST":
            return self._create("image" if below.startswith("/images/") else "video", json.loads(call.body))
        if below == "/scheduler":
            return _json([self._shown(job_id) for job_id in list(self._jobs)[-NEWEST:] if not self._jobs[job_id]["over"]])
        if below == "/assets/":
            return _json({"items": [{"jobId": job_id} for job_id in reversed(list(self._jobs)[-NEWEST:])]})
        return self._status(unquote(below.rsplit("/", 1)[1]), call.headers.get("host", ""))

    def _create(self, kind: str, body: dict[str, Any]) -> Answer:
        trick = self._trick("create")
        refusals = {"busy_429": 429, "busy_503": 503, "error_500": 500, "moderated_422": 422}
        if trick in refusals:
            headers = {"Retry-After": "1"} if trick == "busy_429" else {}
            return _json({"error": trick}, refusals[trick])._replace(headers=headers)
        if trick == "drop_before":
            return Answer(drop=True)
        job_id = f"user:1-job:{next(self._numbers)}-type:{kind}"
        self._charges.write(json.dumps({"replyRef": body["replyRef"], "kind": kind, "jobId": job_id}).encode() + b"\n")
        self._jobs[job_id] = {"kind": kind, "replyRef": body["replyRef"], "asked": 0, "over": False}
        if trick == "accept_then_drop":
            return Answer(drop=True)
        if trick == "accept_then_502":
            return Answer(502, b"<html>Bad gateway</html>")
        return _json({} if trick == "accept_without_id" else {"jobId": job_id})._replace(pause=0.5 if trick == "slow" else 0)

    def _status(self, job_id: str, host: str) -> Answer:
        job = self._jobs.get(job_id)
        trick = self._trick("status" if job is None or job["kind"] == "video" else "still")
        if job is None or trick == "not_found_404":
            return _json({"error": "Not found"}, 404)
        if trick in ("error_502", "no_json"):
            return Answer(502 if trick == "error_502" else 200, b"<html>Oh</html>")
        if trick == "dropped":
            return Answer(drop=True)
        job["asked"] += 1
        status: dict[str, Any] = {"type": "active", "progress": 50}
        if trick == "unknown_word":
            status = {"type": "under_review"}
        elif trick == "failed":
            status, job["over"] = {"type": "failed", "message": "out of paint"}, True
        elif job["asked"] >= (self._checks if job["kind"] == "video" else 1):
            job["over"] = True
            name = "clip.mp4" if job["kind"] == "video" else "still.png"
            link = {"assetUrl": f"http://{host}/storage/{name}"}
            status = {"type": "completed", "artifact": {} if trick == "completed_without_url" else link}
        return _json({"status": status, "jobId": job_id, "replyRef": job["replyRef"], "code": 200})

    def _upload(self) -> Answer:
        trick = self._trick("upload")
        if trick:
            return Answer(500, drop=trick == "upload_dropped")
        return _json({"asset": {"fileId": f"asset:{next(self._numbers)}-type:image/png", "type": "image"}})

    def _download(self, call: Call, path: str) -> Answer:
        data = self._clip if path.endswith(".mp4") else self._still
        match self._trick("download"):
            case "truncated":
                return Answer(body=data, cut=len(data) // 2)
            case "web_page":
                return Answer(body=b"<!doctype html><title>Please log in</title>" + b" " * 500)
            case "expired_403":
                return Answer(403)
            case "error_503":
                return Answer(503)
            case "noise":
                return Answer(body=data[:64] + random.Random(1).randbytes(len(data) - 64))
            case "short_clip":
                return Answer(body=data[: len(data) // 3])
        start = int(call.headers.get("range", "bytes=0-")[6:].split("-")[0])
        headers = {"ETag": f'"{len(data)}"', "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return Answer(206 if start else 200, data[start:], headers)

    def _shown(self, job_id: str) -> dict[str, Any]:
        return {"jobId": job_id, "replyRef": self._jobs[job_id]["replyRef"]}

    def _trick(self, call: str) -> str:
        dice = 1 if self._honest else self._chance.random()
        for trick, share in MISCHIEF[call].items():
            dice -= share
            if dice < 0:
                self.struck[trick] += 1
                return trick
        return ""


def _json(document: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(document).encode())


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def conversation(answer: Callable[[Call], Answer]) -> Talk:
    """Just enough HTTP/1.1 for our client: kept connections, Content-Length both ways."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = first.split(" ")
                if not await _say(writer, answer(Call(method, path, headers, body))):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return talk


async def _say(writer: asyncio.StreamWriter, answer: Answer) -> bool:
    """Returns whether the connection goes on."""
    if answer.pause:
        await asyncio.sleep(answer.pause)
    if answer.drop:
        return False
    lines = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    head = f"HTTP/1.1 {answer.status} X\r\nContent-Length: {len(answer.body)}\r\n{lines}\r\n"
    writer.write(head.encode() + answer.body[: answer.cut])
    await writer.drain()
    return answer.cut is None


def make_media(folder: Path) -> None:
    """A small still and a small clip of three seconds, made once by the studio's own renderer."""
    from tenxsom_studio.painting.clip import ClipOrder, render_clip
    from tenxsom_studio.painting.paint import paint

    paint("A lake at night", 128, 72, 1).save(folder / "still.png")
    render_clip(folder / "still.png", folder / "clip.mp4", ClipOrder(128, 72, 3, fps=8))


async def serve(folder: Path, honest_checks: int | None) -> None:
    vendor, ended = LightVendor(folder, honest_checks), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    server = await asyncio.start_server(conversation(vendor.answer), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    vendor.save_count()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None))
