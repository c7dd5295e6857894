"""Captions in the picture: where they are, what can be read, and which word is marked, in the world's scripts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from tenxsom.media import fonts
from tenxsom.media.captions import draw
from tenxsom.media.captions.draw import caption_overlays, hook_overlay
from tenxsom.media.captions.look import ACCENT, WHITE, CaptionLook, Style, caption_look, contrast, readable_on
from tenxsom.media.captions.phrases import TimedWord
from tenxsom.media.film.overlay import Overlay
from tenxsom.media.lettering import Lettering, visual_runs
from tenxsom.model.safe_area import UPRIGHT, WIDE
from tests.made_fonts import PICTURE_COLOUR, make_colour_font
from tests.scripts_of_the_world import EMOJI, SENTENCES, any_text
from tests.spoken import spoken

UPRIGHT_SIZE, WIDE_SIZE = (360, 640), (640, 360)
LANGUAGES = {"English": "en", "German": "de", "Hebrew": "he", "Arabic": "ar", "Persian": "fa", "Hindi": "hi", "Japanese": "ja"}
TEXTS = {**SENTENCES, "emoji": f"Bread {' '.join(EMOJI)} rises"}


def look_of(style: Style = "word_box", size: tuple[int, int] = UPRIGHT_SIZE, accent: tuple[int, int, int] = ACCENT) -> CaptionLook:
    return caption_look(*size, UPRIGHT if size == UPRIGHT_SIZE else WIDE, style=style, accent=accent)


def captions(text: str, style: Style = "word_box", size: tuple[int, int] = UPRIGHT_SIZE, language: str = "en") -> list[Overlay]:
    return list(caption_overlays(spoken(text), language, look_of(style, size), *size))


def sheet_of(overlay: Overlay, size: tuple[int, int] = UPRIGHT_SIZE) -> NDArray[np.uint8]:
    """The overlay where it is in the film, with nothing around it."""
    sheet = Image.new("RGBA", size)
    sheet.paste(overlay.picture(), (overlay.left, overlay.top))
    return np.asarray(sheet)


def reach_of(overlay: Overlay) -> tuple[int, int, int, int, int]:
    """The first and the last column and row of the film that it draws on (left, top, right, bottom), and on how many pixels."""
    drawn = overlay.picture().getchannel("A")
    left, top, right, bottom = drawn.getbbox() or (0, 0, 0, 0)
    pixels = int(np.count_nonzero(np.asarray(drawn)))
    return overlay.left + left, overlay.top + top, overlay.left + right - 1, overlay.top + bottom - 1, pixels


def marked(sheet: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Where a sheet has a colour, opaque."""
    return np.all(sheet == (*colour, 255), axis=2)


def middle_of(mask: NDArray[np.bool_]) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


# where they are


@pytest.mark.parametrize(
    ("style", "size"),
    [("word_box", UPRIGHT_SIZE), ("word_box", (360, 360)), ("word_colour", WIDE_SIZE), ("line", UPRIGHT_SIZE), ("line", WIDE_SIZE)],
)
@pytest.mark.slow
def test_captions_stay_in_the_safe_area_in_every_script(style: Style, size: tuple[int, int]) -> None:
    look = look_of(style, size)
    box = look.box
    for name, text in TEXTS.items():
        for overlay in captions(text, style, size, LANGUAGES.get(name, ""))[::7]:
            left, top, right, bottom, pixels = reach_of(overlay)
            assert pixels > 40, name
            assert box.left - 1 <= left, name
            assert right <= box.right + 1, name
            assert look.top <= top, name
            assert bottom <= box.bottom + 1, name


def test_a_state_is_as_small_as_its_phrase_and_on_even_pixels() -> None:
    for overlay in captions(SENTENCES["English"]):
        picture = overlay.picture()
        assert overlay.left % 2 == overlay.top % 2 == picture.width % 2 == picture.height % 2 == 0
        left, top, right, bottom = picture.getchannel("A").getbbox() or (0, 0, 0, 0)
        assert right - left > picture.width * 0.8
        assert bottom - top > picture.height * 0.5


def test_captions_are_in_the_middle_of_an_upright_picture() -> None:
    for overlay in captions(SENTENCES["English"]):
        columns = np.nonzero(sheet_of(overlay)[:, :, 3].any(axis=0))[0]
        assert abs((columns.min() + columns.max()) / 2 - UPRIGHT_SIZE[0] / 2) < 6


