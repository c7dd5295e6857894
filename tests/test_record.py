"""Records: dataclasses as far as states need them, and the two readers of their JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tenxsom.errors import BrokenState
from tenxsom.model import json_bytes
from tenxsom.model.record import Record, field
from tests.states import new_clip, new_job


class Note(Record):
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


@pytest.mark.parametrize(
    ("values", "named", "wrong"),
    [((), {}, "text"), ((), {"number": 2}, "text"), (("a",), {"text": "a"}, "text"), (("a",), {"colour": "red"}, "colour")],
)
def test_a_field_that_is_missing_or_unknown_or_given_twice_is_refused(values: Any, named: Any, wrong: str) -> None:
    with pytest.raises(TypeError, match=f"^{wrong} is missing, unknown, or given twice$"):
        Note(*values, **named)


def test_more_values_than_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        Note("a", 1, [], "one too many")  # type: ignore[call-arg]


def test_records_are_equal_when_everything_in_them_is() -> None:
    assert Note("a") == Note("a") != Note("b")
    moment = {"submit_time": "2026-01-01T00:00:00.000Z"}
    assert new_job(clips=[new_clip()], **moment) == new_job(clips=[new_clip()], **moment) != new_job(clips=[new_clip(1)], **moment)
    assert new_clip() != Note("a")
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
def test_both_readers_read_the_same(reader: Any, text: bytes) -> None:
    assert repr(reader(text)) == repr(json.loads(text))


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
