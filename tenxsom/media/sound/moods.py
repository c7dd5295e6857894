"""The moods of the generated bed, as data: tempo, harmony, instruments and rhythms.

An archetype names one of them (`mood`). Chords are semitones above the key's root; rhythms are sixteen characters, one for each
sixteenth of a bar: `x` is an accent, `o` a soft stroke, `.` a rest.
"""

from __future__ import annotations

from typing import NamedTuple

Chord = tuple[int, int, int]

# The chords on the steps of a major key, and of a minor one.
_I, _II, _III, _IV, _V, _VI = (0, 4, 7), (2, 5, 9), (4, 7, 11), (5, 9, 12), (7, 11, 14), (9, 12, 16)
_M1, _M3, _M4, _M5, _M6, _M7 = (0, 3, 7), (3, 7, 10), (5, 8, 12), (7, 10, 14), (8, 12, 15), (10, 14, 17)

_MAJOR = ((_I, _V, _VI, _IV), (_I, _VI, _IV, _V), (_IV, _I, _V, _VI), (_I, _III, _IV, _V), (_VI, _IV, _I, _V))
_WARM = ((_I, _IV, _VI, _IV), (_I, _III, _VI, _IV), (_IV, _I, _II, _IV), (_I, _V, _IV, _IV))
_MINOR = ((_M1, _M6, _M3, _M7), (_M1, _M4, _M6, _M5), (_M1, _M7, _M6, _M7), (_M6, _M7, _M1, _M3))
_DARK = ((_M1, _M6, _M4, _M1), (_M1, _M4, _M1, _M5), (_M1, _M3, _M4, _M6))


class Mood(NamedTuple):
    """How a bed sounds. Levels are relative to each other."""

    tempo: tuple[float, float]
    """The slowest and the fastest tempo in beats per minute."""
    chords: tuple[tuple[Chord, ...], ...]
    """Progressions of one chord a bar; a film gets one, and another one for every second section."""
    leads: tuple[str, ...]
    """The instruments that may play the broken chords."""
    steps: tuple[str, ...]
    """The rhythms that they may play."""
    bass: tuple[str, ...]
    drums: dict[str, str]
    """The rhythm of each drum."""
    pad_level: float = 0.5
    lead_level: float = 0.5
    bass_level: float = 0.5
    drum_level: float = 0.5


MOODS: dict[str, Mood] = {
    "curious": Mood(
        (92, 102),
        _MAJOR,
        ("marimba", "pizzicato"),
        ("x.o.x.o.x.o.x.oo", "x..ox.o.x..ox.o.", "x.oox.o.x.oox.o."),
        ("x.......o.......", "x.....o.x......."),
        {"shaker": "o.x.o.x.o.x.o.x.", "rim": "....x.......x..o", "kick": "x.......o......."},
        pad_level=0.35,
        drum_level=0.35,
    ),
    "bright": Mood(
        (108, 116),
        _MAJOR,
        ("guitar", "marimba"),
        ("x.ox..x.o.x.o.x.", "x.x.o.x.x.o.x.o.", "x..x..x.o..x..x."),
        ("x..o..x.x..o..x.", "x.....x...o.x..."),
        {"kick": "x.......x.o.....", "clap": "....x.......x...", "hat": "o.o.x.o.o.o.x.oo"},
        pad_level=0.3,
        drum_level=0.55,
    ),
    "pulse": Mood(
        (98, 104),
        _MINOR,
        ("synth",),
        ("x..o..x..o..x.o.", "x...o..x....o.x.", "x.o...x.o...x.o."),
        ("x.o.x.o.x.o.x.o.",),
        {"kick": "x...o...x...o...", "hat": "..x...x...x...xo", "rim": "............x..."},
        pad_level=0.45,
        lead_level=0.55,
        drum_level=0.35,
    ),
    "driving": Mood(
        (114, 122),
        _MINOR,
        ("synth", "guitar"),
        ("x.oxo.x.x.oxo.x.", "xo.xo.xoxo.xo.xo", "x.o.xo.ox.o.xo.o"),
        ("x.oox.oox.oox.oo", "x.o.x.o.x.o.x.oo"),
        {"kick": "x...x...x...x.o.", "clap": "....x.......x...", "hat": "ooxoooxoooxoooxo"},
        pad_level=0.3,
        lead_level=0.5,
        drum_level=0.5,
    ),
    "epic": Mood(
        (84, 92),
        _MINOR,
        ("pizzicato", "strings"),
        ("x.oox.oox.oox.oo", "x..ox..ox.o.x.o."),
        ("x.......x.......", "x.......o...o..."),
        {"drum": "x..o..x.x..o..oo", "kick": "x.......x.......", "shaker": "..o...o...o...o."},
        pad_level=0.6,
        drum_level=0.55,
    ),
    "hopeful": Mood(
        (76, 84),
        _WARM,
        ("piano",),
        ("x.o.o.o.x.o.o.o.", "x.o.x.o.o.x.o.o."),
        ("x...............", "x.......o......."),
        {"shaker": "..o...x...o...x.", "kick": "x.........o.....", "rim": "........x......."},
        pad_level=0.5,
        lead_level=0.65,
        drum_level=0.25,
    ),
    "dark": Mood(
        (66, 74),
        _DARK,
        ("piano", "glass"),
        ("x.......o...o...", "x...o.......o..."),
        ("x...............", "x.........o....."),
        {"heart": "x..o....x..o....", "shaker": "....o.......o..."},
        pad_level=0.6,
        lead_level=0.6,
        drum_level=0.5,
    ),
    "calm": Mood(
        (68, 76),
        _WARM,
        ("glass", "marimba"),
        ("x...o...o...o...", "x..o..o.x..o..o.", "x.....o...o....."),
        ("x...............",),
        {"shaker": "o...x...o...x...", "heart": "x.......x......."},
        pad_level=0.6,
        lead_level=0.5,
        drum_level=0.25,
    ),
}
"""The moods by name."""

USUAL = "curious"
"""The mood of an archetype that names none."""

_WORDS = {
    "curious": ("curious", "pizzicato", "marimba", "playful", "light", "quirky", "puzzle"),
    "bright": ("bright", "clap", "guitar", "bouncing", "happy", "cheerful", "upbeat", "ukulele", "fun"),
    "pulse": ("pulse", "pulsing", "synth", "sparse", "tech", "news", "clean", "minimal"),
    "driving": ("driving", "electronic", "percussion", "energetic", "fast", "bass released", "dance", "urgent", "techno"),
    "epic": ("epic", "frame drum", "building", "heroic", "cinematic", "orchestral", "march", "grand"),
    "hopeful": ("hopeful", "felt piano", "warm strings", "inspiring", "gentle", "lift", "uplifting", "emotional"),
    "dark": ("dark", "drone", "mysterious", "mystery", "heartbeat", "tense", "eerie", "sombre", "low cello", "suspense"),
    "calm": ("calm", "pad", "glass", "chime", "ambient", "no beat", "sub-bass", "relaxing", "slow", "meditative"),
}
"""The words that a description of music in a mood has."""


def mood_of(words: str) -> str:
    """Return the mood that a name, or a description such as `Felt piano, warm strings`, means; the usual one for other words."""
    text = words.lower()
    if text in MOODS:
        return text
    found = {mood: sum(word in text for word in known) for mood, known in _WORDS.items()}
    best = max(found, key=lambda mood: found[mood])
    return best if found[best] else USUAL
