"""A disk that was full while bytecode was written leaves no broken program."""

from __future__ import annotations

import importlib.util
import marshal
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, in_a_shell


def status(home: Path, cache: Path, before: str = ":") -> subprocess.CompletedProcess[str]:
    """A command with its bytecode in a folder of its own."""
    environment = {"PATH": os.environ["PATH"], "TENXSOM_HOME": str(home), "PYTHONPYCACHEPREFIX": str(cache)}
    command = [sys.executable, str(ROOT / "manage_jobs.py"), "status", "--json"]
    return subprocess.run(in_a_shell(before, *command), env=environment, capture_output=True, text=True, check=False)


def cut(path: Path, to_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:to_bytes])


@pytest.mark.case
@pytest.mark.slow
@pytest.mark.parametrize("left", [0.9, 0.1])
def test_bytecode_that_was_cut_off_is_compiled_anew(home, tmp_path, left):
    assert status(home, tmp_path).returncode == 0
    ours = [path for path in tmp_path.rglob("tenxsom/*/*.pyc") if path.stat().st_size > 4096]
    theirs = list(tmp_path.rglob("pydantic/*.pyc"))
    assert ours
    for path in [*ours, *theirs]:
        cut(path, max(20, int(path.stat().st_size * left)))
    sizes = {path: path.stat().st_size for path in ours if path.name.startswith(("run.", "manage."))}
    for _ in range(2):
        ended = status(home, tmp_path)
        assert ended.returncode == 0, ended.stderr
    assert all(not path.exists() or path.stat().st_size > size for path, size in sizes.items())


@pytest.mark.slow
def test_a_limit_that_was_there_for_one_run_was_there_for_one_run_only(home, tmp_path):
    """As a full disk does: what does not fit is cut off, Python's own modules included."""
    status(home, tmp_path, before="ulimit -f 20")  # blocks of 512 bytes
    for _ in range(3):
        ended = status(home, tmp_path)
        assert ended.returncode == 0, ended.stderr


def test_the_bytecode_of_the_mending_module_itself_takes_one_block():
    source = ROOT / "tenxsom/bytecode.py"
    code = compile(source.read_bytes(), str(source), "exec")
    assert len(marshal.dumps(code)) + 16 < 4096
    package = importlib.util.find_spec("tenxsom")
    assert package is not None
    assert package.origin is not None
    assert len(marshal.dumps(compile(Path(package.origin).read_bytes(), package.origin, "exec"))) + 16 < 4096


def test_a_mistake_in_the_source_is_still_told(tmp_path):
    (tmp_path / "wrong.py").write_text("def broken(:\n")
    code = "import tenxsom.bytecode, sys; sys.path.insert(0, sys.argv[1]); import wrong"
    ended = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "SyntaxError" in ended.stderr
