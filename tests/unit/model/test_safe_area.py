"""Safe areas: what platforms leave free, and which area a film has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenxsom.errors import BadSettings
from tenxsom.model.safe_area import UPRIGHT, WIDE, SafeArea, safe_area_of
from tenxsom.settings import ROOT
from tenxsom.store.templates import Templates


def test_every_platform_has_a_safe_area_of_its_own() -> None:
    for name, entry in Templates(ROOT, ROOT).platforms.items():
        area = safe_area_of(entry, entry["aspect_ratio"])
        assert area == SafeArea.model_validate(entry["safe_area"]), name
        assert area.top + area.bottom < 0.6
        assert area.left + area.right < 0.4


def test_upright_platforms_cover_more_than_wide_ones() -> None:
    platforms = Templates(ROOT, ROOT).platforms
    assert safe_area_of(platforms["youtube_shorts"], "9:16").bottom > 3 * safe_area_of(platforms["youtube"], "16:9").bottom


def test_a_film_of_another_shape_than_its_platforms_has_what_all_leave_free() -> None:
    youtube = Templates(ROOT, ROOT).platforms["youtube"]
    assert safe_area_of(youtube, "9:16") == UPRIGHT
    assert safe_area_of(youtube, "1:1") == WIDE


def test_a_platform_of_the_users_own_needs_no_safe_area() -> None:
    assert safe_area_of({"aspect_ratio": "9:16", "title": "Ours"}, "9:16") == UPRIGHT


@pytest.mark.parametrize(
    ("area", "place"),
    [({"top": 0.6, "right": 0, "bottom": 0, "left": 0}, "top"), ({"top": 0.1}, "bottom"), ([], "all of it"), ({"up": 1}, "up")],
)
def test_an_impossible_safe_area_is_refused_by_name(tmp_path: Path, area: object, place: str) -> None:
    (tmp_path / "templates").mkdir()
    platforms = {"ours": {"aspect_ratio": "9:16", "title": "Ours", "safe_area": area}}
    (tmp_path / "templates" / "platforms.json").write_text(json.dumps(platforms))
    with pytest.raises(BadSettings, match=rf"ours\.safe_area \(.*{place}"):
        _ = Templates(tmp_path, ROOT).platforms
