"""The narration of a job: its spoken segments with the times of their words, as stored in the job's state. No I/O, no vendor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field

from tenxsom.model.stored import StoredModel

SILENT = "none"
"""The `voice` of a narration without sound: the words are shown, and not spoken."""

_QUIET_SHARE = 0.5
"""A film that is spoken for less than this share of its time gets a note."""
_ESTIMATE = "The words take about "


def quiet_notes(spoken: float, total: float, *, is_estimate: bool = False) -> list[str]:
    """Return one sentence about a film that is mostly without words; none about another one."""
    if spoken >= _QUIET_SHARE * total:
        return []
    words = f"{_ESTIMATE}{spoken:.0f}" if is_estimate else f"The words take {spoken:.1f}"
    return [f"{words} of {total:g} s; the rest is pictures and music only."]


def with_measured(notes: Iterable[str], measured: Sequence[str]) -> list[str]:
    """Return the notes with those of the real voice in place of the plan's estimate."""
    return [told for note in notes for told in (measured if note.startswith(_ESTIMATE) else [note])]


class SpokenWord(StoredModel):
    """A written word, with its marks, and when it is spoken: seconds from the start of its segment's audio."""

    text: str
    start: float
    end: float


class SpokenSegment(StoredModel):
    """One segment of the script as it is spoken; without a voice, as it is read."""

    index: int
    """The number of the segment in the blueprint, from 0."""
    text: str
    """The written text, as captions show it."""
    file: str = ""
    """The name of the WAV among the job's files; empty without a voice."""
    seconds: float
    """The length of the audio; without a voice the time that reading takes."""
    words: list[SpokenWord] = Field(default_factory=list)
    timing: str = ""
    """How the times of the words were found (`tenxsom.voices.base`)."""
    sha256: str = ""


class Narration(StoredModel):
    """The whole narration. It is complete when every segment of the blueprint has its own."""

    voice: str
    """The voice service, such as `hibari`; `none` without a voice."""
    name: str = ""
    """The speaker, as the service names it."""
    language: str = "en"
    segments: list[SpokenSegment] = Field(default_factory=list)
    complete: bool = False
    warnings: list[str] = Field(default_factory=list)
    given_up: list[str] = Field(default_factory=list)
    """The voices that failed for this job; they are not asked again."""

    @property
    def is_silent(self) -> bool:
        """Return whether no voice speaks."""
        return self.voice == SILENT

    @property
    def seconds(self) -> float:
        """Return the length of all segments together, without the pauses between them."""
        return round(sum(segment.seconds for segment in self.segments), 3)

    @property
    def timing(self) -> str:
        """Return how the times of the words were found; every way that was needed, separated by commas."""
        return ", ".join(dict.fromkeys(segment.timing for segment in self.segments if segment.timing))

    def fact_sheet(self) -> dict[str, str | float]:
        """Return what the report says of the narration."""
        speaker = {"name": self.name} if self.name else {}
        return {"voice": self.voice, **speaker, "timing": self.timing, "seconds": self.seconds}
