"""The job definition: the one page that a user writes, with all its rules. The JSON Schema for editors is generated from it."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
)

from tenxsom.errors import BadDefinition, Problem
from tenxsom.model.choices import AspectRatio, CaptionStyle, ClipsMode, ClipSound, Fit, Length, Pace, Tier, Transition
from tenxsom.model.problems import FILE_NAME, LANGUAGE_TAG, sentence_of
from tenxsom.model.stored import shown
from tenxsom.model.strict_json import canonical, parse_object
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.spelling import closest, did_you_mean
from tenxsom.text import is_blank

ContentId = Annotated[str, Field(pattern=FILE_NAME)]

MAX_PROBLEMS = 50
"""The largest number of reported problems; a file with more is not a definition."""

MAX_SCRIPT_LETTERS = 20_000
MAX_PRONUNCIATIONS = 200
SLOWEST, FASTEST = 0.9, 1.25
"""The speeds of a voice at which it is still understood as well as at 1."""

AS_TEXT, AS_LIST, AS_OBJECT, AS_SWITCH = "(a text)", "(a list)", "(an object)", "(true or false)"
"""The tags of a value that may have several forms; they are left out of the paths in messages."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]


def _start(text: str) -> str:
    sentence = f"{shown(text)} is no time with a zone; write for example 2026-12-01T09:00+01:00, or 2026-12-01T08:00Z for UTC"
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(sentence) from None
    return text


Start = Annotated[str, Field(json_schema_extra={"format": "date-time"}), AfterValidator(_start)]


class ScriptSegment(BaseModel):
    """One part of the user's own script."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: str = Field(min_length=1, max_length=1200, description="The spoken words, which are never changed.")
    visual: str | None = Field(default=None, min_length=1, max_length=1000, description="What the viewer sees meanwhile.")
    seconds: float | None = Field(
        default=None,
        gt=0,
        le=600,
        allow_inf_nan=False,
        description="How long it lasts; all parts with the voice's own pace if left out.",
    )


class VoiceChoice(BaseModel):
    """Who speaks, and how."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    service: Name | None = Field(default=None, description="The service that speaks; auto chooses one by the language.")
    name: Name | None = Field(default=None, description="One of that service's voices.")
    style: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = Field(
        default=None, description="How it speaks, in words, where the service takes directions."
    )
    speed: float = Field(default=1.0, ge=SLOWEST, le=FASTEST, allow_inf_nan=False, description="1 is the voice's own speed.")


def _form(value: Any) -> str | None:
    """Return the tag of a value that may have several forms."""
    if isinstance(value, str | bool):
        return AS_TEXT if isinstance(value, str) else AS_SWITCH
    if isinstance(value, list):
        return AS_LIST
    return AS_OBJECT if isinstance(value, dict | BaseModel) else None


def _forms(expected: str) -> Discriminator:
    return Discriminator(_form, custom_error_type="form", custom_error_message=f"it must be {expected}")


ScriptText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SCRIPT_LETTERS)]
ScriptList = Annotated[list[ScriptSegment], Field(min_length=1, max_length=60)]
Script = Annotated[
    Annotated[ScriptText, Tag(AS_TEXT)] | Annotated[ScriptList, Tag(AS_LIST)],
    _forms("one text, or a list of segments with a text each"),
]
Voice = Annotated[
    Annotated[Name, Tag(AS_TEXT)] | Annotated[VoiceChoice, Tag(AS_OBJECT)],
    _forms("a name, or an object with service, name, style and speed"),
]
Captions = Annotated[
    Annotated[bool, Tag(AS_SWITCH)] | Annotated[Literal["burned", "srt", "both", "track"], Tag(AS_TEXT)],
    _forms("true, false, 'burned', 'srt', 'both' or 'track'"),
]


