"""Mixes the sound of a film: voice, music and the clips' own sound, at the loudness that a platform plays.

    every voice part at one level → compressor, limiter ──────────┐
    music, clips' sound → ducked under the voice (side chain) ────┼→ sum → a temporary file → gain, limiter → WAV
    clips' sound that is kept ────────────────────────────────────┘

The loudness of the sum is measured while it is made; then gain and limiter run until the result measures what was asked.
Everything runs in blocks, so memory does not grow with the film. The figures were measured with speech over music: ducked by
9.6 dB under speech, within 0.1 LU of the target.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from tenxsom import clock
from tenxsom.media.encode import RATE
from tenxsom.media.sound.audible import Energies, voice_above_bed
from tenxsom.media.sound.desk import Tracks, added_up
from tenxsom.media.sound.graph import chained, filtered
from tenxsom.media.sound.level import MOST_GAIN_DB, write_at_level
from tenxsom.media.sound.loudness import SILENCE_LUFS, Loudness, Meter, loudness_of, measured_file
from tenxsom.media.sound.reading import Block, read_sound
from tenxsom.media.sound.timeline import Piece

LUFS, TRUE_PEAK_DBTP = -14.0, -1.5
"""The loudness at which YouTube plays films, and a true peak before AAC that stays under -1 dBTP after it."""

_VOICE_LUFS = -20.0
"""Every voice part gets this loudness before the mix: a voice drifts between calls, and compressor and side chain have levels."""
_MUSIC_BELOW_VOICE = 7.0
"""Music in the pauses of the voice, in LU below it; ducking takes some 10 dB more while it speaks."""
_CLIPS_BELOW_VOICE = {"duck": 9.0, "keep": 10.0}
"""The same for the loudest that a clip's own sound may be; a quieter one stays as it is."""
_NOISE_LUFS = -60.0
"""What is quieter is the noise of an empty recording, and is not made louder."""
_EDGE = RATE // 50
"""Sound is faded in and out over 20 ms where a cut would click."""


class VoicePart(NamedTuple):
    """A spoken segment: its file, when it begins in the film (seconds), how fast it is played, and how much of it.

    `seconds` are those of the file, at its own speed; None for all of it.
    """

    file: Path
    start: float
    speed: float = 1.0
    seconds: float | None = None


class ClipSound(NamedTuple):
    """A clip's own sound from `start` to `end` of the film (seconds); `offset` is where the clip begins (seconds)."""

    file: Path
    start: float
    end: float
    offset: float = 0.0


class SoundOrder(NamedTuple):
    """What a film's sound is made of, and how loud it is to be."""

    seconds: float
    voices: Sequence[VoicePart] = ()
    clips: Sequence[ClipSound] = ()
    clip_sound: Literal["duck", "keep", "mute"] = "duck"
    music: Path | None = None
    lufs: float = LUFS
    true_peak_dbtp: float = TRUE_PEAK_DBTP
    fade_out: float = 0.0
    """Music and clips' sound fade over these last seconds; words never do."""


class SoundFacts(NamedTuple):
    """What was measured. `voice_above_bed_db` is that of the segment where it is least; None without a voice."""

    loudness_lufs: float
    true_peak_dbtp: float
    voice_above_bed_db: float | None = None


def mix(order: SoundOrder, target: Path, deadline: clock.Deadline | None = None) -> SoundFacts:
    """Write the film's sound to `target`, a WAV file of exactly `order.seconds`, and return what it measures.

    Raises BrokenMedia when a file cannot be decoded, OSError when `target` cannot be written, OutOfTime when `deadline` is
    reached.
    """
    tracks = _tracks(order, deadline)
    meter, voice, bed = Meter(), Energies(), Energies()
    with tempfile.TemporaryFile(dir=target.parent) as raw:
        for block in meter.measured(added_up(tracks, voice, bed)):
            raw.write(np.ascontiguousarray(block.T).tobytes())
        made = write_at_level(raw, meter.loudness(), Loudness(order.lufs, order.true_peak_dbtp), target, deadline)
    segments = [(piece.start, piece.end) for piece in tracks.voices]
    return SoundFacts(*_rounded(made), voice_above_bed(voice, bed, segments))


