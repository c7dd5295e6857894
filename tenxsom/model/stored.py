"""The base class of what is stored as JSON: strict types, and fields of other versions that survive a rewrite.

Strict: `true` is not a number and `"5"` is not 5, because this program never writes such a state file. An integer is accepted
where a number is required. Unknown fields are kept (`extra`) and written back.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError, PydanticSerializationError, to_json

from tenxsom.errors import BrokenState

MOST_READABLE_BYTES = 1024 * 1024
"""Longer JSON is written without indentation, which could make many megabytes of a deeply nested value."""


class StoredModel(BaseModel):
    """A model that is read from and written to JSON without losing unknown fields."""

    model_config = ConfigDict(extra="allow", strict=True)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """Return the model of a document. Raises BrokenState, which names the first field that is wrong."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise BrokenState(_sentence(error)) from None
        except RecursionError:
            raise BrokenState("it is nested too deeply") from None

    @property
    def extra(self) -> dict[str, Any]:
        """Return the fields that this version does not know."""
        if self.__pydantic_extra__ is None:  # never: the configuration allows extra fields
            self.__pydantic_extra__ = {}
        return self.__pydantic_extra__

    def as_dict(self) -> dict[str, Any]:
        """Return the document of this model, unknown fields included."""
        return self.model_dump()

    def as_json(self) -> bytes:
        """Return the text of a file."""
        try:
            data = self.model_dump_json(indent=2).encode()
            return data + b"\n" if len(data) <= MOST_READABLE_BYTES else encode(self.as_dict())
        except PydanticSerializationError:
            return encode(self.as_dict())


def encode(value: Any) -> bytes:
    """Return JSON as the bytes of a file: indented, UTF-8, with a newline at its end.

    JSON has no NaN and no infinity: null is written for them. Half of a surrogate pair, which a vendor may send and UTF-8
    cannot encode, is written as a JSON escape.
    """
    try:
        data = to_json(value, indent=2, inf_nan_mode="null")
        if len(data) > MOST_READABLE_BYTES:
            data = to_json(value, inf_nan_mode="null")
        return data + b"\n"
    except PydanticSerializationError:  # half of a surrogate pair; what is no JSON raises TypeError here
        return json.dumps(_finite(value), ensure_ascii=False, indent=2, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"


def decode(data: bytes) -> Any:
    """Return the value in the bytes of a file. Raises ValueError, which says what is wrong, or RecursionError."""
    return json.loads(data)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def check_moment(value: Any, where: str = "") -> None:
    """Raise a validation error unless `value` is a time as our clock writes it."""
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError):
        if where:
            raise broken(f"its field {where} is no time: {shown(value)}") from None
        raise PydanticCustomError("moment", "is no time") from None


def check_text(value: Any, where: str) -> None:
    """Raise a validation error unless `value` is a text that is not blank."""
    if not isinstance(value, str) or not value:
        raise broken(f"its field {where} cannot be {shown(value)}")


def broken(sentence: str) -> PydanticCustomError:
    """Return the validation error that says `sentence` of the whole file."""
    return PydanticCustomError("state", "{sentence}", {"sentence": sentence})


def _moment(value: str) -> str:
    check_moment(value)
    return value


Moment = Annotated[str, AfterValidator(_moment)]
"""A time as text: UTC, ISO 8601, as our clock writes it."""

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A duration in seconds."""

Text = Annotated[str, Field(min_length=1)]
"""A text that is not blank."""


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    kind = first["type"]
    if kind == "missing":
        return f"its field {where} is missing"
    if kind == "state":
        return str(first["msg"])
    if kind == "value_error":
        return f"its field {where} cannot be: {str(first['msg']).removeprefix('Value error, ')}"
    if kind == "moment":
        return f"its field {where} is no time: {shown(first['input'])}"
    if kind in ("greater_than", "finite_number"):
        return f"its field {where} is no length: {shown(first['input'])}"
    return f"its field {where} cannot be {shown(first['input'])}" if where else "it holds no JSON object"


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, on one line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