class JobDefinition(BaseModel):
    """What to make. Numbers are real numbers (true is not 1), unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="TenxSOM AI job definition")

    content_id: ContentId = Field(
        description="Names every file of the job. Letters, digits, dot, underscore and hyphen; starts with a letter or digit."
    )
    title: str = Field(min_length=1, max_length=200, description="The title of the video.")
    archetype: str = Field(description="The kind of video: the name of a file in templates/archetypes/.")
    tier: Tier = Field(description="The quality tier. It chooses the service only where the job is submitted with --route.")
    target_duration: float = Field(ge=1, le=600, allow_inf_nan=False, description="The length asked for, in seconds.")
    platform: str = Field(description="Where it will be published: a key of templates/platforms.json. Gives the aspect ratio.")
    prompt: str | None = Field(
        default=None, max_length=2000, description="Sentences that are spoken, and directions for the pictures (Use …, Avoid …)."
    )
    aspect_ratio: AspectRatio | None = Field(default=None, description="Overrides the platform's aspect ratio.")
    service: str | None = Field(default=None, description="The video service for this job; overrides VIDEO_SERVICE.")
    clips: ClipsMode = Field(
        default="auto",
        description="auto: as many as the film needs: on vertical platforms a picture every few seconds. single, storyboard: one"
        " clip, or one per segment.",
    )
    fit: Fit = Field(
        default="keep",
        description="What to do with a clip that is longer than asked for when it arrives: keep the whole file, or trim it."
        " `length` says how long the film is.",
    )
    start_image: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        description="Your own picture as the start frame of every clip: a file (beside this definition) or an https address.",
    )
    style: str | None = Field(
        default=None, min_length=1, max_length=120, description="The look, in words or as one of the service's style names."
    )
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1, description="The same seed asks the service for the same picture.")
    language: str = Field(default="en", pattern=LANGUAGE_TAG, description="Language tag of the script, such as en or pt-BR.")
    narration: bool = Field(default=True, description="true: the script is spoken text; false: short lines for the screen.")
    script: Script | None = Field(
        default=None,
        description="Your own words, which are spoken whole, in order and unchanged: one text, or a list of segments.",
    )
    voice: Voice | None = Field(
        default=None,
        description="Who speaks: auto, none, the name of a voice or of a voice service, or an object; else VOICE_SERVICE.",
    )
    pronunciations: dict[str, str] = Field(
        default_factory=dict,
        max_length=MAX_PRONUNCIATIONS,
        description="How words are said that the voice would say wrong; captions show the words as they are written.",
    )
    pace: Pace = Field(
        default="voice",
        description="voice: pictures follow the voice; plan: the planned lengths stay, and the voice is fitted to them.",
    )
    music: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        description="auto, none, lyria, or a sound file (beside this definition); else MUSIC_SERVICE.",
    )
    clip_sound: ClipSound = Field(
        default="duck", description="The clips' own sound: lowered under the voice, kept at its level, or left out."
    )
    captions: Captions = Field(
        default=True,
        description="Where the words are shown: burned into the picture, srt (files beside the video), both, track (in the video"
        " file, to switch on), or false. true is what CAPTIONS says.",
    )
    caption_style: CaptionStyle | None = Field(
        default=None, description="How words in the picture look; else the brand's style, else word_box."
    )
    brand: Name | None = Field(default=None, description="The brand kit: the name of a file in templates/brands/; else BRAND.")
    thumbnail_title: str | None = Field(
        default=None, min_length=1, max_length=120, description="The title on the thumbnail; else the title."
    )
    transition: Transition = Field(default="cut", description="How one picture follows the other.")
    length: Length = Field(
        default="exact",
        description="exact: the film lasts target_duration; at_least: it may last as long as its clips and its voice do.",
    )
    max_cost_usd: float | None = Field(
        default=None, ge=0, le=10_000, allow_inf_nan=False, description="This job's own spending cap, in US dollars."
    )
    approve: bool = Field(
        default=False, description="Whether it waits after planning, before anything else is paid, until you approve its plan."
    )
    not_before: Start | None = Field(
        default=None,
        description="Nothing is done before this time, which has a zone: 2026-12-01T09:00+01:00. Deadlines count from then.",
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="Anything of your own; carried through to the report untouched."
    )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that the user wrote, without defaults."""
        return self.model_dump(exclude_unset=True)

    def fingerprint(self) -> str:
        """Return a hash that is equal for definitions of equal meaning (whatever the order of keys and explicit defaults)."""
        return hashlib.sha256(canonical(self.model_dump(exclude_defaults=True))).hexdigest()

    def shape(self, vocabulary: Vocabulary) -> str:
        """Return the aspect ratio: the definition's own, else its platform's."""
        return self.aspect_ratio or vocabulary.platforms[self.platform]


def parse_definition(data: bytes, source: str, vocabulary: Vocabulary) -> JobDefinition:
    """Parse the definition in `data`. Raises BadDefinition with all its problems; `source` is the file's name in them."""
    document = parse_object(data, source)
    if document and not document.keys() & JobDefinition.model_fields.keys():  # a key file, for example: hide its content
        sentence = "it is no job definition: none of its fields is one of a definition's; see templates/jobs/"
        raise BadDefinition(source, [Problem("/", sentence)])
    return check_definition(document, source, vocabulary, islice(_long_numbers(document.get("metadata")), MAX_PROBLEMS))


def written_definition(data: bytes, source: str) -> JobDefinition | None:
    """Parse the definition in `data` without checking its names; None if it is not a definition."""
    try:
        return JobDefinition.model_validate(parse_object(data, source))
    except (BadDefinition, ValidationError):
        return None


