"""The generated bed: heard everywhere, never silent, with a beat, on the cuts, different for every film."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from tenxsom import clock
from tenxsom.errors import TryAgainLater
from tenxsom.media.sound.beats import onsets, rhythm_of
from tenxsom.media.sound.bed import Score, write_bed
from tenxsom.media.sound.mix import measure
from tenxsom.media.sound.moods import MOODS, USUAL, mood_of
from tenxsom.media.sound.reading import read_sound
from tenxsom.planning.archetypes import parse_archetype
from tenxsom.settings import ROOT
from tests import sounds

pytestmark = pytest.mark.slow  # how generated music sounds: nothing is paid or lost by it

SECONDS = 12.0


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Score]]:
    """One bed of every mood, and what it plays."""
    folder = tmp_path_factory.mktemp("beds")
    beds = {mood: folder / f"{mood}.wav" for mood in MOODS}
    return {mood: (bed, write_bed(mood, SECONDS, 7, bed)) for mood, bed in beds.items()}


@pytest.fixture(scope="module")
def beds(scores: dict[str, tuple[Path, Score]]) -> dict[str, Path]:
    return {mood: bed for mood, (bed, _) in scores.items()}


@pytest.mark.parametrize("mood", MOODS)
def test_a_phone_without_bass_plays_half_of_the_bed_and_more(beds: dict[str, Path], mood: str) -> None:
    made = sounds.read(beds[mood]).mean(axis=0)
    power, pitch = np.abs(np.fft.rfft(made)) ** 2, np.fft.rfftfreq(len(made), 1 / sounds.RATE)
    share = power[pitch > 400].sum() / power.sum()
    assert share > 0.2
    high = np.fft.irfft(np.fft.rfft(made) * (pitch > 400), len(made)).astype(np.float32)
    assert quietest(high, SECONDS - 2) > -45


@pytest.mark.parametrize("mood", MOODS)
def test_a_bed_is_never_silent_before_its_last_chord_rings_out(beds: dict[str, Path], mood: str) -> None:
    assert quietest(sounds.read(beds[mood]).mean(axis=0), SECONDS - 1) > -40


@pytest.mark.parametrize("mood", MOODS)
def test_a_bed_has_a_beat_that_is_found_again(scores: dict[str, tuple[Path, Score]], mood: str) -> None:
    bed, score = scores[mood]
    found = rhythm_of(onsets(read_sound(bed)))
    assert found is not None
    assert min(abs(found.tempo * octave / score.tempo - 1) for octave in (0.5, 1, 2)) < 0.02


@pytest.mark.parametrize("mood", MOODS)
def test_a_bed_has_its_level_and_no_clipped_sample(beds: dict[str, Path], mood: str) -> None:
    facts = measure(beds[mood])
    assert facts.loudness_lufs == pytest.approx(-20, abs=0.3)
    assert facts.true_peak_dbtp <= -1.9


@pytest.mark.parametrize("seconds", [1.0, 2.5, 5.04, 11.111])
def test_a_bed_is_exactly_as_long_as_the_film_and_ends_in_silence(tmp_path: Path, seconds: float) -> None:
    write_bed("curious", seconds, 1, tmp_path / "bed.wav")
    made = sounds.read(tmp_path / "bed.wav")
    assert made.shape == (2, round(seconds * sounds.RATE))
    assert np.abs(made[:, -20:]).max() < 0.001
    assert sounds.loudest(made, 0, 0.3) > -40


@pytest.mark.parametrize("cuts", [(3.7, 7.9), (5.0,), (2.61, 5.3, 8.18), ()])
def test_at_every_cut_a_new_section_begins_and_every_section_has_whole_beats(tmp_path: Path, cuts: tuple[float, ...]) -> None:
    score = write_bed("bright", SECONDS, 2, tmp_path / "bed.wav", cuts)
    starts = [section.start for section in score.sections]
    for cut in cuts:
        assert min(abs(start - cut) for start in starts) < 1e-6
    for before, after in itertools.pairwise(score.sections):
        assert before.end == pytest.approx(after.start)
    assert all(0.8 < section.beat * score.tempo / 60 < 1.25 for section in score.sections)
    assert SECONDS - 3 < score.sections[-1].end < SECONDS - 1


def test_a_cut_is_heard_and_nothing_falls_silent_there(tmp_path: Path) -> None:
    cuts = (4.3, 7.9)
    write_bed("hopeful", SECONDS, 5, tmp_path / "bed.wav", cuts)
    strength = onsets(read_sound(tmp_path / "bed.wav")).strength.sum(axis=1)
    made = sounds.read(tmp_path / "bed.wav").mean(axis=0)
    for cut in cuts:
        at = round((cut * sounds.RATE - 1024) / 512)
        assert strength[at - 3 : at + 4].max() > np.percentile(strength, 97)
        assert quietest(made[round((cut - 0.5) * sounds.RATE) : round((cut + 0.5) * sounds.RATE)], 1) > -40


def test_cuts_that_follow_each_other_fast_do_not_make_the_music_stumble(tmp_path: Path) -> None:
    score = write_bed("driving", SECONDS, 2, tmp_path / "bed.wav", [3.0, 3.4, 3.8, 4.2, 4.6, 7.0, 11.9, 12.0, 40.0])
    assert all(section.beats >= 3 for section in score.sections)


def test_the_same_film_has_the_same_bed_and_another_film_another_one(tmp_path: Path) -> None:
    for name, seed in (("one", 11), ("again", 11), ("other", 12)):
        write_bed("pulse", 5, seed, tmp_path / f"{name}.wav")
    one, again, other = ((tmp_path / f"{name}.wav").read_bytes() for name in ("one", "again", "other"))
    assert one == again
    assert one != other


def test_beds_of_one_channel_differ_in_key_tempo_or_harmony(tmp_path: Path) -> None:
    """What is compared is the energy on the twelve tones of an octave over time, and the tempo."""
    heard = []
    for seed in range(5):
        score = write_bed("curious", 6, seed, tmp_path / "bed.wav")
        heard.append((round(score.tempo), tuple(chroma(sounds.read(tmp_path / "bed.wav").mean(axis=0)))))
    assert len(set(heard)) == 5


def test_every_archetypes_words_about_its_music_mean_its_mood() -> None:
    for path in (ROOT / "templates" / "archetypes").glob("*.json"):
        archetype = parse_archetype(path.read_bytes(), path.name)
        assert mood_of(archetype.music) == archetype.mood, path.name


@pytest.mark.parametrize(
    ("words", "mood"),
    [("Dark", "dark"), ("a slow, relaxing piano", "calm"), ("energetic techno", "driving"), ("", USUAL), ("zydeco", USUAL)],
)
def test_words_about_music_mean_the_nearest_mood_and_unknown_ones_the_usual(words: str, mood: str) -> None:
    assert mood_of(words) == mood


def test_a_bed_is_made_of_any_words(tmp_path: Path) -> None:
    """A film whose clips are paid for must not fail because of a word."""
    write_bed("zydeco, with a washboard", 2, 1, tmp_path / "bed.wav")
    assert sounds.read(tmp_path / "bed.wav").any()


def test_a_deadline_ends_the_making_of_a_bed(tmp_path: Path) -> None:
    with pytest.raises(TryAgainLater):
        write_bed("calm", 60, 1, tmp_path / "bed.wav", deadline=clock.Deadline(0))


def test_a_long_bed_has_sections_to_its_end(tmp_path: Path) -> None:
    score = write_bed("calm", 150, 1, tmp_path / "bed.wav", [37.5, 112.25])
    made = sounds.read(tmp_path / "bed.wav").mean(axis=0)
    assert quietest(made, 149) > -40
    assert len(score.sections) > 8


def quietest(made: np.ndarray, until: float) -> float:
    """The level of the quietest 200 ms up to a moment, in dBFS."""
    part = made[: round(until * sounds.RATE)]
    windows = part[: len(part) // 9600 * 9600].reshape(-1, 9600)
    return float(10 * np.log10(max(np.square(windows, dtype=np.float64).mean(axis=1).min(), 1e-12)))


def chroma(made: np.ndarray) -> list[int]:
    """The two loudest of the twelve tones in every two seconds."""
    loudest = []
    for part in np.array_split(made, 4):
        power, pitch = np.abs(np.fft.rfft(part)) ** 2, np.fft.rfftfreq(len(part), 1 / sounds.RATE)
        inside = (pitch > 100) & (pitch < 2000)
        notes = np.rint(12 * np.log2(pitch[inside] / 440)).astype(int) % 12
        loudest += sorted(int(note) for note in np.argsort(np.bincount(notes, power[inside], 12))[-2:])
    return loudest
