"""The form of a job definition, made from its JSON Schema: a new field of the definition is a new field of the form.

A form's texts become a definition here; whether it is a good one, the same check says as for the scripts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tenxsom.errors import Problem

LONG = 200
"""Texts among the first fields that may be longer are written in several lines."""
FIRST = ("content_id", "title", "archetype", "tier", "platform", "target_duration", "prompt", "script")
"""The fields that everybody fills in; the others are folded away."""
SWITCH = {"true": "yes", "false": "no"}


class Field(NamedTuple):
    """A field of the form."""

    name: str
    label: str
    help: str
    kind: str
    """text, lines, number or choice."""
    value: str
    options: Sequence[tuple[str, str]] = ()
    """The values and words of a choice."""
    is_required: bool = False
    attributes: Mapping[str, str] = {}
    """What the browser checks before it sends the form."""
    problems: Sequence[str] = ()

    @property
    def is_first(self) -> bool:
        return self.name in FIRST


def fields(
    schema: Mapping[str, Any],
    texts: Mapping[str, str],
    problems: Sequence[Problem] = (),
    known: Mapping[str, Collection[str]] | None = None,
) -> list[Field]:
    """Return the fields of a schema with the texts in them, the first ones first; `known` has names for fields that take any."""
    found = []
    for name, property_ in schema["properties"].items():
        mine = [problem.message for problem in problems if problem.path.split(".")[0].split("[")[0] == name]
        is_required, names = name in schema["required"], (known or {}).get(name, ())
        found.append(_field(name, property_, texts.get(name, ""), required=is_required, problems=mine, known=names))
    return sorted(found, key=lambda field: FIRST.index(field.name) if field.is_first else len(FIRST))


def other_problems(schema: Mapping[str, Any], problems: Sequence[Problem]) -> list[str]:
    """Return the problems that belong to no field of the form."""
    names = schema["properties"].keys()
    return [f"{problem.path}: {problem.message}" for problem in problems if problem.path.split(".")[0].split("[")[0] not in names]


def document(schema: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the definition that a form's texts say. A text that is no number stays one, for the check to say so."""
    made = {}
    for name, property_ in schema["properties"].items():
        text = texts.get(name, "").replace("\r\n", "\n")
        if text.strip():
            made[name] = _value(property_, text)
    return made


def texts_of(schema: Mapping[str, Any], definition: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of a form that say a definition."""
    return {name: _text(schema["properties"][name], value) for name, value in definition.items() if name in schema["properties"]}


def _field(
    name: str, property_: Mapping[str, Any], text: str, *, required: bool, problems: list[str], known: Collection[str]
) -> Field:
    label = name.replace("_", " ").capitalize().replace(" id", " ID").replace("usd", "(US dollars)")
    options = list(_options(property_, required, known))
    forms = list(_forms(property_))
    kinds = {form.get("type") for form in forms}
    if options:
        kind = "choice"
    elif kinds <= {"number", "integer"}:
        kind = "number"
    else:
        is_prose = name in FIRST and any(form.get("maxLength", 0) > LONG for form in forms)
        kind = "lines" if is_prose or (kinds & {"object", "array"} and "voice" not in name) else "text"
    help_ = property_.get("description", "") + _how_to_write(property_)
    return Field(name, label, help_, kind, text, options, required, dict(_attributes(forms, kind)), problems)


def _forms(property_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the forms that a value may have, without null."""
    for form in property_.get("anyOf") or property_.get("oneOf") or [property_]:
        if "anyOf" in form or "oneOf" in form:
            yield from _forms(form)
        elif form.get("type") != "null":
            yield form


def _options(property_: Mapping[str, Any], required: bool, known: Collection[str]) -> Iterator[tuple[str, str]]:
    names: list[tuple[str, str]] = [(name, name) for name in known]
    for form in _forms(property_):
        names += [(str(name), str(name).replace("_", " ")) for name in form.get("enum", [form["const"]] if "const" in form else [])]
        names += list(SWITCH.items()) if form.get("type") == "boolean" else []
    if names:
        usual = property_.get("default")
        words = "choose" if required else f"as usual ({_plain(usual)})" if usual not in (None, "") else "as usual"
        yield "", words
        yield from names


def _plain(value: Any) -> str:
    return SWITCH[str(value).lower()] if isinstance(value, bool) else str(value).replace("_", " ")


def _attributes(forms: Sequence[Mapping[str, Any]], kind: str) -> Iterator[tuple[str, str]]:
    if len(forms) != 1:
        return
    form = forms[0]
    if kind in ("text", "lines") and "maxLength" in form:
        yield "maxlength", str(form["maxLength"])
    if kind == "text" and "pattern" in form:
        yield "pattern", str(form["pattern"]).removeprefix("^").removesuffix("$")
    if kind == "number":
        yield "step", "1" if form.get("type") == "integer" else "any"
        for word, name in (("minimum", "min"), ("maximum", "max")):
            if word in form:
                yield name, str(form[word])


def _how_to_write(property_: Mapping[str, Any]) -> str:
    forms = list(_forms(property_))
    kinds = {form.get("type", "object") for form in forms}
    if kinds == {"object"}:
        is_flat = forms[0].get("additionalProperties") == {"type": "string"}
        return " One a line: word = what is said." if is_flat else " As JSON: {…}."
    if "array" in kinds:
        return " Plain text, or a JSON list."
    return ""


def _value(property_: Mapping[str, Any], text: str) -> Any:
    forms = list(_forms(property_))
    kinds = {form.get("type", "object") for form in forms}
    stripped = text.strip()
    if "boolean" in kinds and stripped in SWITCH:
        return stripped == "true"
    if kinds <= {"number", "integer"}:
        return _number(stripped)
    if kinds & {"object", "array"}:
        return _structured(forms, kinds, stripped)
    return text.strip("\n") if "\n" in text else stripped


def _structured(forms: Sequence[Mapping[str, Any]], kinds: set[str], text: str) -> Any:
    """Return what is written as JSON, or as lines of a dictionary of texts; else the text, which the check then judges."""
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    if kinds == {"object"} and forms[0].get("additionalProperties") == {"type": "string"}:
        pairs = [line.partition("=") for line in text.splitlines() if line.strip()]
        return {word.strip(): said.strip() for word, _, said in pairs} if all(sign for _, sign, _ in pairs) else text
    return text


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _text(property_: Mapping[str, Any], value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    is_flat = isinstance(value, dict) and any(form.get("additionalProperties") == {"type": "string"} for form in _forms(property_))
    if is_flat:
        return "\n".join(f"{word} = {said}" for word, said in value.items())
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, indent=2)
    return f"{value:g}" if isinstance(value, float) else str(value)
