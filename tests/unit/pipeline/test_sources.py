"""What the arguments of a submission stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenxsom.pipeline.intake import sources


@pytest.mark.case
def test_a_folder_stands_for_its_definitions_whatever_the_case_of_their_ending(tmp_path: Path) -> None:
    for name in ("a.json", "b.JSON", "c.Json", "notes.txt", ".hidden.json", "d.json.bak"):
        (tmp_path / name).write_text(name)
    found = {Path(name).name: read() for name, read in sources([str(tmp_path)])}
    assert found == {"a.json": b"a.json", "b.JSON": b"b.JSON", "c.Json": b"c.Json"}
