"""SubRip files."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tenxsom.media.subtitles import Cue, to_srt

TIMES = re.compile(r"(\d\d):(\d\d):(\d\d),(\d{3}) --> (\d\d):(\d\d):(\d\d),(\d{3})")


def blocks(text: str) -> list[tuple[int, int, list[str]]]:
    """Start and end in milliseconds, and the lines, of every cue."""
    found = []
    for number, block in enumerate(text.strip().split("\n\n") if text else [], 1):
        head, times, *lines = block.split("\n")
        assert head == str(number)
        a, b, c, d, e, f, g, h = (int(part) for part in TIMES.fullmatch(times).groups())  # type: ignore[union-attr]
        found.append((((a * 60 + b) * 60 + c) * 1000 + d, ((e * 60 + f) * 60 + g) * 1000 + h, lines))
    return found


def test_a_cue_is_written_as_players_expect_it() -> None:
    assert to_srt([Cue(0.5, 3723.0625, "Hello there.")]) == "1\n00:00:00,500 --> 01:02:03,062\nHello there.\n\n"


def test_cues_are_numbered_from_one() -> None:
    found = re.findall(r"^(\d+)$", to_srt([Cue(0, 1, "a"), Cue(1, 2, "b"), Cue(2, 3, "c")]), re.MULTILINE)
    assert found == ["1", "2", "3"]


def test_nothing_gives_an_empty_file() -> None:
    assert to_srt([]) == ""


def test_a_cue_without_words_or_without_time_is_left_out() -> None:
    assert to_srt([Cue(0, 1, "  \n "), Cue(2, 2, "now"), Cue(3, 2, "back")]) == ""


def test_two_lines_are_about_equally_long() -> None:
    ((_, _, lines),) = blocks(to_srt([Cue(0, 3, "A sentence that does not fit on one single line.")]))
    assert len(lines) == 2
    assert abs(len(lines[0]) - len(lines[1])) < 12


def test_a_long_text_becomes_several_cues_that_share_its_time_by_length() -> None:
    text = "one two three four five six seven eight nine ten " * 6
    found = blocks(to_srt([Cue(10, 22, text)]))
    assert len(found) >= 3
    assert (found[0][0], found[-1][1]) == (10_000, 22_000)
    assert all(after[0] == before[1] for before, after in pairwise(found))
    shares = [(end - start) / sum(len(line) for line in lines) for start, end, lines in found]
    assert max(shares) < 1.15 * min(shares)


def test_the_sign_between_times_cannot_come_from_a_text() -> None:
    assert to_srt([Cue(0, 1, "a --> b")]).count("-->") == 1


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=400))
def test_no_line_is_longer_than_42_characters_and_no_word_is_lost(text: str) -> None:
    found = blocks(to_srt([Cue(0, 60, text)]))
    lines = [line for _, _, part in found for line in part]
    assert all(0 < len(line) <= 42 for line in lines)
    assert all(1 <= len(part) <= 2 for _, _, part in found)
    assert "".join("".join(lines).split()) == "".join(text.replace("-->", "→").split()).replace("-->", "→")


def test_subtitles_need_none_of_the_heavy_libraries() -> None:
    code = "import sys, tenxsom.media.subtitles; sys.exit(bool({'numpy', 'PIL', 'av'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
