"""Brand kits: what a file may say, and everything that is wrong with one at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tenxsom.errors import BadDefinition, BadSettings
from tenxsom.model.brand import Brand, check_brand, rgb
from tenxsom.settings import ROOT
from tenxsom.store.templates import Templates


def problems_of(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(BadDefinition) as caught:
        check_brand(document, "channel.json")
    return {problem.path: problem.message for problem in caught.value.problems}


def test_an_empty_brand_is_one() -> None:
    assert check_brand({}, "channel.json") == Brand()


def test_all_problems_of_a_brand_are_told_together() -> None:
    found = problems_of(
        {
            "name": "",
            "logo": {"file": "logo.png", "place": "middle", "widht": 0.2, "opacity": 2},
            "colours": {"ink": "white", "accent": "#12", "dark": 7},
            "caption_style": "loud",
            "outro": {"text": "Bye", "seconds": 60},
            "thumbnail": {"size": 0},
            "slogan": "x",
        }
    )
    assert set(found) == {
        "brand.name",
        "brand.logo.place",
        "brand.logo.widht",
        "brand.logo.opacity",
        "brand.colours.ink",
        "brand.colours.accent",
        "brand.colours.dark",
        "brand.caption_style",
        "brand.outro.seconds",
        "brand.thumbnail.size",
        "brand.slogan",
    }
    assert found["brand.colours.ink"] == "'white' is no colour; write it as #RRGGBB, such as #FFCB40"
    assert "Did you mean 'width'?" in found["brand.logo.widht"]
    assert "top_left" in found["brand.logo.place"]


@pytest.mark.parametrize("colour", ["#FFCB4", "FFCB40", "#GGGGGG", "", "#FFCB4000", "rgb(1,2,3)", "#ＦＦＣＢ４０"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    assert "is no colour" in problems_of({"colours": {"accent": colour}})["brand.colours.accent"]


@pytest.mark.parametrize(("colour", "values"), [("#FFCB40", (255, 203, 64)), ("#fc4", (255, 204, 68)), ("#000000", (0, 0, 0))])
def test_a_colour_is_red_green_and_blue(colour: str, values: tuple[int, int, int]) -> None:
    assert check_brand({"colours": {"ink": colour}}, "channel.json").colours.ink == colour
    assert rgb(colour) == values


@pytest.mark.parametrize("ending", [{}, {"file": "end.mp4", "text": "Bye"}, {"seconds": 2}])
def test_an_ending_is_a_file_or_a_text(ending: dict[str, Any]) -> None:
    assert "either a file or a text" in problems_of({"outro": ending})["brand.outro"]


def test_a_logo_without_a_picture_needs_a_name() -> None:
    assert "a logo needs a file, or the brand a name" in problems_of({"logo": {}})["brand"]
    assert check_brand({"logo": {}, "name": "My Channel"}, "channel.json").logo is not None


@pytest.mark.parametrize("text", ["two\nlines", "bell\x07", "   ", "\u200b"])
def test_texts_of_a_brand_are_visible_lines(text: str) -> None:
    assert "one line of visible text" in problems_of({"end_text": text})["brand.end_text"]


def test_a_voice_may_be_a_name_or_an_object() -> None:
    assert check_brand({"voice": "heart"}, "channel.json").voice == "heart"
    assert "brand.voice.speed" in problems_of({"voice": {"name": "heart", "speed": 3}})


def test_files_of_a_brand_are_beside_its_own_file(tmp_path: Path) -> None:
    document = {"logo": {"file": "a/logo.png"}, "music": "bed.mp3", "fonts": {"titles": "bold.ttf"}, "intro": {"file": "in.mp4"}}
    brand = check_brand(document, "channel.json").in_folder(tmp_path)
    assert brand.logo is not None
    assert brand.intro is not None
    assert Path(str(brand.logo.file)) == tmp_path / "a" / "logo.png"
    assert brand.music_file == tmp_path / "bed.mp3"
    assert Path(str(brand.fonts.titles)) == tmp_path / "bold.ttf"
    assert Path(str(brand.intro.file)) == tmp_path / "in.mp4"


@pytest.mark.parametrize("music", ["auto", "none", "lyria", None])
def test_music_by_name_is_no_file(tmp_path: Path, music: str | None) -> None:
    assert Brand(music=music).in_folder(tmp_path).music == music
    assert Brand(music=music).music_file is None


# in templates/brands


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    (tmp_path / "templates" / "brands").mkdir(parents=True)
    return Templates(tmp_path, ROOT)


def test_the_brands_of_the_program_can_be_used(tmp_path: Path) -> None:
    shipped = Templates(tmp_path, ROOT)
    assert "kitchen_table" in shipped.brand_names
    for name in shipped.brand_names:
        brand = shipped.brand(name)
        assert brand.logo is None or Path(str(brand.logo.file)).is_file()


def test_a_brand_of_the_user_wins(tmp_path: Path, templates: Templates) -> None:
    (tmp_path / "templates" / "brands" / "kitchen_table.json").write_text('{"name": "Mine", "logo": {"file": "mine.png"}}')
    brand = templates.brand("kitchen_table")
    assert brand.name == "Mine"
    assert brand.logo is not None
    assert Path(str(brand.logo.file)) == tmp_path / "templates" / "brands" / "mine.png"


@pytest.mark.parametrize("name", ["kitchn_table", "../prices", "", "Kitchen_Table", "a" * 300])
def test_an_unknown_brand_is_refused_with_the_known_ones(templates: Templates, name: str) -> None:
    with pytest.raises(BadDefinition, match=r"is unknown.*Known: kitchen_table"):
        templates.brand(name)


def test_a_brand_that_is_no_json_is_named(tmp_path: Path, templates: Templates) -> None:
    (tmp_path / "templates" / "brands" / "mine.json").write_text("{")
    with pytest.raises(BadSettings, match=r"mine\.json cannot be used"):
        templates.brand("mine")


def test_the_problems_of_a_brand_name_its_file(tmp_path: Path, templates: Templates) -> None:
    (tmp_path / "templates" / "brands" / "mine.json").write_text(json.dumps({"colours": {"ink": "red"}}))
    with pytest.raises(BadDefinition, match=r"mine\.json: 1 problem"):
        templates.brand("mine")
