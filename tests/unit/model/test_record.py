"""Records: dataclasses as far as states need them, and the two readers of their JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any
from unittest import mock

import pytest

from tenxsom.errors import BrokenState
from tenxsom.model import json_bytes
from tenxsom.model.record import Record, field
from tests.states import new_clip, new_job


class Note(Record):
    text: str
    number: int = 1
    tags: list[str] = field(default_factory=list)


class SameFields(Record):
    text: str
    number: int = 1
    tags: list[str] = field(default_factory=list)


def test_fields_are_given_in_their_order_or_by_name() -> None:
    assert Note("a", 2, ["b"]) == Note(tags=["b"], text="a", number=2)
    assert Note("a").as_dict() == {"text": "a", "number": 1, "tags": []}


def test_what_is_made_for_a_field_is_made_for_each_record() -> None:
    one, another = Note("a"), Note("a")
    one.tags.append("b")
    assert (one.tags, another.tags, Note("a").tags) == (["b"], [], [])


@pytest.mark.parametrize("named", [{}, {"number": 2}])
def test_a_field_that_is_missing_is_named(named: Any) -> None:
    with pytest.raises(TypeError, match="Note needs text"):
        Note(**named)


@pytest.mark.parametrize(
    ("values", "named"), [(["a"], {"text": "a"}), (["a"], {"colour": "red"}), (["a", 1, [], "one too many"], {})]
)
def test_a_field_that_is_unknown_or_given_twice_is_refused(values: Any, named: Any) -> None:
    with pytest.raises(TypeError, match="Note was given a field that it does not have, or one twice"):
        Note(*values, **named)


def test_a_record_of_a_kind_has_the_fields_of_that_kind_and_its_own() -> None:
    class Letter(Note):
        to: str = "you"

    assert Letter("a", to="me").as_dict() == {"text": "a", "number": 1, "tags": [], "to": "me"}
    assert Note("a").as_dict() == {"text": "a", "number": 1, "tags": []}


def test_records_are_equal_when_everything_in_them_is() -> None:
    assert Note("a") == Note("a") != Note("b")
    moment = {"submit_time": "2026-01-01T00:00:00.000Z"}
    assert new_job(clips=[new_clip()], **moment) == new_job(clips=[new_clip()], **moment) != new_job(clips=[new_clip(1)], **moment)
    assert Note("a") != SameFields("a")
    assert Note("a") == mock.ANY
    unknown = Note.from_dict({"text": "a", "colour": "red"})
    assert unknown != Note("a")
    assert unknown == Note.from_dict({"colour": "red", "text": "a"})


def test_a_record_changes_and_so_is_no_key() -> None:
    with pytest.raises(TypeError):
        {Note("a")}


def test_a_record_shows_its_fields() -> None:
    assert repr(Note("a")) == "Note(text='a', number=1, tags=[])"


@pytest.mark.parametrize("order", [["text", "number", "tags", "colour"], ["colour", "tags", "number", "text"]])
def test_what_is_not_known_is_kept_and_stands_last(order: list[str]) -> None:
    whole = {"text": "a", "number": 7, "tags": ["b"], "colour": "red"}
    note = Note.from_dict({name: whole[name] for name in order})
    assert note.extra == {"colour": "red"}
    assert list(json_bytes.decode(note.as_json()).items()) == list(whole.items())


@pytest.mark.parametrize("wrong", [{"number": True}, {"number": 1.5}, {"tags": "b"}, {"tags": [1]}, {"text": None}])
def test_a_value_of_a_wrong_type_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BrokenState, match=next(iter(wrong))):
        Note.from_dict({"text": "a"} | wrong)


# the two readers

TEXTS = [
    b'{"a": [1, 2.5, "\xc3\xbc", null, true], "b": {}}',
    b"123456789012345678901234567890",
    b"0.1234567890123456789",
    b"1e300",
    b'"\\ud800"',
    b"NaN",
    b'{"a": 1, "a": 2}',
    b"[" * 900 + b"]" * 900,
]
NOT_JSON = [b"", b"{", b"{'a': 1}", b'{"a": 1,}', b"\xff", b"nul", b'"\x00"']


@pytest.fixture(params=["few", "many"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`decode` as it is for the first texts of a process, and for those that come after them."""
    if request.param == "few":
        monkeypatch.setattr(json_bytes, "_read", 0)
        monkeypatch.delitem(sys.modules, "orjson", raising=False)
    else:
        monkeypatch.setattr(json_bytes, "_read", json_bytes.FEW)
    return json_bytes.decode


@pytest.mark.parametrize("text", TEXTS)
def test_orjson_reads_what_the_standard_library_reads(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr(json_bytes, "_read", json_bytes.FEW)
    assert repr(json_bytes.decode(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", NOT_JSON)
def test_both_readers_refuse_what_is_no_json(reader: Any, text: bytes) -> None:
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        reader(text)


def test_orjson_is_loaded_when_many_texts_are_read_and_not_before() -> None:
    probe = (
        "import sys\n"
        "from tenxsom.model import json_bytes\n"
        "for number in range(json_bytes.FEW + 1):\n"
        "    assert 'orjson' not in sys.modules, number\n"
        "    assert json_bytes.decode(b'[1]') == [1]\n"
        "assert 'orjson' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, timeout=60)


def test_orjson_reads_as_soon_as_it_has_written() -> None:
    probe = (
        "import json\n"
        "from tenxsom.model import json_bytes\n"
        "json_bytes.encode([1])\n"
        "json.loads = None\n"
        "assert json_bytes.decode(b'[1]') == [1]\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, timeout=60)
