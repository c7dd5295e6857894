"""docs/explanation/promises.md under test: the proofs that it names exist."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tenxsom.settings import ROOT

PAGE = (ROOT / "docs" / "explanation" / "promises.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@cache
def statements(file: str) -> list[ast.stmt]:
    return ast.parse((ROOT / file).read_text(encoding="utf-8")).body


@cache
def collected_from(file: str) -> set[str]:
    """The names that pytest collects from a file: functions, classes, and what is assigned a name like theirs."""
    body = statements(file)
    names = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    names |= {target.id for node in body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in names if name.startswith(("test_", "Test"))}


@pytest.mark.parametrize(("file", "test"), NAMED, ids="::".join)
def test_every_test_that_proves_a_promise_exists(file: str, test: str) -> None:
    assert test in collected_from(file)


def test_all_promises_are_there_each_with_its_danger_its_mechanism_and_its_proof() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    promises = [section for section in sections if section[0].isdigit()]
    assert [int(section.split(".")[0]) for section in promises] == list(range(1, 18))
    for section in promises:
        for part in ("**What can break it**", "**What keeps it**", "**Proved by**"):
            assert part in section, section.splitlines()[0]
        assert "::test_" in section
    assert sections[-1].startswith("Not promised")


def is_quick(file: str, test: str) -> bool:
    """Whether `make test` runs it: neither the test nor its file is marked slow."""
    for node in statements(file):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if name in ("pytestmark", test) and "mark.slow" in ast.unparse(value):
                    return False
            case ast.FunctionDef(name=name, decorator_list=marks):
                if name == test and any(ast.unparse(mark) == "pytest.mark.slow" for mark in marks):
                    return False
    return True


def test_every_promise_has_a_proof_that_takes_no_time() -> None:
    sections = [section for section in re.split(r"^## ", PAGE, flags=re.MULTILINE) if section[0].isdigit()]
    assert len(sections) == 17
    for section in sections:
        proofs = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", section)
        assert any(is_quick(file, test) for file, test in proofs), section.splitlines()[0]


def test_every_crash_test_proves_a_promise() -> None:
    files = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "crash").glob("test_*.py"))
    assert {(file, test) for file in files for test in collected_from(file)} <= set(NAMED)


def test_every_file_that_the_page_names_exists() -> None:
    for file in re.findall(r"`((?:tenxsom|templates)/[\w/.]+\.\w+)`", PAGE):
        assert (ROOT / file).is_file(), file


def test_every_mechanism_that_the_page_names_exists() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tenxsom").rglob("*.py"))
    named = re.findall(r"`([A-Z]\w+)\.(\w+)`", PAGE)
    assert len(named) > 5
    for owner, function in named:
        assert re.search(rf"^class {owner}\b", source, re.MULTILINE), owner
        assert re.search(rf"^    def {function}\b", source, re.MULTILINE), function
