"""The world of the planning tests (a pytest plugin): a machine of its own, a stand-in for Google, real settings and templates."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from claude_video_service import ClaudeVideoService
from tenxsom import settings
from tenxsom.planning import model_service
from tenxsom.store.templates import Templates
from tests.stub_vertex import StubVertex


@pytest.fixture
def google() -> Iterator[StubVertex]:
    with StubVertex() as server:
        yield server


@pytest.fixture
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing may leave this machine, not even a look-up in a library's background thread."""
    real, foreign = socket.getaddrinfo, []

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in ("127.0.0.1", "localhost", None):
            foreign.append(host)
            raise socket.gaierror(f"{host} is not on loopback")
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield
    assert foreign == []


@pytest.fixture
def vertex_environment(
    loopback_only: None, untouched_logging: None, google: StubVertex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """A machine of its own: no login, no metadata server, no proxy; everything points at the google."""
    import anthropic  # noqa: F401 - its second of importing must not fall into a test's deadline

    home = tmp_path / "home"
    home.mkdir()
    chosen = {
        "TENXSOM_HOME": str(home),
        "VERTEX_AI_PROJECT_ID": "demo-project",
        "VERTEX_AI_BASE_URL": google.base_url,
        "GOOGLE_APPLICATION_CREDENTIALS": str(google.write_credentials(tmp_path / "key.json")),
    }
    isolated = {"HOME": str(home), "CLOUDSDK_CONFIG": str(home), "NO_GCE_CHECK": "true", "NO_PROXY": "127.0.0.1"}
    for setting in settings.SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
    for name, value in (chosen | isolated).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(model_service, "PAUSE_SECONDS", 0.0)
    return chosen


@pytest.fixture
def plan_templates(tmp_path: Path) -> Templates:
    return Templates(tmp_path / "home", settings.ROOT)


@pytest.fixture
def planning(vertex_environment: dict[str, str], plan_templates: Templates) -> ClaudeVideoService:
    return ClaudeVideoService(settings.load(vertex_environment), plan_templates)