# when they are


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_one_state_follows_the_other_without_overlaps(text: str) -> None:
    states = captions(text)
    assert states[0].start == 0
    assert all(state.end > state.start for state in states)
    assert all(one.end <= other.start for one, other in pairwise(states))


def test_each_word_has_its_state_and_a_line_has_one() -> None:
    words = spoken("The river freezes in January, and the skaters come back.")
    starts = [overlay.start for overlay in captions("The river freezes in January, and the skaters come back.")]
    assert starts == [word.start for word in words]
    assert 1 < len(captions("The river freezes in January, and the skaters come back.", "line")) < len(words) / 2


def test_without_a_style_or_without_words_there_are_none() -> None:
    assert captions(SENTENCES["English"], "none") == []
    assert captions("") == []


def test_a_state_is_drawn_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    original = draw._draw

    def counting(layout: draw.Layout, look: CaptionLook, current: int | None) -> Image.Image:
        drawn.append(1)
        return original(layout, look, current)

    monkeypatch.setattr(draw, "_draw", counting)
    states = captions(SENTENCES["English"])
    assert drawn == []
    states[0].picture()
    assert drawn == [1]


# what is marked


@pytest.mark.parametrize("name", [*SENTENCES, "emoji"])
def test_the_current_word_is_on_the_brands_colour_and_the_others_are_not(name: str) -> None:
    for overlay in captions(TEXTS[name], language=LANGUAGES.get(name, ""))[::5]:
        sheet = sheet_of(overlay)
        box = marked(sheet, ACCENT)
        rows, columns = np.nonzero(box)
        assert box.sum() > 60
        inside = sheet[rows.min() + 2 : rows.max() - 1, columns.min() + 2 : columns.max() - 1]
        is_near_white = np.all(inside[:, :, :3] > 250, axis=2)
        assert is_near_white.mean() < 0.12, "another word lies in the box"


@pytest.mark.parametrize(
    ("language", "text", "direction"),
    [("en", "mill stream", 1), ("he", "נחל טחנה", -1), ("ar", "نهر طاحونة", -1), ("fa", "رود آسیاب", -1), ("ja", "水車 小屋", 1)],
)
def test_the_mark_moves_in_the_direction_of_reading(language: str, text: str, direction: int) -> None:
    words = [TimedWord(word, number, number + 0.9) for number, word in enumerate(text.split())]
    one, other = caption_overlays(words, language, look_of(size=WIDE_SIZE), *WIDE_SIZE)
    first, second = (middle_of(marked(sheet_of(state, WIDE_SIZE), ACCENT))[0] for state in (one, other))
    assert (second - first) * direction > 10


def test_latin_words_within_hebrew_keep_their_order_and_the_line_begins_at_the_right() -> None:
    text = "השיר New York Blues יפה"
    words = [TimedWord(word, number, number + 0.9) for number, word in enumerate(text.split())]
    states = list(caption_overlays(words, "he", look_of(size=WIDE_SIZE), *WIDE_SIZE))
    places = [middle_of(marked(sheet_of(state, WIDE_SIZE), ACCENT))[0] for state in states]
    assert places[0] > places[3] > places[2] > places[1] > places[4]


def test_a_line_of_a_right_to_left_language_that_begins_with_latin_letters_begins_at_the_right() -> None:
    words = [TimedWord("GPT", 0, 1), TimedWord("כותב", 1, 2), TimedWord("שיר", 2, 3)]
    places = [
        middle_of(marked(sheet_of(state, WIDE_SIZE), ACCENT))[0]
        for state in caption_overlays(words, "he", look_of(size=WIDE_SIZE), *WIDE_SIZE)
    ]
    assert places == sorted(places, reverse=True)


def test_the_colour_of_a_word_changes_and_the_others_keep_theirs() -> None:
    first, second = captions("mill stream", "word_colour", WIDE_SIZE)[:2]
    for state in (first, second):
        sheet = sheet_of(state, WIDE_SIZE)
        assert marked(sheet, ACCENT).sum() > 50
        assert marked(sheet, WHITE).sum() > 50
    assert middle_of(marked(sheet_of(first, WIDE_SIZE), ACCENT)) < middle_of(marked(sheet_of(second, WIDE_SIZE), ACCENT))


