"""The user's own music: its tempo and bars are found, and it is cut or looped so that nothing stumbles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tenxsom import clock
from tenxsom.errors import BrokenMedia, TryAgainLater
from tenxsom.media.sound.beats import onsets, rhythm_of
from tenxsom.media.sound.music import fit_music
from tenxsom.media.sound.reading import read_sound
from tests import sounds
from tests.sounds import RATE, Samples


def tune(bars: float, tempo: float = 120.0, lead_in: float = 0.0) -> Samples:
    """Four chords over a drum on every beat and a higher one between; the first beat of a bar is the loudest."""
    rng = np.random.default_rng(4)
    beat = 60 / tempo
    made = np.zeros(round(bars * 4 * beat * RATE), np.float32)
    moment = np.arange(RATE // 2) / RATE
    low = np.sin(2 * np.pi * 70 * moment) * np.exp(-moment / 0.08)
    high = rng.standard_normal(len(moment)) * np.exp(-moment / 0.01) * 0.3
    for number in range(int(bars * 4)):
        add(made, number * beat, low * (0.5 if number % 4 else 0.9))
        add(made, (number + 0.5) * beat, high)
    long = np.arange(round(4 * beat * RATE)) / RATE
    for bar in range(int(np.ceil(bars))):
        for hertz in ((220, 277, 330), (147, 185, 220), (165, 208, 247), (220, 262, 330))[bar % 4]:
            add(made, bar * 4 * beat, 0.06 * np.sin(2 * np.pi * hertz * long) * np.exp(-long / 1.5))
    return sounds.joined(sounds.silence(lead_in), np.stack([made, made]))


def add(made: np.ndarray, start: float, sound: np.ndarray) -> None:
    at = round(start * RATE)
    part = sound[: max(0, len(made) - at)]
    made[at : at + len(part)] += part.astype(np.float32)


@pytest.mark.parametrize("tempo", [72.0, 90.0, 103.5, 120.0, 140.0])
def test_the_tempo_and_the_bars_of_music_are_found(tmp_path: Path, tempo: float) -> None:
    path = sounds.write(tmp_path / "tune.flac", tune(8, tempo))
    found = rhythm_of(onsets(read_sound(path)))
    assert found is not None
    assert min(abs(found.tempo * octave / tempo - 1) for octave in (1, 2)) < 0.01
    bar = 240 / tempo
    assert max(abs(moment / bar - round(moment / bar)) * bar for moment in found.bars) < 0.03


@pytest.mark.parametrize(
    "made", [sounds.tone(12, 300), sounds.silence(12), sounds.tone(2, 300)], ids=["a tone", "silence", "short"]
)
def test_what_has_no_beat_has_no_rhythm(made: Samples) -> None:
    assert rhythm_of(onsets([made])) is None


@pytest.mark.parametrize("tempo", [84.0, 120.0])
def test_short_music_is_looped_and_its_beat_goes_on(tmp_path: Path, tempo: float) -> None:
    """Every stroke of the looped music lies where the first strokes have said, also behind the joints."""
    path = sounds.write(tmp_path / "tune.wav", tune(5.6, tempo, lead_in=0.7))
    fitted = fit_music(path, 40, tmp_path / "fitted.wav")
    assert fitted.loops >= 2
    assert fitted.tempo == pytest.approx(tempo, rel=0.01)
    made = sounds.read(tmp_path / "fitted.wav")
    assert made.shape == (2, 40 * RATE)
    beats = strokes(made, 36)
    off = np.abs(np.array(beats) / (60 / tempo) - np.rint(np.array(beats) / (60 / tempo))) * 60 / tempo
    assert len(beats) > 36 * tempo / 60 - 4
    assert off.max() < 0.03


def strokes(made: Samples, until: float) -> list[float]:
    """The moments of low strokes, found by their energy below 100 Hz."""
    part = made[0, : round(until * RATE)]
    spectrum = np.fft.rfft(part)
    spectrum[np.fft.rfftfreq(len(part), 1 / RATE) > 100] = 0
    level = np.abs(np.fft.irfft(spectrum, len(part))).reshape(-1, 480).max(axis=1)
    rise = np.diff(level)
    found: list[float] = []
    for index in np.flatnonzero(rise > 0.1):
        if not found or index / 100 - found[-1] > 0.25:
            found.append(index / 100)
    return found


def test_a_loop_does_not_click_and_does_not_fall_silent(tmp_path: Path) -> None:
    path = sounds.write(tmp_path / "tune.wav", tune(4.3))
    fit_music(path, 30, tmp_path / "fitted.wav")
    whole, made = sounds.read(path), sounds.read(tmp_path / "fitted.wav")
    assert np.abs(np.diff(made[0])).max() < np.abs(np.diff(whole[0])).max() * 1.2
    windows = made[0, : 26 * RATE].reshape(-1, RATE // 5)
    assert np.sqrt(np.square(windows).mean(axis=1)).min() > 0.01


def test_music_that_fades_out_is_not_looped_over_its_end(tmp_path: Path) -> None:
    faded = tune(10)
    faded[:, -6 * RATE :] *= np.linspace(1, 0, 6 * RATE, dtype=np.float32)
    fit_music(sounds.write(tmp_path / "tune.wav", faded), 45, tmp_path / "fitted.wav")
    made = sounds.read(tmp_path / "fitted.wav")
    bars = made[0, : 40 * RATE].reshape(-1, 2 * RATE)
    levels = 20 * np.log10(np.sqrt(np.square(bars).mean(axis=1)))
    assert levels.min() > np.median(levels) - 6


def test_music_without_a_beat_is_looped_softly(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    wind = np.cumsum(rng.standard_normal((2, 5 * RATE)), axis=1)
    wind = (wind - np.linspace(wind[:, 0], wind[:, -1], 5 * RATE).T) / np.abs(wind).max() * 0.5
    fitted = fit_music(sounds.write(tmp_path / "wind.wav", wind.astype(np.float32)), 17, tmp_path / "fitted.wav")
    assert fitted.tempo is None
    assert fitted.loops == 4
    made = sounds.read(tmp_path / "fitted.wav")
    assert np.abs(np.diff(made[0])).max() < np.abs(np.diff(wind[0])).max() * 2


def test_long_music_is_cut_and_faded_from_a_bar_on(tmp_path: Path) -> None:
    path = sounds.write(tmp_path / "tune.flac", tune(16))
    fitted = fit_music(path, 12.7, tmp_path / "fitted.wav")
    assert fitted.loops == 0
    made = sounds.read(tmp_path / "fitted.wav")
    assert made.shape == (2, round(12.7 * RATE))
    assert np.abs(made[:, -20:]).max() < 0.001
    before, whole = sounds.read(path)[:, : 9 * RATE], made[:, : 9 * RATE]
    assert np.corrcoef(before[0], whole[0])[0, 1] > 0.99


def test_silence_before_the_music_is_left_out(tmp_path: Path) -> None:
    path = sounds.write(tmp_path / "tune.wav", sounds.joined(sounds.silence(3), tune(8)))
    fit_music(path, 6, tmp_path / "fitted.wav")
    assert sounds.loudest(sounds.read(tmp_path / "fitted.wav"), 0, 0.2) > -20


@pytest.mark.parametrize("made", [sounds.silence(4), sounds.tone(0.4, 300)], ids=["silent", "short"])
def test_what_cannot_be_a_films_music_is_refused_with_its_name(tmp_path: Path, made: Samples) -> None:
    path = sounds.write(tmp_path / "odd.wav", made)
    with pytest.raises(BrokenMedia, match=r"odd\.wav is silent, or shorter"):
        fit_music(path, 10, tmp_path / "fitted.wav")


def test_a_deadline_ends_the_reading_of_music(tmp_path: Path) -> None:
    path = sounds.write(tmp_path / "tune.wav", tune(4))
    with pytest.raises(TryAgainLater):
        fit_music(path, 10, tmp_path / "fitted.wav", clock.Deadline(0))


def test_fitting_music_leaves_one_file(tmp_path: Path) -> None:
    path = sounds.write(tmp_path / "tune.wav", tune(4))
    fit_music(path, 10, tmp_path / "fitted.wav.part")
    assert {each.name for each in tmp_path.iterdir()} == {"tune.wav", "fitted.wav.part"}
