"""What the tests of the whole belt share: definitions, homes, running a script as a process, a studio behind a socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tenxsom import clock
from tests import forked

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "user:12345-test"
PLAIN_FILMS = {"VOICE_SERVICE": "none", "MUSIC_SERVICE": "none", "CAPTIONS": "srt", "KEEP_CLIPS_DAYS": "0"}
"""Settings of films without voice, music and burned captions, for tests of the queue, of money and of crashes."""


def definition(content_id: str = "lake", **changes: Any) -> dict[str, Any]:
    """A small valid definition."""
    page = {
        "content_id": content_id,
        "title": "The lake that glows at night",
        "archetype": "documentary_mystery",
        "tier": "volume",
        "target_duration": 3,
        "platform": "youtube",
    }
    return {**page, **changes}


def with_small_pictures(home: Path) -> Path:
    """Let a home's local studio make pictures and clips a fifth as wide and high, as most tests do not look at them."""
    world = home / ".local_studio"
    world.mkdir(parents=True)
    (world / "scale").write_text("0.2")
    return home


def unexpected_errors(document: dict[str, Any]) -> list[str]:
    """Every unexpected error that a state or a report tells of; a side file that was left out names the place in our code."""
    told = [str(document["unexpected"])] if document.get("unexpected") else []
    told += [str(entry) for entry in document.get("history", []) if entry["event"] == "unexpected_error"]
    sentences = [*document.get("warnings", []), document.get("reason") or ""]
    return told + [sentence for sentence in sentences if "unexpected error" in sentence or "(tenxsom/" in sentence]


@dataclass
class Ended:
    """A script that has run."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return dict(json.loads(self.out))


@dataclass
class Belt:
    """A home folder with the scripts to run in it. `environment` is what the scripts see besides PATH."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, page: dict[str, Any], name: str | None = None) -> Path:
        path = self.home / (name or f"{page['content_id']}.job.json")
        path.write_text(json.dumps(page))
        return path

    def run(self, script: str, *arguments: object, stdin: str | None = None, timeout: float = 120) -> Ended:
        """Run a script to its end, in a process that has the program loaded already."""
        return Ended(*forked.run(ROOT / script, [*map(str, arguments)], self.env(), stdin, timeout))

    def fork(self, script: str, *arguments: object) -> forked.Forked:
        """Start a script in a process that has the program loaded already, to be killed, stopped or raced with."""
        return forked.Forked(ROOT / script, [*map(str, arguments)], self.env())

    def start(self, script: str, *arguments: object, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start a script as a user does; `before` is put in front of the interpreter (strace, say)."""
        command = [*before, sys.executable, str(ROOT / script), *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd="/", env=self.env(), text=True, stdin=pipe, stdout=pipe, stderr=pipe)

    def env(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TMPDIR") if name in os.environ}
        return kept | {"TENXSOM_HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1"} | PLAIN_FILMS | self.environment

    def submit(self, *pages: dict[str, Any], flags: tuple[str, ...] = ()) -> Ended:
        return self.run("master_orchestrator_v3.py", "--json", *flags, *[self.write(page) for page in pages])

    def poll(self, *content_ids: str) -> Ended:
        return self.run("poll_video_status.py", "--json", *content_ids)

    def state(self, content_id: str) -> dict[str, Any] | None:
        path = self.home / "pending_video_jobs" / f"{content_id}.json"
        return dict(json.loads(path.read_text())) if path.exists() else None

    def report(self, content_id: str) -> dict[str, Any] | None:
        for kind in ("completion", "failure"):
            path = self.home / "completed_videos" / f"{content_id}_{kind}_report.json"
            if path.exists():
                return dict(json.loads(path.read_text()))
        return None

    def collect(self, content_id: str, ticks: int = 30) -> dict[str, Any]:
        """Tick until the job has its final report."""
        for _ in range(ticks):
            if report := self.report(content_id):
                return report
            ended = self.poll(content_id)
            clock.sleep(0.3)  # a service works without being asked, and each question is a process
        raise AssertionError(f"{content_id} has no report after {ticks} ticks: {ended.out} {ended.err}")

    def leftovers(self) -> list[str]:
        """Files in the two folders that should not outlive their use. A still may be there until its job ends."""
        names = [path.name for folder in ("pending_video_jobs", "completed_videos") for path in (self.home / folder).rglob("*")]
        used = {name for name in names if "~still" in name and self.state(name.partition("~")[0])}
        return [name for name in names if name.endswith((".tmp", ".part")) or ("~" in name and name not in used)]
