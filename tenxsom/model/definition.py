"""The job definition: the one page that a user writes, with all its rules. The JSON Schema for editors is generated from it."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from tenxsom.errors import BadDefinition, Problem
from tenxsom.model.stored import StoredModel
from tenxsom.model.strict_json import canonical, parse_object
from tenxsom.model.vocabulary import Vocabulary, nearest
from tenxsom.text import is_blank

ContentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]
Tier = Literal["premium", "standard", "volume"]
AspectRatio = Literal["16:9", "9:16", "1:1"]
ClipsMode = Literal["auto", "single", "storyboard"]
Fit = Literal["keep", "trim"]

MAX_PROBLEMS = 50
"""The largest number of reported problems; a file with more is not a definition."""


class JobDefinition(BaseModel):
    """What to make. Numbers are real numbers (true is not 1), unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="TenxSOM AI job definition")

    content_id: ContentId = Field(
        description="Names every file of the job. Letters, digits, dot, underscore and hyphen; starts with a letter or digit."
    )
    title: str = Field(min_length=1, max_length=200, description="The title of the video.")
    archetype: str = Field(description="The kind of video: the name of a file in templates/archetypes/.")
    tier: Tier = Field(description="The quality tier. Recorded; it chooses a service only through the tier router.")
    target_duration: float = Field(ge=1, le=600, allow_inf_nan=False, description="The length asked for, in seconds.")
    platform: str = Field(description="Where it will be published: a key of templates/platforms.json. Gives the aspect ratio.")
    prompt: str | None = Field(default=None, max_length=2000, description="Extra direction for the planner.")
    aspect_ratio: AspectRatio | None = Field(default=None, description="Overrides the platform's aspect ratio.")
    service: str | None = Field(default=None, description="The video service for this job; overrides VIDEO_SERVICE.")
    clips: ClipsMode = Field(
        default="auto", description="auto: one clip if the service can make one that long, else one per segment."
    )
    fit: Fit = Field(
        default="keep",
        description="What to do where a service only makes longer clips than asked for: keep the whole clip, or trim it.",
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
    language: str = Field(
        default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="Language tag of the script, such as en or pt-BR."
    )
    narration: bool = Field(default=True, description="true: the script is spoken text; false: short lines for the screen.")
    captions: bool = Field(default=True, description="Whether to write subtitles (.srt) beside the video.")
    max_cost_usd: float | None = Field(
        default=None, ge=0, le=10_000, allow_inf_nan=False, description="This job's own spending cap, in US dollars."
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


class AcceptedDefinition(StoredModel):
    """The definition of an accepted job, as stored in its state by any version of this program.

    Only the id is required: jobs of the original system have nothing else but a title.
    """

    content_id: str = ""
    title: str = ""
    archetype: str = ""
    tier: str = ""
    target_duration: float | None = None
    platform: str = ""
    fit: str = "keep"
    captions: bool = True
    max_cost_usd: float | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _what_was_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        known = self.model_fields_set | self.extra.keys()
        return {name: value for name, value in handler(self).items() if name in known}


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
        details = error.errors(include_url=False)
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
    path = _place(".".join(str(part) for part in detail["loc"]) or "/")
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    length = len(given) if isinstance(given, str) else 0
    if kind == "extra_forbidden":
        return Problem(path, f"there is no such field.{nearest(path, list(JobDefinition.model_fields))}")
    if kind == "string_pattern_mismatch" and path == "content_id":
        return Problem(
            path,
            f"{_shown(given)} cannot name files: use 1 to 120 letters, digits, '.', '_' or '-', starting with a letter or digit",
        )
    sentences = {
        "missing": "it is required; add it",
        "string_type": f"it must be a text, not {_shown(given)}",
        "string_too_short": "it must not be empty",
        "string_too_long": f"it has {length} characters; at most {context.get('max_length')} are allowed",
        "literal_error": f"{_shown(given)} is not one of {context.get('expected')}",
        "greater_than_equal": f"{_shown(given)} is too small; the least is {context.get('ge')}",
        "less_than_equal": f"{_shown(given)} is too large; the most is {context.get('le')}",
        "float_type": f"it must be a number, not {_shown(given)}",
        "int_type": f"it must be a whole number, not {_shown(given)}",
        "int_from_float": f"it must be a whole number, not {_shown(given)}",
        "bool_type": f"it must be true or false, not {_shown(given)}",
        "dict_type": f"it must be an object in braces, not {_shown(given)}",
        "string_pattern_mismatch": f"{_shown(given)} is no language tag such as en or pt-BR",
    }
    return Problem(path, sentences.get(kind, detail["msg"]))


def _unknown_names(document: dict[str, Any], vocabulary: Vocabulary) -> Iterator[Problem]:
    for field, known in (
        ("archetype", vocabulary.archetypes),
        ("platform", vocabulary.platforms),
        ("service", vocabulary.services),
    ):
        name = document.get(field)
        if isinstance(name, str) and name not in known:
            yield Problem(field, f"{_shown(name)} is unknown.{nearest(name, list(known))} Known: {', '.join(sorted(known))}")


def _plain_addresses(document: dict[str, Any]) -> Iterator[Problem]:
    place = document.get("start_image")
    if isinstance(place, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", place) and not place.lower().startswith("https://"):
        yield Problem("start_image", f"{_shown(place)} is no https address; name a file, or an address that begins with https://")


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
            yield Problem(_place(path), f"{_shown(value)} has more than 64 bits; write it as a text, in quotes")


def _control_characters(document: dict[str, Any]) -> Iterator[Problem]:
    for field in ("title", "style", "start_image"):
        text = document.get(field)
        if isinstance(text, str) and (is_blank(text) or re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", text)):
            yield Problem(field, "it must be one line of visible text")
    prompt = document.get("prompt")
    if isinstance(prompt, str) and re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", prompt):
        yield Problem("prompt", "it holds control characters; remove them")


def _place(path: str) -> str:
    return path if len(path) <= 60 and path.isprintable() else _shown(path)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
