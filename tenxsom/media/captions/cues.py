"""Makes subtitles of spoken words: cues with the words' own times, by the usual rules of broadcasters.

At most two lines of 42 columns, 5/6 to 7 seconds, at most 20 columns a second where the voice allows it, two frames between cues
(Netflix, Subtitle Timing Guidelines:
https://partnerhelp.netflixstudios.com/hc/en-us/articles/360051554394-Timed-Text-Style-Guide-Subtitle-Timing-Guidelines). Needs
none of the media libraries.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tenxsom.media.captions.phrases import Limits, Phrase, TimedWord, line_of, phrases
from tenxsom.media.subtitles import LEAST_MILLISECONDS, LINE_COLUMNS, LINES_PER_CUE, Cue, Setting, set_cues, to_srt, to_vtt
from tenxsom.text import columns

LEAST_SECONDS = LEAST_MILLISECONDS / 1000
MOST_SECONDS = 7.0
COLUMNS_PER_SECOND = 20.0
GAP_SECONDS = 2 / 24
"""Two frames, so that eyes see that the text changes."""
_CHAINED_SECONDS = 0.5
"""A shorter pause between cues would flicker; the cue before it stays."""
_TAIL_SECONDS = 0.4
"""How long a cue stays after its last word where there is time."""

_LIMITS = Limits(
    width=LINE_COLUMNS,
    lines=LINES_PER_CUE,
    short_seconds=1.3,
    long_seconds=6.0,
    most_seconds=MOST_SECONDS,
    letters_per_second=COLUMNS_PER_SECOND,
)


def srt(words: Iterable[TimedWord], language: str, seconds: float = math.inf) -> str:
    """Return spoken words as SubRip text, for a film that lasts `seconds`."""
    return to_srt(spoken_cues(words, language, seconds))


def vtt(words: Iterable[TimedWord], language: str, seconds: float = math.inf) -> str:
    """Return spoken words as WebVTT text, for a film that lasts `seconds`."""
    return to_vtt(spoken_cues(words, language, seconds))


def spoken_cues(words: Iterable[TimedWord], language: str, seconds: float = math.inf) -> list[Cue]:
    """Return spoken words as subtitles, in order and without overlaps, within a film that lasts `seconds`."""
    found = phrases(words, language, _LIMITS)
    cues: list[Cue] = []
    for number, phrase in enumerate(found):
        free_from = cues[-1].end + GAP_SECONDS if cues else 0.0
        after = found[number + 1].start if number + 1 < len(found) else math.inf
        cues.append(_timed(phrase, free_from, min(after - GAP_SECONDS, seconds)))
    if any(cue.end - cue.start < LEAST_SECONDS - 0.001 for cue in cues):  # more words than time: cues share what there is
        end = seconds if seconds < math.inf else max(cues[-1].end, found[-1].end + _TAIL_SECONDS)
        return set_cues(
            [Cue(phrase.start, phrase.end, line_of(phrase.words)) for phrase in found], 0.0, end, Setting(language=language)
        )
    return _without_flicker(cues)


def _timed(phrase: Phrase, free_from: float, free_until: float) -> Cue:
    """Return a phrase as a cue: it stays long enough to be read, where other cues leave it time."""
    text = phrase.text.replace("-->", "→")
    needed = min(MOST_SECONDS, max(LEAST_SECONDS, columns(text.replace("\n", " ")) / COLUMNS_PER_SECOND))
    start = max(phrase.start, free_from)
    end = min(max(phrase.end + _TAIL_SECONDS, start + needed), free_until)
    start = max(free_from, min(start, end - LEAST_SECONDS))
    return Cue(start, min(end, start + MOST_SECONDS), text)


def _without_flicker(cues: Sequence[Cue]) -> list[Cue]:
    """Let a cue stay until the next one where the pause between them is short."""
    steady = [
        one._replace(end=min(other.start - GAP_SECONDS, one.start + MOST_SECONDS))
        if GAP_SECONDS < other.start - one.end < _CHAINED_SECONDS
        else one
        for one, other in pairwise(cues)
    ]
    return [*steady, *cues[-1:]]
