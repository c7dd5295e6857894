"""The line of crontab.example under a real cron daemon."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tenxsom import clock
from tests.belt import PLAIN_FILMS, ROOT, TOKEN, Belt, definition
from tests.conftest import StudioBehindASocket

pytestmark = pytest.mark.slow

IN_ITS_OWN_WORLD = """\
set -e
mount --bind "$1" /var/spool/cron/crontabs
mount --bind "$2" /etc/cron.d
mount --bind /dev/null /etc/crontab
mount -t tmpfs none /run
exec cron -f
"""
"""Starts cron where it sees one crontab, of this test, and nothing of this machine's."""


def crontab(home: Path, log: Path) -> str:
    """The example as a user edits it: the folder, state folders elsewhere, and each minute, so that nobody waits for two."""
    example = (ROOT / "crontab.example").read_text()
    line = (
        example.replace("/path/to/tenxsom-ai/.venv/bin/python", sys.executable)
        .replace("/path/to/tenxsom-ai/poll.log", str(log))
        .replace("/path/to/tenxsom-ai", str(ROOT))
        .replace("\n*/2 ", "\n* ")
    )
    return "".join(f"{name}={value}\n" for name, value in {"TENXSOM_HOME": str(home), **PLAIN_FILMS}.items()) + line


@contextmanager
def cron(folder: Path, text: str) -> Iterator[None]:
    """A cron daemon with this crontab of root's, until the end of the block."""
    if os.geteuid() != 0 or not shutil.which("cron") or not shutil.which("unshare"):
        pytest.skip("a cron daemon of our own needs root, Debian's cron, and unshare")
    (folder / "crontabs").mkdir(mode=0o700)
    (folder / "cron.d").mkdir()
    table = folder / "crontabs" / "root"
    table.write_text(text)
    table.chmod(0o600)
    words = ["unshare", "--mount", "sh", "-c", IN_ITS_OWN_WORLD, "cron", str(folder / "crontabs"), str(folder / "cron.d")]
    with (folder / "cron.out").open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out, start_new_session=True) as daemon:
        try:
            yield
            assert daemon.poll() is None, (folder / "cron.out").read_text()
        finally:
            if daemon.poll() is None:
                os.killpg(daemon.pid, signal.SIGTERM)


def test_the_crontabs_line_collects_a_film_under_a_real_cron(tmp_path: Path, studio: StudioBehindASocket) -> None:
    """The settings, with their secret, are read from production.env: cron gives its jobs no environment to speak of."""
    home, log = tmp_path / "home", tmp_path / "poll.log"
    home.mkdir()
    (home / "production.env").write_text(f"USEAPI_BEARER_TOKEN={TOKEN}\nUSEAPI_BASE_URL={studio.url}/v1\n")
    (home / "production.env").chmod(0o600)
    assert Belt(home).submit(definition()).code == 0
    assert Belt(home).poll("lake").code == 0  # the studio begins to paint when somebody asks
    deadline = clock.Deadline(240)
    while not list((studio.world / "media").glob("*.mp4")):
        deadline.check("Waiting for the studio")
        clock.sleep(0.2)
    clock.sleep(5)  # a young job is due again by then, so that cron's first tick is the one that collects it
    with cron(tmp_path, crontab(home, log)):
        while not (home / "completed_videos" / "lake_completion_report.json").exists():
            deadline.check("Waiting for cron's ticks")
            clock.sleep(0.5)
    assert "1 checked, 1 done, 0 pending." in log.read_text()
    assert TOKEN not in (tmp_path / "crontabs" / "root").read_text()
