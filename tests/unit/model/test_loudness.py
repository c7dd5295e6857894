"""How loud a film for a platform is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenxsom.errors import BadSettings
from tenxsom.model.loudness import LoudnessTarget, loudness_target
from tenxsom.settings import ROOT, load
from tenxsom.store.templates import Templates


def test_every_platform_says_how_loud_its_films_are() -> None:
    platforms = Templates(ROOT, ROOT).platforms
    assert {name for name, entry in platforms.items() if "loudness" not in entry} == set()
    assert loudness_target(platforms["youtube"]) == LoudnessTarget(lufs=-14, true_peak_dbtp=-1.5)


def test_a_platform_without_a_figure_gets_the_usual_one() -> None:
    assert loudness_target({"aspect_ratio": "16:9"}) == LoudnessTarget(lufs=-14, true_peak_dbtp=-1.5)


def test_the_users_settings_win_one_by_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOUDNESS_LUFS", "-23")
    settings = load()
    target = loudness_target({"loudness": {"lufs": -16, "true_peak_dbtp": -2}}, settings.loudness_lufs, settings.true_peak_dbtp)
    assert target == LoudnessTarget(lufs=-23, true_peak_dbtp=-2)


@pytest.mark.parametrize(("name", "value"), [("LOUDNESS_LUFS", "loud"), ("LOUDNESS_LUFS", "14"), ("TRUE_PEAK_DBTP", "1")])
def test_an_impossible_level_is_refused_with_its_name(home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings, match=f"^{name}"):
        load()


@pytest.mark.parametrize("written", [{"lufs": 14}, {"lufs": "-14"}, {"peak": -1}, [-14, -1.5], {"lufs": True}])
def test_a_platform_with_an_impossible_loudness_is_refused_before_anything_begins(home: Path, written: object) -> None:
    (home / "templates").mkdir()
    (home / "templates" / "platforms.json").write_text(json.dumps({"radio": {"aspect_ratio": "1:1", "loudness": written}}))
    with pytest.raises(BadSettings, match=r"radio\.loudness"):
        _ = Templates(home, ROOT).platforms
