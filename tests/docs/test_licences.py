"""docs/explanation/licences.md under test: every package is in its tables, with the licence that its metadata names."""

from __future__ import annotations

import re
from importlib.metadata import files, metadata

import av
import pytest

from tenxsom.settings import ROOT
from tests.docs.test_docs import rows, text_of

PAGE = text_of(ROOT / "docs" / "explanation" / "licences.md")
LICENCES = {name.strip("`"): licence for name, licence in rows(PAGE) if name.startswith("`")}
FAMILIES = {
    "Apache": "Apache",
    "MIT": "MIT",
    "BSD": "BSD",
    "GPL": "GPL",
    "MPL": "MPL",
    "OFL": "OFL",
    "ZPL": "ZPL|Zope",
    "LGPL": "LGPL",
    "PSF": "Python Software Foundation",
}
"""The word that begins a licence's name in the table, and how metadata, old and new, may spell it."""


def required() -> set[str]:
    lines = [
        line
        for name in ("requirements.txt", "requirements-voice.txt", "requirements-dev.txt")
        for line in text_of(ROOT / name).splitlines()
    ]
    return {re.split(r"[<>=\[]", line)[0] for line in lines if line and not line.startswith(("#", "-r"))}


def test_every_required_package_is_in_the_tables_and_no_other() -> None:
    assert set(LICENCES) == required()


@pytest.mark.parametrize("package", sorted(LICENCES))
def test_a_package_is_under_the_licence_that_the_page_says(package: str) -> None:
    about = metadata(package)
    classifiers = [line for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    named = [value for key in ("License-Expression", "License") for value in about.get_all(key) or []]
    texts = [file.read_text() for file in files(package) or [] if "dist-info" in str(file) and file.name.startswith("LICEN")]
    said = " ".join([*named, *classifiers, *([] if named or classifiers else texts)])
    family = re.match(r"[A-Z]+", LICENCES[package], re.IGNORECASE)
    assert family is not None
    assert re.search(FAMILIES[family[0]], said), said


def test_the_encoder_that_makes_the_wheel_a_matter_of_the_gpl_is_really_in_use() -> None:
    assert "libx264" in PAGE
    assert "libx264" in av.codecs_available
    assert any('"libx264"' in text_of(path) for path in (ROOT / "tenxsom" / "media").glob("*.py"))
