"""The subtitle track in a film: what players find there, and that pictures and sound stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tenxsom import clock
from tenxsom.errors import BrokenMedia, TryAgainLater
from tenxsom.media.captions.track import add_subtitle_track
from tenxsom.media.encode import RATE, Mp4Writer, new_mp4
from tenxsom.media.subtitles import Cue
from tenxsom.media.video_check import check_video

CUES = [Cue(0.5, 1.0, "Salt and sand"), Cue(1.1, 2.9, "make glass,\nwith fire.")]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    with new_mp4(path) as container:
        writer = Mp4Writer(container, 160, 284, Fraction(24), has_sound=True)
        for number in range(72):
            writer.frame(av.VideoFrame.from_ndarray(np.full((284, 160, 3), number * 3, np.uint8)))
        writer.sound(np.zeros((2, 3 * RATE), np.float32))
        writer.finish()
    return path


def packets(path: Path, kind: str) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [(float((packet.pts or 0) * packet.time_base), bytes(packet)) for packet in container.demux(stream) if packet.size]


def read(path: Path) -> tuple[str | None, list[tuple[float, float, str]]]:
    """The track's language, and each cue with its start and end."""
    with av.open(str(path)) as container:
        (stream,) = container.streams.subtitles
        found = []
        for packet in container.demux(stream):
            for line in stream.decode(packet) if packet.size > 2 else ():
                start, length = (float((ticks or 0) * packet.time_base) for ticks in (packet.pts, packet.duration))
                found.append((round(start, 3), round(start + length, 3), line.ass.decode().split(",", 8)[8].replace("\\N", "\n")))  # type: ignore[union-attr]
        return stream.language, found


def add(film: Path, cues: Sequence[Cue], language: str = "en") -> Path:
    target = film.with_name("with-track.mp4")
    add_subtitle_track(film, cues, language, target)
    return target


def test_a_player_finds_the_cues_with_their_times(film: Path) -> None:
    language, found = read(add(film, CUES))
    assert language == "eng"
    assert found == [(cue.start, cue.end, cue.text) for cue in CUES]


def test_pictures_and_sound_stay_as_they_are(film: Path) -> None:
    target = add(film, CUES)
    for kind in ("video", "audio"):
        assert packets(target, kind) == packets(film, kind)
    facts, before = check_video(target).as_dict(), check_video(film).as_dict()
    assert {**facts, "size_bytes": 0} == {**before, "size_bytes": 0}


@pytest.mark.parametrize(("tag", "code"), [("de-AT", "deu"), ("pt-BR", "por"), ("zh-Hant", "zho"), ("fil", "fil"), ("qq", "und")])
def test_the_track_names_its_language(film: Path, tag: str, code: str) -> None:
    assert read(add(film, CUES, tag))[0] == code


def test_a_text_cannot_give_orders_to_players(film: Path) -> None:
    _, found = read(add(film, [Cue(0, 2, "{\\an8}<b>up\\Ndown</b>")]))
    assert [text for _, _, text in found] == ["(⧵an8)<b>up⧵Ndown</b>"]


def test_cues_in_every_script_come_back(film: Path) -> None:
    cues = [Cue(0.1, 1, "مرحبا"), Cue(1, 2, "潮汐 🔥"), Cue(2, 3, "नदी")]
    assert [text for _, _, text in read(add(film, cues))[1]] == [cue.text for cue in cues]


def test_the_index_is_at_the_front(film: Path) -> None:
    data = add(film, CUES).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_what_is_no_film_gets_no_track(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    with pytest.raises(BrokenMedia, match="subtitle track"):
        add(tmp_path / "film.mp4", CUES)


def test_a_tick_that_is_over_stops_it(film: Path) -> None:
    with pytest.raises(TryAgainLater):
        add_subtitle_track(film, CUES, "en", film.with_name("late.mp4"), clock.Deadline(0))
