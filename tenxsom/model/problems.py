"""Says what is wrong with a field of a document that a user wrote, in one sentence for each error of pydantic."""

from __future__ import annotations

import re
from typing import Any

from tenxsom.model.stored import shown

FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$"
LANGUAGE_TAG = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
SHORT_NAME = r"^[a-z][a-z0-9_]{1,39}$"
WITHOUT_HASH = r"^[^#]+$"
_PATTERNS = {
    FILE_NAME: "cannot name files: use 1 to 120 letters, digits, '.', '_' or '-', starting with a letter or digit",
    LANGUAGE_TAG: "is no language tag such as en or pt-BR",
    SHORT_NAME: "must be 2 to 40 small letters, digits or '_', starting with a letter",
    WITHOUT_HASH: "must not contain #",
}
"""What is wrong with a text that does not fit a pattern."""


_WITHOUT_QUOTES = "; leave out the quotation marks"


def _is_number(given: Any) -> bool:
    return isinstance(given, str) and re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", given) is not None


def sentence_of(detail: Any) -> str:
    """Return an error of pydantic as the sentence that stands behind the path of the field."""
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    length = len(given) if isinstance(given, str) else 0
    sentences = {
        "missing": "it is required; add it",
        "extra_forbidden": "there is no such field",
        "string_type": f"it must be a text, not {shown(given)}",
        "string_too_short": "it must not be empty",
        "too_short": "it must not be empty",
        "too_long": f"it has {context.get('actual_length')} entries; at most {context.get('max_length')} are allowed",
        "string_too_long": f"it has {length} characters; at most {context.get('max_length')} are allowed",
        "string_pattern_mismatch": f"{shown(given)} {_PATTERNS.get(context.get('pattern', ''), 'is not written as it must be')}",
        "literal_error": f"{shown(given)} is not one of {context.get('expected')}",
        "greater_than_equal": f"{shown(given)} is too small; the least is {context.get('ge')}",
        "greater_than": f"{shown(given)} is too small; it must be more than {context.get('gt')}",
        "less_than_equal": f"{shown(given)} is too large; the most is {context.get('le')}",
        "float_type": f"it must be a number, not {shown(given)}{_WITHOUT_QUOTES if _is_number(given) else ''}",
        "finite_number": f"it must be a number, not {shown(given)}",
        "int_type": f"it must be a whole number, not {shown(given)}{_WITHOUT_QUOTES if _is_number(given) else ''}",
        "int_from_float": f"it must be a whole number, not {shown(given)}",
        "bool_type": f"it must be true or false, not {shown(given)}",
        "dict_type": f"it must be an object in braces, not {shown(given)}",
        "model_type": f"it must be an object in braces, not {shown(given)}",
        "model_attributes_type": f"it must be an object in braces, not {shown(given)}",
    }
    return sentences.get(kind, str(detail["msg"]).removeprefix("Value error, "))
