"""What a channel's recent films have said: fillers that its next films do not say again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tenxsom.pipeline.planner import ClaudeVideoService
from tenxsom.settings import ROOT, load
from tenxsom.store.files.channels import RECENT_FILMS, FileChannels
from tenxsom.store.templates import Templates
from tests.claude_world import order


def note(channels: FileChannels, content_id: str, *fillers: str, channel: str = "tiktok.explainer") -> set[str]:
    """Plan a film with these fillers; return the recent ones that its planner was given."""
    given: list[set[str]] = []
    channels.planned(channel, content_id, lambda recent: given.append({*recent}), lambda _: list(fillers))
    return given[0]


def test_the_fillers_of_the_last_twenty_films_are_given_and_no_older_ones(tmp_path: Path) -> None:
    channels = FileChannels(tmp_path / "channels")
    for number in range(RECENT_FILMS + 5):
        note(channels, f"film-{number}", f"line {number}")
    assert note(channels, "next") == {f"line {number}" for number in range(5, RECENT_FILMS + 5)}


def test_channels_do_not_know_each_other(tmp_path: Path) -> None:
    channels = FileChannels(tmp_path / "channels")
    note(channels, "film-1", "a line")
    assert note(channels, "film-2", channel="youtube.explainer") == set()


def test_a_film_that_is_planned_again_may_say_what_it_said(tmp_path: Path) -> None:
    channels = FileChannels(tmp_path / "channels")
    note(channels, "film-1", "a line")
    note(channels, "film-2", "another")
    assert note(channels, "film-1", "a line") == {"another"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"films": [{"content_id": 1}]}', b"\xff\xfe"])
def test_an_unreadable_file_is_replaced_and_stops_no_plan(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tiktok.explainer.json").write_bytes(content)
    channels = FileChannels(tmp_path)
    assert note(channels, "film-1", "a line") == set()
    assert note(channels, "film-2") == {"a line"}


def test_a_folder_that_cannot_be_written_stops_no_plan(tmp_path: Path) -> None:
    (tmp_path / "channels").write_text("a file in its place")
    assert note(FileChannels(tmp_path / "channels"), "film-1", "a line") == set()


def test_films_that_are_planned_side_by_side_never_get_the_same_fillers(home: Path) -> None:
    settings, templates = load({"TENXSOM_HOME": str(home)}), Templates(home, ROOT)
    channels = FileChannels(settings.channels_folder)
    planner = ClaudeVideoService(settings, templates, channels=channels)
    films = [order(templates, content_id=f"film-{number}", target_duration=8) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        plans = list(pool.map(planner.plan, films))
    used = [filler for plan in plans for filler in plan.fillers]
    assert len(used) == len(set(used)) > 5
    (noted,) = (settings.channels_folder).glob("*.json")
    assert {film["content_id"] for film in json.loads(noted.read_bytes())["films"]} == {film.content_id for film in films}
