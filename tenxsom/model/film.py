"""The plan of a finished film, as stored with its job: which part of which clip is seen when, and what is said when."""

from __future__ import annotations

from pydantic import Field

from tenxsom.model.choices import CaptionStyle, ClipSound, Transition
from tenxsom.model.parts import Part
from tenxsom.model.stored import StoredModel


class PlannedShot(StoredModel):
    """A part of the film that shows one clip."""

    clip: int
    """The index of the clip."""
    start: float
    end: float
    """In seconds of the film."""
    offset: float = 0.0
    """Where in the clip it begins, in seconds."""
    segments: list[int] = Field(default_factory=list)
    """The indexes of the segments that are told meanwhile."""


class PlannedVoice(StoredModel):
    """When a spoken segment is heard."""

    segment: int
    start: float
    """In seconds of the film."""
    seconds: float
    """How much of its sound is used, in seconds of the sound's own speed."""
    speed: float = 1.0
    """How fast it is played, from 0.9 to 1.25."""


class FoundSpan(StoredModel):
    """A stretch of a film that is `black` or `frozen`, in seconds."""

    kind: str
    start: float
    end: float


class CheckedStretch(StoredModel):
    """How much of a finished film is verified: everything before one of its key frames."""

    size_bytes: int = 0
    """The size of the film's file, by which another file is noticed."""
    key: int = 0
    key_dts: int = 0
    """When the key frame is shown and decoded, in units of the picture track."""
    last_sound: int | None = None
    """The time of the last packet of sound, in units of its track."""
    pictures: int = 0
    sounds: int = 0
    """The packets of each track."""
    begin: float = 0.0
    end: float = 0.0
    sound_begin: float | None = None
    sound_end: float = 0.0
    """In seconds of the file."""
    shown: int = 0
    frames: int = 0
    """The pictures that are to be shown, and those that were decoded."""
    spans: list[FoundSpan] = Field(default_factory=list)


class FilmPlan(Part):
    """How a film is put together. A job without one is joined from its clips, as in earlier versions."""

    seconds: float = 0.0
    begin: float = 0.0
    end: float = 0.0
    """Where the film proper begins and ends: the brand's own files are shown before and after it; 0 is the end of the film."""
    shots: list[PlannedShot] = Field(default_factory=list)
    voices: list[PlannedVoice] = Field(default_factory=list)
    title: str = ""
    thumbnail_title: str = ""
    aspect_ratio: str = ""
    platform: str = ""
    language: str = "en"
    captions: str = "both"
    """`burned`, `srt`, `both`, `track` or `none`."""
    caption_style: CaptionStyle | None = None
    brand: str = ""
    music: str = "none"
    """`bed`, `lyria`, `file` (the user's own), `brand` (the brand's file) or `none`."""
    mood: str = ""
    """What the music is like, in the words of the plan."""
    clip_sound: ClipSound = "duck"
    transition: Transition = "cut"
    is_mixed: bool = False
    """Whether its sound is mixed, and waits for the film."""
    voice_above_bed_db: float | None = None
    """How much louder the voice is than all else, measured in the mix; None without a voice."""
    pictures_of: str = ""
    """The fingerprint of what `stretches` were made from."""
    stretches: list[int] = Field(default_factory=list)
    """The numbers of frames of the encoded stretches, until they are joined."""

    checked: CheckedStretch | None = None
    """How much of the finished film is verified, until all of it is."""

    def forget_unfinished(self) -> None:
        """Forget what is made on the way to the film."""
        self.is_mixed, self.pictures_of, self.stretches, self.checked = False, "", [], None

    @property
    def is_burned(self) -> bool:
        """Return whether words are drawn into the picture."""
        return self.captions in ("burned", "both")
