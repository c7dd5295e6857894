"""A dashboard over an empty home, asked without a socket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tenxsom.app import App
from tenxsom.dashboard.board import Board
from tenxsom.model import file_names
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.job import VideoJob
from tenxsom.model.parts import MediaFacts
from tenxsom.model.strict_json import pretty
from tenxsom.pipeline import reports
from tenxsom.settings import load
from tests.states import new_clip, new_job

TOKEN = "a-token-of-tests-SECRET"
PLAN = {
    "video_plan": {
        "title": "The lake",
        "script_segments": [
            {"time": "00:00-00:05", "segment_type": "hook", "content": "Look.", "visual_cue": "A lake", "duration": 5}
        ],
    }
}


class Dashboard:
    """A dashboard under test, with what tests put into its home."""

    def __init__(self, home: Path, app: App) -> None:
        from starlette.testclient import TestClient

        from tenxsom.dashboard.site import site  # FastAPI takes half a second to import, and most runs of pytest need none of it

        self.home = home
        self.app = app
        self.board = Board(app)
        self.client = TestClient(site(self.board), base_url="http://127.0.0.1:8766", follow_redirects=False)

    def put(self, content_id: str = "lake", **changes: Any) -> VideoJob:
        """Put a job on the queue."""
        job = new_job(content_id, **changes)
        with self.app.store.accept(job) as claim:
            assert claim
        self.board.watcher.look()
        return job

    def make(self, content_id: str = "lake", film: bytes = b"0123456789" * 100, **changes: Any) -> VideoJob:
        """Put a finished film into the library, with its side files."""
        job = new_job(content_id, blueprint=Blueprint.model_validate(PLAN), clips=[new_clip(step="done")], **changes)
        facts = MediaFacts(seconds=5.0, width=720, height=1280)
        artifacts = self.app.artifacts
        for name, data in (
            (file_names.video(content_id), film),
            (file_names.web_subtitles(content_id), b"WEBVTT\n\n00:00.000 --> 00:01.000\nLook.\n"),
            (file_names.blueprint(content_id), pretty(Blueprint.model_validate(PLAN).as_dict())),
            (file_names.completion_report(content_id), pretty(reports.completion_report(job, facts, {}))),
        ):
            artifacts.write(name, data)
        self.board.library.refresh()
        return job

    def fail(self, content_id: str = "lake", reason: str = "It rained.", **changes: Any) -> VideoJob:
        """Let a job end without a film."""
        job = new_job(content_id, clips=[new_clip(step="failed", error=reason)], **changes)
        report = reports.failure_report(job, reason, {})
        self.app.artifacts.write(file_names.failure_report(content_id), pretty(report))
        self.board.library.refresh()
        return job

    def form_token(self) -> str:
        """Return what the forms of this session carry."""
        found = re.search(r'name="form_token" value="([0-9a-f]{64})"', self.client.get("/new").text)
        assert found
        return found[1]

    def post(self, address: str, **fields: str) -> Any:
        """Send a form as a page of this session does."""
        return self.client.post(address, data={"form_token": self.form_token(), **fields})


@pytest.fixture
def dashboard(home: Path) -> Iterator[Dashboard]:
    (home / "completed_videos").mkdir()
    with ExitStack() as stack:
        yield Dashboard(home, stack.enter_context(App(load())))


@pytest.fixture
def locked(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dashboard]:
    """A dashboard that asks for a token."""
    monkeypatch.setenv("DASHBOARD_TOKEN", TOKEN)
    (home / "completed_videos").mkdir()
    with ExitStack() as stack:
        yield Dashboard(home, stack.enter_context(App(load())))
