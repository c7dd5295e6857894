#!/usr/bin/env python3
"""Take the two pictures of the dashboard: today on a desktop, the library on a phone in the dark.

    dashboard_pictures.py HOME     HOME: a TENXSOM_HOME for rehearsals, which keeps its films for the next time

Everything on them is real: films of the local studio, plans that wait for an approval, jobs that are being made while the picture
is taken. The first run takes some minutes, because it makes the films.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tenxsom import settings  # noqa: E402
from tenxsom.app import App  # noqa: E402
from tenxsom.dashboard.board import Board  # noqa: E402
from tenxsom.dashboard.server import listening, server_of  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
FILMS: tuple[tuple[str, str, str, str, int], ...] = (
    ("tide-pools", "The tide pool at noon", "explainer", "youtube_shorts", 10),
    ("ember-glow", "Why embers glow without a flame", "explainer", "tiktok", 10),
    ("mars-dust", "Dust storms that swallow a planet", "compressed_history", "youtube", 12),
    ("glass-waves", "Waves of poured glass", "satisfying_slice", "tiktok", 8),
    ("city-rain", "A city after rain", "daily_inspiration", "youtube_shorts", 8),
)
WAITING = (
    ("owl-wings", "Why owls fly without a sound", "explainer", "youtube_shorts", 20),
    ("salt-lake", "The lake that became a mirror", "documentary_mystery", "youtube", 20),
)
MAKING = (
    ("paper-moon", "How paper remembers a fold", "explainer", "youtube_shorts", 20),
    ("iron-rain", "Iron rain on a distant world", "tech_news", "youtube", 15),
    ("river-stones", "Why river stones are round", "quick_tips", "tiktok", 20),
    ("lighthouse-lamp", "The lamp that turns without friction", "compressed_history", "youtube", 20),
)


def main(home: Path) -> int:
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "TENXSOM_HOME": str(home), "VIDEO_SERVICE": "local_studio", "DAILY_BUDGET_USD": "25"}
    if not any((home / "completed_videos").glob("*.mp4")):
        run(environment, "--wait", str(ROOT / "templates" / "jobs"), *written(home, FILMS))
    shutil.rmtree(home / ".local_studio", ignore_errors=True)  # what an earlier run has ordered there keeps nothing waiting
    for name, *_ in (*WAITING, *MAKING):
        forget(home, name)
    run(environment, *written(home, WAITING, approve=True))
    subprocess.run([sys.executable, "poll_video_status.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False)
    making = subprocess.Popen(command("--wait", *written(home, MAKING)), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        with (
            App(settings.load({"TENXSOM_HOME": str(home), "DAILY_BUDGET_USD": "25"})) as app,
            listening("127.0.0.1", 0) as listener,
        ):
            server = server_of(Board(app), "127.0.0.1")
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            try:
                take(f"http://127.0.0.1:{listener.getsockname()[1]}", app)
            finally:
                server.should_exit = True
                thread.join()
    finally:
        making.terminate()
        making.wait()
    return 0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "master_orchestrator_v3.py", *arguments]


def run(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(command(*arguments), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False)


def written(home: Path, films: tuple[tuple[str, str, str, str, int], ...], **also: Any) -> list[str]:
    """Write definitions; return their files."""
    paths = []
    for content_id, title, archetype, platform, seconds in films:
        names = {"content_id": content_id, "title": title, "archetype": archetype, "platform": platform}
        path = home / f"{content_id}.json"
        path.write_text(json.dumps({**names, "tier": "volume", "target_duration": seconds, **also}))
        paths.append(str(path))
    return paths


def forget(home: Path, content_id: str) -> None:
    """Remove a job that an earlier run of this tool has left."""
    for folder in ("pending_video_jobs", "completed_videos"):
        for path in (home / folder).glob(f"{content_id}*"):
            path.unlink()


def take(url: str, app: App) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        desktop = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        desktop.goto(url)
        wait_for_progress(app)
        loaded(desktop)
        desktop.screenshot(path=PICTURES / "dashboard-today.png")
        phone = browser.new_page(
            viewport={"width": 390, "height": 800}, device_scale_factor=2, is_mobile=True, has_touch=True, color_scheme="dark"
        )
        phone.goto(f"{url}/library")
        loaded(phone)
        phone.screenshot(path=PICTURES / "dashboard-library.jpg", type="jpeg", quality=82)
        browser.close()


def wait_for_progress(app: App) -> None:
    """Wait until a film is half made."""
    for _ in range(1200):
        clips = [clip for content_id in app.store.ids() if (job := app.store.load(content_id)) for clip in job.clips]
        if any(20 < (clip.percent or 0) < 95 for clip in clips):
            return
        threading.Event().wait(0.5)


def loaded(page: Page) -> None:
    page.wait_for_selector("#live:not([hidden])")
    page.wait_for_timeout(2500)
    for _ in range(100):
        if page.evaluate(
            "[...document.images].filter((i) => i.getBoundingClientRect().top < innerHeight).every((i) => i.complete)"
        ):
            return
        page.wait_for_timeout(100)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).absolute()))