def check_definition(document: dict[str, Any], source: str, vocabulary: Vocabulary, also: Iterable[Problem] = ()) -> JobDefinition:
    """Validate a parsed document. Raises BadDefinition with its problems, including `also`."""
    problems: list[Problem] = []
    definition = None
    try:
        definition = JobDefinition.model_validate(document)
    except ValidationError as error:
        details = _without_doubles(error.errors(include_url=False))
        problems += [_problem(detail) for detail in details[:MAX_PROBLEMS]]
        problems += [Problem("/", f"and {len(details) - MAX_PROBLEMS} problems more")] if len(details) > MAX_PROBLEMS else []
    problems += _unknown_names(document, vocabulary)
    problems += _control_characters(document)
    problems += _plain_addresses(document)
    problems += also
    if problems or definition is None:
        raise BadDefinition(source, problems)
    return definition


def definition_schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a definition, with the names that this installation knows."""
    schema = JobDefinition.model_json_schema()
    properties = schema["properties"]
    properties["archetype"]["enum"] = sorted(vocabulary.archetypes)
    properties["platform"]["enum"] = sorted(vocabulary.platforms)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _problem(detail: Any) -> Problem:
    """Return a pydantic error as one of our sentences."""
    parts = [str(part) for part in detail["loc"] if part not in (AS_TEXT, AS_LIST, AS_OBJECT, AS_SWITCH)]
    path = _place(".".join(parts) or "/")
    if detail["type"] == "extra_forbidden":
        return Problem(path, f"there is no such field.{did_you_mean(parts[-1], _fields_beside(parts))}")
    return Problem(path, sentence_of(detail))


def _without_doubles(details: Sequence[Any]) -> list[Any]:
    """Leave out that a field is missing where it is there under a misspelt name."""
    misspelt = [detail["loc"] for detail in details if detail["type"] == "extra_forbidden"]
    meant = {(*loc[:-1], closest(str(loc[-1]), _fields_beside(list(map(str, loc))))) for loc in misspelt[:MAX_PROBLEMS]}
    return [detail for detail in details if detail["type"] != "missing" or detail["loc"] not in meant]


def _fields_beside(parts: list[str]) -> list[str]:
    """Return the names that a field may have at the place of an unknown one."""
    inner: dict[str, type[BaseModel]] = {"script": ScriptSegment, "voice": VoiceChoice}
    kind = inner.get(parts[0], JobDefinition) if len(parts) > 1 else JobDefinition
    return list(kind.model_fields)


def _unknown_names(document: dict[str, Any], vocabulary: Vocabulary) -> Iterator[Problem]:
    for field, known in (
        ("archetype", vocabulary.archetypes),
        ("platform", vocabulary.platforms),
        ("service", vocabulary.services),
    ):
        name = document.get(field)
        if isinstance(name, str) and name not in known:
            yield Problem(field, f"{shown(name)} is unknown.{did_you_mean(name, list(known))} Known: {', '.join(sorted(known))}")


def _plain_addresses(document: dict[str, Any]) -> Iterator[Problem]:
    place = document.get("start_image")
    if isinstance(place, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", place) and not place.lower().startswith("https://"):
        yield Problem("start_image", f"{shown(place)} is no https address; name a file, or an address that begins with https://")


def _long_numbers(metadata: Any) -> Iterator[Problem]:
    """Yield numbers beyond 64 bits, whose last digits most JSON readers lose. Only new definitions are checked for them."""
    waiting = deque([("metadata", metadata)])
    while waiting:
        path, value = waiting.popleft()
        if isinstance(value, dict):
            waiting += [(f"{path}.{name}", inner) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}.{number}", inner) for number, inner in enumerate(value)]
        elif isinstance(value, int) and not -(2**63) <= value < 2**64:
            yield Problem(_place(path), f"{shown(value)} has more than 64 bits; write it as a text, in quotes")


def _control_characters(document: dict[str, Any]) -> Iterator[Problem]:
    for field in ("title", "style", "start_image", "music", "thumbnail_title"):
        text = document.get(field)
        if isinstance(text, str) and (is_blank(text) or re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", text)):
            yield Problem(field, "it must be one line of visible text")
    for path, text in _prose(document):
        if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text):
            yield Problem(_place(path), "it holds control characters; remove them")
        elif path != "prompt" and is_blank(text):
            yield Problem(_place(path), "it must hold visible text")


def _prose(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the texts of several lines, each with its path."""
    script, said, voice = document.get("script"), document.get("pronunciations"), document.get("voice")
    found: list[tuple[str, Any]] = [("prompt", document.get("prompt")), ("script", script)]
    for number, segment in enumerate(script if isinstance(script, list) else []):
        found += [(f"script.{number}.{name}", segment.get(name)) for name in ("text", "visual") if isinstance(segment, dict)]
    for written, spoken in said.items() if isinstance(said, dict) else ():
        found += [(f"pronunciations.{written}", written), (f"pronunciations.{written}", spoken)]
    found += [(f"voice.{name}", voice.get(name)) for name in ("name", "style") if isinstance(voice, dict)]
    yield from ((path, text) for path, text in found if isinstance(text, str))


def _place(path: str) -> str:
    return path if len(path) <= 60 and path.isprintable() else shown(path)
