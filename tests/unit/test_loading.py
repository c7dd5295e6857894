"""Ctrl-C while a command loads its modules: the command ends, and prints nothing."""

from __future__ import annotations

import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tenxsom.settings import ROOT

INTERRUPTED = """
import runpy, signal, sys

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == "tenxsom.cli.run":
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler if sys.argv[1] == "heard" else signal.SIG_IGN)
sys.meta_path.insert(0, CtrlC())
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
LAUNCHERS = ("claude_video_service.py", "manage_jobs.py", "master_orchestrator_v3.py", "poll_video_status.py",
             "production_video_generator.py", "tenxsom/__main__.py")  # fmt: skip


def interrupted(how: str, launcher: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", INTERRUPTED, how, launcher, "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_ctrl_c_while_a_command_loads_ends_it_without_a_traceback(launcher: str) -> None:
    done = interrupted("heard", launcher)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_every_launcher_is_tried() -> None:
    assert {path.name for path in Path(ROOT).glob("*.py")} == {name for name in LAUNCHERS if "/" not in name}


def test_a_job_in_the_background_loads_on() -> None:
    done = interrupted("ignored", "poll_video_status.py")
    assert done.returncode == 0
    assert "usage:" in done.stdout


def test_a_program_that_imports_a_script_hears_ctrl_c_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    runpy.run_path(str(Path(ROOT) / "manage_jobs.py"), run_name="manage_jobs")
    assert signal.getsignal(signal.SIGINT) == before
