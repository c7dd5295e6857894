"""The command that serves the dashboard, as a process: it says where it is, and ends when it is told to, with pages open."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tenxsom.settings import ROOT
from tests.processes import running


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_dashboard_says_where_it_is_and_ends_cleanly_with_pages_open(home: Path, stop: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [sys.executable, "manage_jobs.py", "dashboard", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    assert f"http://127.0.0.1:{port}" in process.stderr.readline()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stream:
        stream.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        received = b""
        while b"event: hello" not in received:
            received += stream.recv(4096)
        process.send_signal(stop)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "The dashboard has ended." in out
    assert not re.search("Traceback|ERROR|WARN", err), err


STOPPED_AS_IT_SAYS_WHERE_IT_IS = """
import os, signal, sys
from tenxsom import clock, settings
from tenxsom.app import App
from tenxsom.dashboard.server import serve

clock.stop_on_signals()
with App(settings.load(dict(os.environ))) as app:
    serve(app, "127.0.0.1", 0, ready=lambda _: signal.raise_signal(getattr(signal, sys.argv[1])))
print("ended")
"""


@pytest.mark.parametrize("stop", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_stop_before_the_pages_are_loaded_ends_the_dashboard(home: Path, stop: str) -> None:
    with running(STOPPED_AS_IT_SAYS_WHERE_IT_IS, stop) as (process,):
        out, _ = process.communicate(timeout=60)
    assert out == "ended\n"
    assert process.returncode == 0


@pytest.mark.slow
def test_a_taken_port_is_one_sentence_and_exit_code_2(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "manage_jobs.py", "dashboard", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "choose another with --port" in done.stderr
    assert "Traceback" not in done.stderr