@pytest.mark.parametrize("name", ["English", "Thai", "Japanese", "Arabic", "Hindi"])
def test_no_outline_covers_a_neighbours_letters(name: str) -> None:
    """The letters have as many pixels beside their neighbours as they have without any outline."""
    look = look_of("line", WIDE_SIZE)
    overlay = next(iter(caption_overlays(spoken(SENTENCES[name]), LANGUAGES.get(name, ""), look, *WIDE_SIZE)))
    layout = overlay.picture.args[0]  # type: ignore[attr-defined]
    bare = draw.Layout(layout.frame, layout.spots, layout.words, layout.lines, layout.type_, 0)
    lit = [int((np.asarray(draw._draw(each, look, None))[:, :, :3].min(axis=2) > 200).sum()) for each in (layout, bare)]
    assert lit[0] == lit[1] > 100


@pytest.fixture
def coloured_emoji(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system with a font of coloured emoji."""
    font = make_colour_font(tmp_path / "emoji.ttf", "🔥🍞")
    monkeypatch.setattr(fonts, "_colour_emoji", lambda: font)
    visual_runs.cache_clear()
    yield
    visual_runs.cache_clear()


@pytest.mark.usefixtures("coloured_emoji")
@pytest.mark.parametrize("style", ["word_box", "word_colour", "line"])
def test_emoji_keep_their_colours_where_the_system_has_them(style: Style) -> None:
    look = look_of(style)
    states = list(caption_overlays([TimedWord("hot 🔥", 0, 1), TimedWord("day", 1, 2)], "en", look, *UPRIGHT_SIZE))
    for state in states:
        sheet = sheet_of(state)
        rows, columns = np.nonzero(marked(sheet, PICTURE_COLOUR))
        assert abs(columns.max() - columns.min() - look.size) <= 5  # its edge is mixed with what is around it
        assert abs(rows.max() - rows.min() - look.size) <= 5  # its edge is mixed with what is around it
        assert look.box.left <= columns.min() < columns.max() <= look.box.right


@pytest.mark.usefixtures("coloured_emoji")
def test_a_blank_between_emoji_is_as_wide_as_any_other() -> None:
    colour, plain = Lettering(50, colour=True), Lettering(50)
    assert colour.width("🔥 🍞") - colour.width("🔥🍞") == pytest.approx(plain.width(" "), abs=1)


# whether they can be read


BACKGROUNDS = {
    "white": lambda size: Image.new("RGB", size, (255, 255, 255)),
    "black": lambda size: Image.new("RGB", size, (0, 0, 0)),
    "accent": lambda size: Image.new("RGB", size, ACCENT),
    "photo": lambda size: Image.effect_noise((size[0] // 8, size[1] // 8), 120).resize(size).convert("RGB"),
}


@pytest.mark.parametrize("style", ["word_box", "word_colour", "line"])
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_letters_can_be_read_on_any_picture(style: Style, background: str) -> None:
    """Around the letters is always something that they contrast with, whatever the film shows there."""
    overlay = captions("Sand and salt", style)[0]
    film, picture = BACKGROUNDS[background](UPRIGHT_SIZE), overlay.picture()
    letters = Image.fromarray((marked(np.asarray(picture), WHITE) * 255).astype(np.uint8))
    near, far = letters.filter(ImageFilter.MaxFilter(3)), letters.filter(ImageFilter.MaxFilter(5))
    ring = (np.asarray(far) > 0) & (np.asarray(near) == 0)
    film.paste(picture, (overlay.left, overlay.top), picture)
    shown = np.asarray(film.crop((overlay.left, overlay.top, overlay.left + picture.width, overlay.top + picture.height)))
    ratios = [contrast(WHITE, (int(red), int(green), int(blue))) for red, green, blue in shown[ring]]
    assert np.median(ratios) > 7
    assert np.mean(np.array(ratios) > 3) > 0.8


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_every_brand_colour_has_one_that_can_be_read_on_it(colour: tuple[int, int, int]) -> None:
    assert contrast(colour, readable_on(colour)) > 4.5


@pytest.mark.parametrize("accent", [(12, 30, 110), (250, 250, 210), (128, 128, 128)])
def test_the_marked_word_can_be_read_on_any_brand_colour(accent: tuple[int, int, int]) -> None:
    look = look_of(accent=accent)
    state = next(iter(caption_overlays(spoken("Sand and salt"), "en", look, *UPRIGHT_SIZE)))
    sheet = sheet_of(state)
    rows, columns = np.nonzero(marked(sheet, accent))
    inside = sheet[rows.min() : rows.max(), columns.min() : columns.max()]
    assert marked(inside, readable_on(accent)).sum() > 30


# sizes


def test_a_word_that_is_long_makes_the_type_smaller_and_fits() -> None:
    plain, long = captions("A short word")[0], captions("A Feuerwehrleiterwagen word")
    widths = [overlay.picture().width for overlay in long]
    assert max(widths) <= UPRIGHT_SIZE[0] * 0.65
    assert long[0].picture().height < plain.picture().height * 1.9


@pytest.mark.parametrize("text", ["https://example.org/a/very/long/path?with=query&more=of-it#end", "W" * 90, "潮" * 60])
def test_what_never_fits_a_line_is_shown_all_the_same(text: str) -> None:
    box = look_of().box
    states = list(caption_overlays([TimedWord(text, 0, 6)], "en", look_of(), *UPRIGHT_SIZE))
    assert len(states) > 1
    for state in states:
        columns = np.nonzero(sheet_of(state)[:, :, 3].any(axis=0))[0]
        assert box.left - 1 <= columns.min()
        assert columns.max() <= box.right + 1


@pytest.mark.parametrize("size", [(16, 28), (64, 64), (2160, 3840)])
def test_films_of_any_size_have_captions(size: tuple[int, int]) -> None:
    look = caption_look(*size, UPRIGHT)
    state = next(iter(caption_overlays(spoken("Sand and salt"), "en", look, *size)))
    assert state.picture().width <= size[0]


# the hook


@pytest.mark.parametrize("name", [*SENTENCES, "emoji"])
def test_the_hook_is_in_the_first_frame_below_a_logo_and_above_the_captions(name: str) -> None:
    look = look_of()
    overlay = hook_overlay(TEXTS[name], LANGUAGES.get(name, ""), look, *UPRIGHT_SIZE)
    assert overlay is not None
    assert overlay.strength(0.0) == 1.0
    assert overlay.strength(overlay.end) == 0.0
    left, top, right, bottom, _ = reach_of(overlay)
    high = look.box.bottom - look.box.top
    assert look.box.top + 0.15 * high <= top < bottom <= look.box.bottom - 0.38 * high
    assert look.box.left - 1 <= left < right <= look.box.right + 1


def test_a_short_hook_is_larger_than_the_captions() -> None:
    hook = hook_overlay("Why?", "en", look_of(), *UPRIGHT_SIZE)
    assert hook is not None
    assert hook.picture().height > captions("Why?")[0].picture().height * 1.3


@pytest.mark.parametrize("size", [UPRIGHT_SIZE, WIDE_SIZE])
def test_the_longest_title_has_room(size: tuple[int, int]) -> None:
    assert hook_overlay("a wonderful " * 16 + "end", "en", look_of(size=size), *size) is not None


def test_a_title_without_visible_letters_is_no_hook() -> None:
    assert hook_overlay(" \u200b ", "en", look_of(), *UPRIGHT_SIZE) is None


# any text


@given(
    st.lists(any_text(30), min_size=1, max_size=6), st.sampled_from(["en", "he", "ja", ""]), st.sampled_from(["word_box", "line"])
)
@pytest.mark.slow
def test_any_words_are_drawn_within_the_picture(texts: list[str], language: str, style: Style) -> None:
    size = (90, 160)
    look = caption_look(*size, UPRIGHT, style=style)
    words = [TimedWord(text, number, number + 0.8) for number, text in enumerate(texts)]
    for overlay in caption_overlays(words, language, look, *size):
        picture = overlay.picture()
        assert 0 <= overlay.left < overlay.left + picture.width <= size[0]
        assert 0 <= overlay.top < overlay.top + picture.height <= size[1]
    hook = hook_overlay(" ".join(texts), language, look, *size)
    assert hook is None or hook.picture().width <= size[0]
