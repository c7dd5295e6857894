"""Where definitions come from: files, folders, and batches of many in one file."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from tenxsom.errors import BadDefinition, BadInput
from tenxsom.model.definition import parse_definition
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.pipeline import sources, tables

VOCABULARY = Vocabulary(("tech_news",), {"youtube": "16:9"}, ("local_studio",))
HEAD = "content_id,title,archetype,tier,target_duration,platform"
LAKE = "lake,The lake,tech_news,volume,5,youtube"


def put(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def definitions(*names: str) -> dict[str, dict[str, Any]]:
    """Return what the sources say, by name without the folder, each checked."""
    found = {}
    for source in sources.sources(names):
        data = source.read()
        parse_definition(data, source.name, VOCABULARY)
        found[source.name.rpartition("/")[2]] = json.loads(data)
    return found


def refusal(*names: str) -> str:
    """Return the first error of the sources."""
    with pytest.raises(BadInput) as caught:
        definitions(*names)
    return str(caught.value)


# files and folders


@pytest.mark.case
def test_a_folder_stands_for_its_definitions_whatever_the_case_of_their_ending(tmp_path: Path) -> None:
    for name in ("a.json", "b.JSON", "c.Json", "notes.txt", ".hidden.json", "d.json.bak"):
        (tmp_path / name).write_text(name)
    (tmp_path / "older.json").mkdir()
    found = {Path(name).name: read() for name, read in sources.sources([str(tmp_path)])}
    assert found == {"a.json": b"a.json", "b.JSON": b"b.JSON", "c.Json": b"c.Json"}


def test_a_folder_stands_for_its_definitions_in_order_of_their_names(tmp_path):
    for name in ("b.json", "a.json", "notes.txt", "._a.json", ".hidden.json"):
        (tmp_path / name).write_text(name)
    found = [(source, read()) for source, read in sources.sources([str(tmp_path)])]
    assert found == [(str(tmp_path / name), name.encode()) for name in ("a.json", "b.json")]


@pytest.mark.parametrize("name", ["", "nowhere.json"])
def test_an_argument_that_names_nothing_is_refused(tmp_path, monkeypatch, name):
    """An unset shell variable must not stand for everything in the current folder."""
    (tmp_path / "a.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    ((_, read),) = sources.sources([name])
    with pytest.raises(BadInput):
        read()


@pytest.mark.parametrize("name", ['{"content_id": "lake"}' * 20, "/x" * 5000])
def test_a_name_that_no_file_can_have_is_refused(name):
    """A definition itself in the place of its file, say."""
    ((_, read),) = sources.sources([name])
    with pytest.raises(BadInput, match="cannot be read"):
        read()
    assert sources.conflict_copies([name]) == []


def test_a_folder_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def refuse(_: str) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("os.listdir", refuse)
    ((_, read),) = sources.sources([str(tmp_path)])
    with pytest.raises(BadInput, match=r"this folder cannot be read \(Permission denied\)"):
        read()


def test_a_folder_without_definitions_is_refused(tmp_path):
    ((_, read),) = sources.sources([str(tmp_path)])
    with pytest.raises(BadInput, match="holds no definitions"):
        read()


# JSONL


def test_every_line_of_a_jsonl_file_is_a_definition(tmp_path):
    pages = [dict(zip(HEAD.split(","), LAKE.split(","), strict=True)) | {"target_duration": 5, "content_id": name} for name in "ab"]
    name = put(tmp_path / "Batch.JSONL", "\ufeff" + "\r\n".join(["", *map(json.dumps, pages), "  ", ""]))
    assert definitions(name) == {"Batch.JSONL, line 2": pages[0], "Batch.JSONL, line 3": pages[1]}


def test_a_broken_line_is_named_with_its_column(tmp_path):
    name = put(tmp_path / "batch.jsonl", '{"content_id": "lake"\n')
    assert f"{name}, line 1: 1 problem." in refusal(name)
    assert "column 22" in refusal(name)
    assert "line 1, column" not in refusal(name)


def test_lines_on_standard_input_are_definitions_and_one_page_is_one(monkeypatch):
    page = json.dumps(dict(zip(HEAD.split(","), LAKE.split(","), strict=True)) | {"target_duration": 5})
    for data, names in (
        (page, ["standard input"]),
        (json.dumps(json.loads(page), indent=1), ["standard input"]),
        (f"{page}\n{page}\n", ["standard input, line 1", "standard input, line 2"]),
    ):
        monkeypatch.setattr(sources, "read_input", lambda name, most, data=data: data.encode())
        assert list(definitions("-")) == names


# tables


@pytest.mark.parametrize(
    "encoded",
    [
        f"{HEAD}\n{LAKE}\n".encode(),
        f"\ufeff{HEAD}\r\n{LAKE}\r\n".encode(),
        f"{HEAD}\r\n{LAKE}\r\n".replace(",", ";").encode(),
        f"sep=;\r\n{HEAD}\r\n{LAKE}\r\n".replace(",", ";").encode(),
        f"{HEAD}\r\n{LAKE}\r\n".replace(",", "\t").encode("utf-16"),
        f"{HEAD}\r\n{LAKE}\r\n".replace(",", "\t").encode("utf-16-le"),
        f"{HEAD},,\n{LAKE},,\n,,,,,,,\n\n".encode(),
        f"{HEAD}\r{LAKE}\r".encode(),
    ],
    ids=["plain", "mark", "semicolons", "sep", "utf-16", "utf-16 without a mark", "empty columns and rows", "old Mac"],
)
def test_a_table_is_read_as_spreadsheets_save_it(tmp_path, encoded):
    found = definitions(put(tmp_path / "t.csv", encoded))
    assert [page["content_id"] for page in found.values()] == ["lake"]


def test_cells_become_what_their_fields_are(tmp_path):
    head = f"{HEAD},narration,captions,seed,max_cost_usd,voice.speed,script,metadata.tags,metadata.order,metadata.crew.lead,prompt"
    row = """ lake ,"The ""lake"", at night",tech_news,volume,"7,5",youtube,FALSE,True,7,1.50,1.1,"[{""text"": ""Hi\nyou.""}]","""
    row += """spring; lakes,007,Ann,"""
    (page,) = definitions(put(tmp_path / "t.csv", f"{head}\n{row}\n")).values()
    assert page == {
        "content_id": "lake", "title": 'The "lake", at night', "archetype": "tech_news", "tier": "volume", "target_duration": 7.5,
        "platform": "youtube", "narration": False, "captions": True, "seed": 7, "max_cost_usd": 1.5, "voice": {"speed": 1.1},
        "script": [{"text": "Hi\nyou."}], "metadata": {"tags": ["spring", "lakes"], "order": "007", "crew": {"lead": "Ann"}},
    }  # fmt: skip


def test_a_wrong_cell_is_named_by_row_and_column(tmp_path):
    rows = [LAKE, "", "sea,The sea,tech_news,volume,soon,youtube", 'hill,"The\nhill",tech_news,volume,5,youtub']
    name = put(tmp_path / "t.csv", "\n".join([HEAD, *rows]))
    found = list(sources.sources([name]))
    assert [source.name for source in found] == [f"{name}, row 2", f"{name}, row 4", f"{name}, row 5"]
    with pytest.raises(BadDefinition) as caught:
        parse_definition(found[1].read(), found[1].name, VOCABULARY)
    assert str(caught.value) == f"{name}, row 4: 1 problem.\n  target_duration: it must be a number, not 'soon'"
    with pytest.raises(BadDefinition) as caught:
        parse_definition(found[2].read(), found[2].name, VOCABULARY)
    assert {problem.path for problem in caught.value.problems} == {"platform", "title"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the table is empty"),
        ("\n\n", "the table is empty"),
        (HEAD, "there is no definition in it"),
        (f"{HEAD},platfrm\n{LAKE},x\n", "row 1: 1 problem.\n  platfrm: there is no such field. Did you mean 'platform'?"),
        (f"{HEAD},colour\n{LAKE},x\n", "Facts of your own are named metadata.x."),
        (f"{HEAD},title\n{LAKE},x\n", "title: two columns have this name"),
        (f"{HEAD},,prompt\n{LAKE},x,y\n", "column G: it has no name"),
        (f"{HEAD},voice,voice.speed\n{LAKE},x,1\n", "voice: it excludes the column voice.speed"),
        ("content_id,title\nlake,x\n", "platform: the header has no such column"),
        (f"{HEAD}\n{LAKE}\nsea,The sea\n", "row 3: 1 problem.\n  archetype: the row ends before this column; it has 2 cells of 6"),
        (f"{HEAD}\n{LAKE},too much\n", "row 2: 1 problem.\n  column G: 'too much' stands outside"),
        (f'{HEAD}\n{LAKE}\n"sea,The sea,tech_news\n', "row 3: 1 problem.\n  a quote (\") begins a cell here and is never"),
        (f'{HEAD}\n"se"a,The sea,tech_news,volume,5,youtube\n', "text follows the closing quote"),
        (f"{HEAD}\n{LAKE}\n{LAKE}é\n".encode("cp1252"), "line 3: 1 problem.\n  byte 0xE9 is not UTF-8; in Windows-1252 it is"),
        (b"PK\x03\x04 a workbook", "this is a workbook"),
        (b"\xff\xfex", "it begins as UTF-16, but is cut off"),
    ],
)  # fmt: skip
def test_a_table_that_is_not_clear_is_refused_with_the_place(tmp_path, text, words):
    name = put(tmp_path / "t.csv", text)
    assert words in refusal(name)
    assert str(refusal(name)).startswith(name)


@pytest.mark.parametrize("cell", ["NaN", "1e999", "[" * 500, '[{"text": NaN}]', '["\\ud800"]', "\0", "{", "=1+1", "1,000"])
def test_a_cell_that_is_no_number_and_no_script_is_refused_with_a_sentence(tmp_path, cell):
    quoted = '"' + cell.replace('"', '""') + '"'
    for column in ("seed", "voice"):
        name = put(tmp_path / "t.csv", f"{HEAD},{column},narration\n{LAKE},{quoted},maybe\n")
        assert f"{name}, row 2" in refusal(name)


def test_a_table_that_is_too_large_is_refused_before_it_is_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 100)
    assert "larger than" in refusal(put(tmp_path / "t.csv", f"{HEAD}\n" + f"{LAKE}\n" * 3))


def test_pictures_of_a_batch_are_looked_for_beside_it(tmp_path, monkeypatch):
    (tmp_path / "batches").mkdir()
    name = put(tmp_path / "batches" / "a, b.csv", HEAD)
    monkeypatch.chdir(tmp_path)
    assert sources.folder_of(f"{name}, row 3") == sources.folder_of(name) == tmp_path / "batches"
    assert sources.folder_of("batches/a, b.csv, row 3") == tmp_path / "batches"
    assert sources.folder_of("standard input") == tmp_path


def test_one_document_in_a_file_of_lines_is_refused_once_with_what_to_do(tmp_path):
    lake = {"content_id": "lake", "title": "The lake"}
    told = refusal(put(tmp_path / "lake.jsonl", json.dumps(lake, indent=2)))
    assert "one definition over several lines; name the file .json" in told
    assert "jq -c '.[]'" in refusal(put(tmp_path / "many.jsonl", json.dumps([lake, lake], indent=2)))
    assert "jq -c '.[]'" in refusal(put(tmp_path / "list.jsonl", json.dumps([lake])))


def test_a_file_of_lines_that_is_not_utf_8_is_not_told_of_excel(tmp_path):
    told = refusal(put(tmp_path / "lake.jsonl", b'{"title": "Caf\xe9"}\n'))
    assert told.endswith("Save it as UTF-8")