def measure(film: Path, deadline: clock.Deadline | None = None) -> SoundFacts:
    """Return loudness and true peak of a finished film: -70 and -120 for one without sound. Raises BrokenMedia."""
    return SoundFacts(*_rounded(loudness_of(film, deadline, true_peak=True)))


# what sounds when


def _tracks(order: SoundOrder, deadline: clock.Deadline | None) -> Tracks:
    """Measure every file, and place it at the level that it gets before the mix."""
    samples = round(order.seconds * RATE)
    music, clips = _music(order, samples, deadline), _clips(order, samples, deadline)
    ducked, kept = ([*music, *clips], []) if order.clip_sound == "duck" else (music, clips)
    return Tracks(_voices(order.voices, samples, deadline), ducked, kept, samples, round(order.fade_out * RATE))


def _voices(parts: Sequence[VoicePart], samples: int, deadline: clock.Deadline | None) -> list[Piece]:
    """Place the voice parts, all at one level; a part that is too short to be measured gets the gain of the others."""
    found = [measured_file(part.file, deadline) for part in parts]
    gains = [_gain(_VOICE_LUFS, each.loudness) for each in found if each.loudness.lufs > SILENCE_LUFS]
    usual = float(np.median(gains)) if gains else 1.0
    pieces = []
    for part, (loudness, length) in zip(parts, found, strict=True):
        start, gain = round(part.start * RATE), _gain(_VOICE_LUFS, loudness) if loudness.lufs > SILENCE_LUFS else usual
        whole = start + round(length / part.speed)
        end = whole if part.seconds is None else min(whole, start + round(part.seconds / part.speed * RATE))
        edge = _EDGE if end > samples or end < whole else 0
        pieces.append(Piece(start, min(end, samples), partial(_spoken, part, deadline), gain, edge))
    return [piece for piece in pieces if piece.start < piece.end]


def _music(order: SoundOrder, samples: int, deadline: clock.Deadline | None) -> list[Piece]:
    if order.music is None:
        return []
    wanted = _VOICE_LUFS - (_MUSIC_BELOW_VOICE if order.voices else 0.0)
    gain = _gain(wanted, loudness_of(order.music, deadline))
    return [Piece(0, samples, partial(read_sound, order.music, deadline=deadline), gain, _EDGE)]


def _clips(order: SoundOrder, samples: int, deadline: clock.Deadline | None) -> list[Piece]:
    """Place the clips' own sound; under a voice, and under music unless it is kept, loud clips are turned down."""
    if order.clip_sound == "mute":
        return []
    is_under = bool(order.voices) or (order.music is not None and order.clip_sound == "duck")
    pieces = []
    for clip in order.clips:
        start, end = round(clip.start * RATE), min(round(clip.end * RATE), samples)
        loudness = loudness_of(clip.file, deadline)
        if start >= end or loudness.lufs <= SILENCE_LUFS:
            continue
        most = _VOICE_LUFS - _CLIPS_BELOW_VOICE[order.clip_sound]
        gain = min(1.0, _gain(most, loudness)) if is_under else 1.0
        pieces.append(Piece(start, end, partial(read_sound, clip.file, offset=clip.offset, deadline=deadline), gain, _EDGE))
    return pieces


def _gain(lufs: float, loudness: Loudness) -> float:
    """Return the factor that brings a loudness to `lufs`; 1 for noise."""
    return float(10 ** (min(MOST_GAIN_DB, lufs - loudness.lufs) / 20)) if loudness.lufs > _NOISE_LUFS else 1.0


def _spoken(part: VoicePart, deadline: clock.Deadline | None) -> Iterator[Block]:
    """Yield a voice part at its speed, and at its own pitch."""
    blocks, tempo = read_sound(part.file, deadline=deadline), f"{part.speed:.4f}"
    if part.speed == 1.0:
        return blocks
    parts = filtered(((block,) for block in blocks), 1, lambda graph, ins: [chained(*ins, graph.add("atempo", tempo))])
    return (each.block for each in parts)


def _rounded(loudness: Loudness) -> tuple[float, float]:
    return round(loudness.lufs, 2), round(loudness.dbtp, 2)
