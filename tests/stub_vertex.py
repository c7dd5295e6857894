"""A stand-in for Google on loopback: the token endpoint, Claude's rawPredict with scripted replies, and Model Garden.

It speaks real HTTP, because the vendors' libraries use three different HTTP clients and no test tool intercepts them all.
"""

from __future__ import annotations

import functools
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

TOKEN = "ya29.stub-token-that-nobody-may-see"


@dataclass
class Reply:
    """One scripted reply to a rawPredict call. `stall` keeps silent, `drip` sends a byte now and then, both without end."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stall: bool = False
    drip: bool = False


@dataclass
class Call:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


def message(text: str, stop_reason: str = "end_turn", tokens: tuple[int, int] = (1000, 500), **usage: int) -> dict[str, Any]:
    """A Claude message with this text."""
    counts = {"input_tokens": tokens[0], "output_tokens": tokens[1], "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": text}] if text else [],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": counts | usage,
    }


def answer(*durations: float, **changes: Any) -> dict[str, Any]:
    """A plan as Claude answers it, with segments of these durations."""
    segments = [
        {
            "segment_type": "hook" if index == 0 else "reveal",
            "content": f"Sentence number {index + 1}.",
            "visual_cue": "A lighthouse above a grey sea at dawn, slow push in.",
            "duration": seconds,
        }
        for index, seconds in enumerate(durations)
    ]
    plan = {
        "title": "The last lighthouse",
        "description": "A short film about a lighthouse.",
        "tags": ["lighthouse", "sea"],
        "voice": "calm",
        "visual_style": "35mm film, muted colours",
        "music": "slow piano",
        "segments": segments,
    }
    return plan | changes


def google_error(status: int, text: str, name: str = "FAILED") -> Reply:
    return Reply({"error": {"code": status, "message": text, "status": name}}, status)


class StubVertex:
    """The server. Use it as a context manager; `replies` are used up in order, the last one stays."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.calls: list[Call] = []
        self.models = {"claude-haiku-5-5": "GA", "claude-sonnet-5-5": "GA"}
        self.model_garden_status = 200
        self.token_reply = Reply({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.base_url = f"{self.url}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def script(self, *replies: Reply | dict[str, Any]) -> None:
        """Answer the next calls with these; a plain plan is wrapped into a message."""
        self.replies = [reply if isinstance(reply, Reply) else Reply(message(json.dumps(reply))) for reply in replies]

    def predictions(self) -> list[Call]:
        return [call for call in self.calls if call.path.endswith(":rawPredict")]

    def write_credentials(self, path: Path) -> Path:
        """A service account's key file whose tokens come from this server."""
        account = {
            "type": "service_account",
            "project_id": "key-project",
            "private_key_id": "1",
            "private_key": _private_key(),
            "client_email": "planner@key-project.example.com",
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }
        path.write_text(json.dumps(account))
        return path

    def reply_to(self, call: Call) -> Reply:
        if call.path == "/token":
            return self.token_reply
        if call.path.endswith(":rawPredict"):
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        name = call.path.partition("?")[0].removeprefix("/v1/publishers/anthropic/models/")
        if self.model_garden_status != 200:
            return google_error(self.model_garden_status, "no access for planner@key-project.example.com")
        if name not in self.models:
            return google_error(404, f"Publisher Model `publishers/anthropic/models/{name}` is not found.", "NOT_FOUND")
        return Reply({"name": f"publishers/anthropic/models/{name}", "versionId": "default", "launchStage": self.models[name]})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, stub: StubVertex, *arguments: Any) -> None:
        self.stub = stub
        super().__init__(*arguments)

    def do_GET(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length", 0)))
        is_json = "json" in self.headers.get("content-type", "") and data
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.command, unquote(self.path), headers, json.loads(data) if is_json else data)
        self.stub.calls.append(call)
        self._send(self.stub.reply_to(call))

    do_POST = do_GET

    def _send(self, reply: Reply) -> None:
        if reply.stall:
            self.stub.closing.wait(30)
            self.close_connection = True
            return
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in (
            {"content-type": "application/json", "content-length": "1000000" if reply.drip else str(len(data))} | reply.headers
        ).items():
            self.send_header(name, value)
        self.end_headers()
        if reply.drip:
            self._drip()
        else:
            self.wfile.write(data)

    def _drip(self) -> None:
        self.close_connection = True
        try:
            while not self.stub.closing.wait(0.05):
                self.wfile.write(b" ")
                self.wfile.flush()
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@functools.cache
def _private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # small, because loading a key checks it
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
