"""Makes the music under a film: chords, bass, broken chords and light percussion in a mood, different for every seed.

At a cut a new section begins, with its first chord, an accent and other rhythms. The tempo is the one at which cuts lie nearest to
beats, and each section is stretched by a few per cent until they lie on them. Something always sounds, also on a phone, whose
speaker plays nothing below 400 Hz.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tenxsom import clock
from tenxsom.media.encode import RATE
from tenxsom.media.sound import instruments
from tenxsom.media.sound.level import blocks_of
from tenxsom.media.sound.loudness import Meter
from tenxsom.media.sound.moods import MOODS, Chord, Mood, mood_of
from tenxsom.media.sound.reading import Block
from tenxsom.media.sound.room import in_a_room
from tenxsom.media.sound.wav import write_wav

_LUFS, _PEAK = -20.0, 0.8
"""The loudness of a bed by itself, and its highest sample; the mix has its own."""
_BEATS = 4
"""Beats in a bar."""
_SHORTEST_SECTION = 3.5
"""In beats: of cuts that follow each other faster only the first begins a section."""
_PHRASE = 16
"""The beats of a section that no cut ends."""
_LAST_CHORD_SECONDS = 1.6
"""The last chord begins so long before the end."""
_FADE_SECONDS = 0.5
_LOWEST_LEAD, _LOWEST_PAD, _LOWEST_BASS = 72, 60, 33
"""The lowest notes (MIDI) of the instruments: the broken chords lie above 500 Hz."""


class Section(NamedTuple):
    """A part of the music: when it begins (seconds), how many beats it has, and how long a beat is (seconds)."""

    start: float
    beats: int
    beat: float

    @property
    def end(self) -> float:
        return self.start + self.beats * self.beat


class Score(NamedTuple):
    """What is played: the tempo in beats per minute before sections are stretched, the sections, and the length in seconds."""

    mood: Mood
    tempo: float
    sections: Sequence[Section]
    seconds: float


class _Sound(NamedTuple):
    """A sound that begins at a sample, with its share in each ear."""

    at: int
    samples: Block | instruments.Mono
    left: float
    right: float


class _Bar(NamedTuple):
    """When a bar begins (seconds), and its sounds; a chord may begin up to half a second earlier."""

    start: float
    sounds: list[_Sound]


def write_bed(
    mood: str, seconds: float, seed: int, target: Path, cuts: Sequence[float] = (), *, deadline: clock.Deadline | None = None
) -> Score:
    """Write a bed of exactly `seconds` to `target`, a WAV file, and return what is played.

    `mood` is a mood, or words about music (`moods.mood_of`). `cuts` are the film's cuts in seconds. Raises
    OSError when `target` cannot be written, OutOfTime when `deadline` is reached.
    """
    name = mood_of(mood)
    rng = np.random.default_rng([seed % 2**32, zlib.crc32(name.encode())])
    score = composed(MOODS[name], seconds, cuts, rng)
    meter, peak = Meter(), 0.0
    with tempfile.TemporaryFile(dir=target.parent) as raw:
        for block in meter.measured(_ended(in_a_room(_played(score, rng, deadline), rng), round(seconds * RATE))):
            raw.write(np.ascontiguousarray(block.T, np.float32).tobytes())
            peak = max(peak, float(np.abs(block).max()))
        gain = min(10 ** ((_LUFS - meter.loudness().lufs) / 20), _PEAK / max(peak, 1e-6))
        write_wav(target, (block * np.float32(gain) for block in blocks_of(raw)))
    return score


def composed(mood: Mood, seconds: float, cuts: Sequence[float], rng: np.random.Generator) -> Score:
    """Choose the tempo and the sections; the last one ends with the last chord."""
    inside = sorted(cut for cut in cuts if 0 < cut < seconds - _LAST_CHORD_SECONDS)
    tempo = _tempo(mood, inside, rng)
    beat, sections = 60 / tempo, [0.0]
    for cut in inside:
        if cut - sections[-1] >= _SHORTEST_SECTION * beat:
            sections.append(cut)
    last = max(1, int((seconds - _LAST_CHORD_SECONDS - sections[-1]) / beat))
    ends = [*sections[1:], sections[-1] + last * beat]
    parts = [part for start, end in zip(sections, ends, strict=True) for part in _phrases(start, end, beat)]
    return Score(mood, tempo, parts, seconds)


def _phrases(start: float, end: float, beat: float) -> Iterator[Section]:
    """Yield the sections between two moments: whole phrases, and the rest, with beats that fit exactly."""
    beats = max(1, round((end - start) / beat))
    fitted = (end - start) / beats
    while beats:
        count = _PHRASE if beats >= _PHRASE + _BEATS else beats
        yield Section(start, count, fitted)
        start, beats = start + count * fitted, beats - count


def _tempo(mood: Mood, cuts: Sequence[float], rng: np.random.Generator) -> float:
    """Return the tempo at which the cuts lie nearest to beats, best of all to the first beats of bars."""
    choices = np.arange(mood.tempo[0], mood.tempo[1] + 0.01, 0.25)
    beats = np.outer(choices / 60, [0.0, *cuts])
    off_beat = np.abs(beats - np.rint(beats)).sum(axis=1)
    off_bar = (np.rint(np.diff(beats, axis=1)) % _BEATS != 0).sum(axis=1)
    return float(choices[np.argmin(off_beat + 0.1 * off_bar + rng.uniform(0, 0.01, len(choices)))])


def _played(score: Score, rng: np.random.Generator, deadline: clock.Deadline | None) -> Iterator[Block]:
    """Yield everything that is played, in blocks of a second."""
    total, done = round(score.seconds * RATE), 0
    bars, waiting, buffer = _Band(score, rng).bars(), [_Bar(0.0, [])], np.zeros((2, 0), np.float32)
    while done < total:
        clock.check_stop()
        if deadline:
            deadline.check("Making the music")
        step = min(RATE, total - done)
        while waiting and waiting[-1].start * RATE < done + step + RATE and (bar := next(bars, None)):
            waiting.append(bar)
        for bar in waiting:
            due = [sound for sound in bar.sounds if sound.at < done + step]
            bar.sounds[:] = [sound for sound in bar.sounds if sound.at >= done + step]
            for sound in due:
                buffer = _added(buffer, sound, sound.at - done)
        waiting = [bar for bar in waiting[:-1] if bar.sounds] + waiting[-1:]
        buffer = np.pad(buffer, ((0, 0), (0, max(0, step - buffer.shape[1]))))
        yield buffer[:, :step]
        buffer, done = buffer[:, step:], done + step


def _ended(blocks: Iterable[Block], samples: int) -> Iterator[Block]:
    """Fade the last half second of so many samples."""
    for block in blocks:
        left = np.arange(samples, samples - block.shape[1], -1, dtype=np.float32) - 1
        samples -= block.shape[1]
        yield np.asarray(block * np.clip(left / (_FADE_SECONDS * RATE), 0, 1), np.float32)


def _added(buffer: Block, sound: _Sound, place: int) -> Block:
    """Return the buffer with a sound added from sample `place` on."""
    end = place + sound.samples.shape[-1]
    if end > buffer.shape[1]:
        buffer = np.pad(buffer, ((0, 0), (0, end - buffer.shape[1])))
    left, right = sound.samples if sound.samples.ndim == 2 else (sound.samples, sound.samples)
    buffer[0, place:end] += sound.left * left
    buffer[1, place:end] += sound.right * right
    return buffer


@dataclass
class _Band:
    """Plays a score."""

    score: Score
    rng: np.random.Generator

    def __post_init__(self) -> None:
        mood = self.score.mood
        self._key = int(self.rng.integers(0, 12))
        self._chords = [mood.chords[index] for index in self.rng.permutation(len(mood.chords))[:2]]
        self._lead = str(self.rng.choice(mood.leads))
        self._steps = [mood.steps[index] for index in self.rng.permutation(len(mood.steps))]
        self._bass = [mood.bass[index] for index in self.rng.permutation(len(mood.bass))]
        self._walk = int(self.rng.integers(0, len(_WALKS)))

    def bars(self) -> Iterator[_Bar]:
        """Yield the bars in order."""
        for number, section in enumerate(self.score.sections):
            for bar, beat in enumerate(range(0, section.beats, _BEATS)):
                accent = self._accent(section, self._chord(number, 0)) if number and not bar else ()
                sounds = [*accent, *self._bar(number, bar, beat, min(_BEATS, section.beats - beat))]
                yield _Bar(section.start + beat * section.beat, sounds)
        last = self.score.sections[-1]
        yield _Bar(last.end, [*self._last_chord(last)])

    def _chord(self, number: int, bar: int) -> Chord:
        progression: tuple[Chord, ...] = self._chords[number % 2 if number > 1 else 0]
        return progression[bar % len(progression)]

    def _bar(self, number: int, bar: int, beat: int, beats: int) -> Iterator[_Sound]:
        """Play one bar of a section, or the part of it before the next one."""
        chord, mood, section = self._chord(number, bar), self.score.mood, self.score.sections[number]
        yield from self._pad(chord, section.start + beat * section.beat, beats * section.beat)
        for step, strength in _strokes(self._bass[number % len(self._bass)], beats):
            moment = section.start + (beat + step / 4) * section.beat
            yield self._note("bass", self._in_key(_LOWEST_BASS, chord[0]), moment, 1.2, level=strength * mood.bass_level)
        yield from self._broken_chord(number, chord, beat, beats)
        for name, rhythm in list(mood.drums.items())[: 2 if number == 0 and bar < 2 else None]:
            for step, strength in _strokes(rhythm, beats):
                moment = section.start + (beat + step / 4) * section.beat
                yield self._sound(instruments.drum(name), moment, strength * mood.drum_level * 0.6, _SIDES.get(name, 0.0))

    def _broken_chord(self, number: int, chord: Chord, beat: int, beats: int) -> Iterator[_Sound]:
        """Play the tones of a chord one after the other."""
        section, walk = self.score.sections[number], _WALKS[(self._walk + number) % len(_WALKS)]
        tones = sorted(self._in_key(_LOWEST_LEAD, tone) for tone in chord)
        for count, (step, strength) in enumerate(_strokes(self._steps[number % len(self._steps)], beats)):
            place, moment = walk[count % len(walk)], section.start + (beat + step / 4) * section.beat
            note, side = tones[place % 3] + 12 * (place // 3), self.rng.uniform(-0.4, 0.4)
            yield self._note(self._lead, note, moment, 1.6, level=strength * self.score.mood.lead_level, side=side)

    def _accent(self, section: Section, chord: Chord) -> Iterator[_Sound]:
        """Mark the beginning of a section: a bell on its chord."""
        for tone in chord[::2]:
            yield self._note("glass", self._in_key(_LOWEST_LEAD + 12, tone), section.start, 2.5, level=0.3)

    def _last_chord(self, section: Section) -> Iterator[_Sound]:
        """End on the first chord of the key, which rings out."""
        mood = self.score.mood
        yield from self._pad(mood.chords[0][0], section.end, max(0.5, self.score.seconds - section.end))
        yield self._note("bass", self._in_key(_LOWEST_BASS, 0), section.end, 2.0, level=mood.bass_level)
        for tone in mood.chords[0][0]:
            yield self._note(self._lead, self._in_key(_LOWEST_LEAD, tone), section.end, 2.5, level=mood.lead_level)

    def _pad(self, chord: Chord, start: float, seconds: float) -> Iterator[_Sound]:
        """Play a chord that overlaps with the one before and the one after."""
        swell = min(0.35, seconds / 2)
        for tone in chord:
            samples = instruments.pad(self._in_key(_LOWEST_PAD, tone), seconds + swell, swell, self.rng)
            yield self._sound(samples, start - swell / 2, self.score.mood.pad_level * 0.28, 0.0)

    def _in_key(self, lowest: int, tone: int) -> int:
        """Return the note of a tone of the key in the octave above `lowest`."""
        return lowest + (self._key + tone - lowest) % 12

    def _note(self, instrument: str, note: int, start: float, seconds: float, *, level: float, side: float = 0.0) -> _Sound:
        return self._sound(instruments.tone(instrument, note, seconds), start, level * 0.5, side)

    def _sound(self, samples: Block | instruments.Mono, start: float, level: float, side: float) -> _Sound:
        """Place a sound at a moment (seconds); none is exactly as loud as another one."""
        level *= float(self.rng.uniform(0.88, 1.12))
        return _Sound(max(0, round(start * RATE)), samples, level * (1 - side), level * (1 + side))


_SIDES = {"hat": 0.25, "shaker": -0.25, "rim": 0.35}
"""How far to the left (below 0) or to the right a drum stands."""
_WALKS = ((0, 1, 2, 3, 2, 1), (0, 2, 1, 3), (3, 2, 1, 0, 1, 2), (0, 1, 2, 1), (0, 3, 2, 4, 1, 3))
"""The orders in which the tones of a chord are played; 3 is the lowest one an octave higher."""


def _strokes(rhythm: str, beats: int) -> Iterator[tuple[int, float]]:
    """Yield the sixteenths of a bar that are played, with their strength."""
    for step, mark in enumerate(rhythm[: beats * 4]):
        if mark != ".":
            yield step, 1.0 if mark == "x" else 0.55
