"""The dashboard in a real browser: in both themes, on a phone, without a script, for everybody, and while it changes."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tenxsom import settings
from tenxsom.app import App
from tenxsom.dashboard.board import Board
from tenxsom.media.thumbnail import make_thumbnail
from tenxsom.model import file_names
from tenxsom.model.job import JobState
from tests.states import new_clip
from tests.unit.dashboard.conftest import Dashboard

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)"),
]

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
PAGES = ("/", "/queue", "/library", "/library?kind=failed", "/costs?by=service", "/health", "/new", "/jobs/lake", "/jobs/hill",
         "/jobs/unclear", "/jobs/moon/retry", "/nothing")  # fmt: skip
PATIENCE = 30_000
"""Milliseconds that only a broken page takes."""


class Served(Dashboard):
    """A dashboard under test, on a port of this machine."""

    url = ""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from tenxsom.dashboard.server import listening, server_of

    home = tmp_path_factory.mktemp("home")
    (home / "completed_videos").mkdir()
    with ExitStack() as stack:
        app = stack.enter_context(App(settings.load({"TENXSOM_HOME": str(home)})))
        made = Served(home, app)
        listener = stack.enter_context(listening("127.0.0.1", 0))
        made.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        made.board = Board(app)
        made.make("lake", title="The lake", film=video(home / "film.mp4"))
        make_thumbnail(home / "completed_videos" / "lake.mp4", home / "completed_videos" / file_names.thumbnail("lake"))
        made.fail("moon")
        made.put("hill", title="The hill", clips=[new_clip(percent=10.0, step="await_video", video={"job_id": "1"})])
        made.put("unclear", state=JobState.NEEDS_DECISION, clips=[new_clip(hold="decision", error="Too dark.")])
        server = server_of(made.board, "127.0.0.1")
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield made
        server.should_exit = True
        thread.join(30)


def video(path: Path) -> bytes:
    """Return a short real film."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", 10, width=180, height=320, pix_fmt="yuv420p")
        for number in range(50):
            picture = np.full((320, 180, 3), number * 5, np.uint8)
            picture[: number * 6] = (200, 120, 40)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (requirements-dev.txt)")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: Any, served: Served) -> Iterator[Callable[..., Any]]:
    """Opens a page, and fails the test if it says an error or asks another host."""
    complaints: list[str] = []
    with ExitStack() as stack:

        def open_page(address: str, *, width: int = 1280, theme: str = "light", script: bool = True, touch: bool = False) -> Any:
            context = stack.enter_context(
                browser.new_context(
                    viewport={"width": width, "height": 780},
                    color_scheme=theme,
                    java_script_enabled=script,
                    has_touch=touch,
                    bypass_csp=False,
                    reduced_motion="no-preference",
                )
            )
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda asked: None if asked.url.startswith((served.url, "data:")) else complaints.append(asked.url))
            page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
            page.goto(served.url + address)
            return page

        yield open_page
    assert complaints == []


def progress(served: Served, percent: float) -> None:
    """Save a progress of the job, as a tick does."""
    with served.app.store.claim("hill") as claim:
        assert claim
        claim.job.clips[0].percent = percent
        claim.save()


def until(page: Any, expression: str) -> None:
    """Wait until an expression is true. (`wait_for_function` evaluates texts in the page, which the page's policy forbids.)"""
    for _ in range(PATIENCE // 50):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_no_page_keeps_anybody_out_in_any_theme_on_any_screen(opened, served, theme, width):
    axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (requirements-dev.txt)")
    page = opened("/", theme=theme, width=width)
    served.board.health.wait(60)
    for address in PAGES:
        page.goto(served.url + address)
        found = axe_api.Axe().run(page).response["violations"]
        told = [(rule["id"], [node["html"][:160] for node in rule["nodes"]]) for rule in found]
        assert told == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} is wider than the screen"


def test_progress_moves_in_every_open_page_without_loading_it(opened, served):
    pages = [opened("/queue"), opened("/"), opened("/jobs/hill")]
    for page in pages:
        page.wait_for_selector("#live:not([hidden])")
        page.evaluate("window.isTheSame = true")
    progress(served, 63.0)
    for page in pages:
        until(page, "[...document.querySelectorAll('[data-job=hill] progress')].some((bar) => bar.value === 63)")
        assert page.evaluate("window.isTheSame")


def test_a_job_that_ends_leaves_the_queue_and_its_film_comes_into_the_library(opened, served):
    served.put("shore", title="The shore")
    queue, library = opened("/queue"), opened("/library")
    queue.wait_for_selector("[data-job=shore]")
    served.make("shore", title="The shore")
    with served.app.store.claim("shore") as claim:
        claim.finish()
    queue.wait_for_selector("[data-job=shore]", state="detached")
    library.wait_for_selector("text=The shore")


def test_a_page_whose_stream_is_lost_looks_every_few_seconds(opened, served):
    page = opened("/library")
    page.route("**/events*", lambda route: route.abort())
    page.goto(served.url + "/queue")
    page.wait_for_selector("#live.lost")
    progress(served, 71.0)
    until(page, "document.querySelector('[data-job=hill] progress').value === 71")


def test_a_page_that_was_asleep_catches_up_when_it_is_seen_again(opened, served):
    page = opened("/queue")
    page.wait_for_selector("#live:not([hidden])")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    progress(served, 82.0)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: false, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(page, "document.querySelector('[data-job=hill] progress').value === 82")


def test_without_a_script_pages_read_and_forms_work(opened, served):
    page = opened("/", script=False)
    assert "The hill" in page.inner_text("main")
    page.goto(served.url + "/jobs/lake")
    page.fill("textarea[name=notes]", "Judged without a script.")
    page.click("text=Keep the notes")
    assert "It is kept with the film." in page.inner_text("main")
    page.goto(served.url + "/library?q=judged")
    assert page.locator(".card").count() == 1
    page.goto(served.url + "/new")
    page.fill("#f-content_id", "a b")
    page.click("button[value=submit]")
    assert "cannot name files" in page.inner_text("#p-content_id")


def test_a_film_plays_with_its_captions(opened):
    page = opened("/jobs/lake")
    until(page, "document.querySelector('video').readyState >= 1")
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(5, abs=0.2)
    page.evaluate("document.querySelector('video').play()")
    until(page, "document.querySelector('video').currentTime > 0")
    until(page, "document.querySelector('video').textTracks[0].cues?.length === 1")


def test_a_film_of_the_library_plays_under_the_pointer_and_its_picture_comes_back(opened):
    page = opened("/library?q=The+lake")
    card = page.locator(".card a").first
    card.hover()
    until(page, "document.querySelector('.card video')?.currentTime > 0")
    assert page.evaluate("document.querySelector('.card video').muted")
    page.mouse.move(0, 0)
    page.wait_for_selector(".card video", state="detached")
    card.focus()
    page.wait_for_selector(".card video")


def test_the_first_touch_plays_a_film_and_the_second_opens_it(opened, served):
    page = opened("/library?q=The+lake", width=360, touch=True)
    card = page.locator(".card a").first
    card.tap()
    until(page, "document.querySelector('.card video')?.currentTime > 0")
    assert "/library" in page.url
    card.tap()
    page.wait_for_url(f"{served.url}/jobs/*")
