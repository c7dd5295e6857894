"""The local studio for tests: over a socket, with its insides at hand."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from tenxsom_studio.faults import write_rules
from tenxsom_studio.server import running
from tenxsom_studio.studio import Studio

TOKEN = "user:12345-test"
TIMEOUT = 20


@dataclass
class Door:
    """A client of one studio. `api` calls carry the token, `fetch` calls do not."""

    url: str
    session: requests.Session
    studio: Studio
    app: Any

    def api(self, method: str, path: str, **details: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"} | details.pop("headers", {})
        return self.session.request(method, f"{self.url}/v1/ltxstudio/{path}", headers=headers, timeout=TIMEOUT, **details)

    def fetch(self, url: str, method: str = "GET", **details: Any) -> requests.Response:
        return self.session.request(method, url, timeout=TIMEOUT, **details)

    def create(self, kind: str = "image", **body: Any) -> requests.Response:
        path = "images/flux-create" if kind == "image" else "videos/ltx-create"
        return self.api("POST", path, json={"prompt": "A circuit of microchips. Blue light."} | body)

    def job(self, kind: str = "image", **body: Any) -> str:
        answer = self.create(kind, **body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["jobId"])

    def clip(self, **body: Any) -> str:
        """A clip's job, with an uploaded start frame so that nothing has to be painted."""
        return self.job("video", startAssetId=self.upload()["asset"]["fileId"], aspectRatio="9:16", **body)

    def status(self, job_id: str) -> dict[str, Any]:
        answer = self.api("GET", f"assets/{job_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["status"])

    def finish(self, job_id: str) -> dict[str, Any]:
        """Ask until the job is over; between two questions wait for the renders of this process, not for the clock."""
        for _ in range(20):
            status = self.status(job_id)
            if status["type"] == "failed" or "artifact" in status:
                return status
            self.studio.drain(TIMEOUT)
        raise AssertionError(f"{job_id} never ended")

    def end(self, job_id: str) -> None:
        """Let a job fail, which ends it at once and costs nothing to render."""
        write_rules(self.studio.world.root, [{"on": "GET /assets/{jobId}", "do": "fail"}])
        assert self.status(job_id)["type"] == "failed"

    def upload(self, data: bytes | None = None, use: str = "image", mime_type: str = "image/png") -> dict[str, Any]:
        answer = self.api("POST", f"assets/?type={use}", data=data or picture(), headers={"Content-Type": mime_type})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def picture(width: int = 320, height: int = 180, form: str = "PNG") -> bytes:
    """A small picture with some detail, as bytes."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, form)
    return file.getvalue()


@contextlib.contextmanager
def over_a_socket(world: Path) -> Iterator[Door]:
    with running(world, token=TOKEN) as server, requests.Session() as session:
        session.trust_env = False
        yield Door(server.url, session, server.app.extensions["studio"], server.app)
