"""Stored models: what their JSON keeps, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import Field

from tenxsom.errors import BrokenState
from tenxsom.model.stored import Moment, Seconds, StoredModel, encode
from tests.states import new_clip, new_job


class Note(StoredModel):
    text: str
    number: int = 1
    tags: list[str] = Field(default_factory=list)
    seconds: Seconds = 1.0
    at: Moment | None = None


@pytest.mark.parametrize("order", [["text", "number", "tags", "colour"], ["colour", "tags", "number", "text"]])
def test_an_unknown_field_is_kept_and_written_last(order: list[str]) -> None:
    whole = {"text": "a", "number": 7, "tags": ["b"], "colour": "red"}
    note = Note.from_dict({name: whole[name] for name in order})
    assert note.extra == {"colour": "red"}
    document = json.loads(note.as_json())
    assert {name: document[name] for name in whole} == whole
    assert list(document)[-1] == "colour"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"number": True}, "its field number cannot be True"),
        ({"number": 1.5}, "its field number cannot be 1.5"),
        ({"number": "5"}, "its field number cannot be '5'"),
        ({"tags": "b"}, "its field tags cannot be 'b'"),
        ({"tags": [1]}, "its field tags.0 cannot be 1"),
        ({"text": None}, "its field text cannot be None"),
        ({"seconds": 0}, "its field seconds is no length: 0"),
        ({"seconds": float("inf")}, "its field seconds is no length: inf"),
        ({"at": "tomorrow"}, "its field at is no time: 'tomorrow'"),
    ],
)
def test_a_wrong_value_is_named_with_its_field(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BrokenState) as raised:
        Note.from_dict({"text": "a"} | wrong)
    assert str(raised.value) == sentence


def test_a_missing_field_is_named() -> None:
    with pytest.raises(BrokenState, match="its field text is missing"):
        Note.from_dict({"number": 2})


def test_a_whole_number_is_fine_where_a_number_is_asked_for() -> None:
    assert Note.from_dict({"text": "a", "seconds": 5}).seconds == 5.0


def test_no_two_models_share_a_default() -> None:
    one, another = Note(text="a"), Note(text="a")
    one.tags.append("b")
    assert (one.tags, another.tags) == (["b"], [])


def test_models_are_equal_when_everything_in_them_is() -> None:
    moment = {"submit_time": "2026-01-01T00:00:00.000Z"}
    one, same, other = (new_job(clips=[new_clip(step=step)], **moment) for step in ("request_image", "request_image", "done"))
    assert one == same != other
    assert Note.from_dict({"text": "a", "colour": "red"}) != Note(text="a")


@pytest.mark.parametrize("text", ["ü", "\u2028", "a\ud800b", "👍🏽", 'quote " and \\'])
def test_any_text_survives(text: str) -> None:
    assert Note.from_dict(json.loads(Note(text=text).as_json())).text == text


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_null_is_written_for_what_is_no_number_in_json(number: float) -> None:
    assert json.loads(encode({"a": [number, 1.5]})) == {"a": [None, 1.5]}


def test_what_is_no_json_raises() -> None:
    with pytest.raises(TypeError):
        encode({"a": ValueError("left behind")})
