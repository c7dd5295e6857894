"""One job on a real queue, opened anew for each look, with the settings of the environment."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tenxsom import settings
from tenxsom.app import App
from tenxsom.model.job import VideoJob
from tests.net_server import Behaviour, ScriptedServer
from tests.states import new_job


class OneJob:
    """The job `lake`, its ledger and its files."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self._monkeypatch = home, monkeypatch

    def set(self, **names: str) -> None:
        for name, value in names.items():
            self._monkeypatch.setenv(name, value)

    def accept(self, **changes: Any) -> None:
        with App(settings.load()) as app, app.store.accept(new_job(**changes)) as claim:
            assert claim

    def job(self) -> VideoJob:
        with App(settings.load()) as app:
            job = app.store.load("lake")
            assert job
            return job

    def ledger(self) -> list[tuple[str, str, str]]:
        with App(settings.load()) as app:
            return [(line["entry"], line["service"], line["usd"]) for line in app.ledger.lines()]

    def resolve(self, **how: Any) -> str:
        with App(settings.load()) as app:
            return app.manager().resolve("lake", None, **how)

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.home / "completed_videos").iterdir())

    def scripted(self, servers: ExitStack, **names: str) -> Callable[..., ScriptedServer]:
        """Return what starts a server that answers call by call as scripted, and names it in the settings as Vertex AI."""

        def script(*behaviours: Behaviour) -> ScriptedServer:
            server = servers.enter_context(ScriptedServer(*behaviours))
            self.set(VERTEX_AI_PROJECT_ID="demo", VERTEX_GENAI_BASE_URL=server.url, **names)
            return server

        return script
