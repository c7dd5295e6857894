"""The files that run the program elsewhere: an image's Dockerfile, systemd's units. What judges them here are their own linters."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.cli import collect, commands
from tenxsom.program import ROOT
from tests.docs.test_docs import text_of

UNITS = ROOT / "deploy" / "systemd"
DOCKERFILE = text_of(ROOT / "Dockerfile")


# the image


def test_hadolint_has_nothing_to_say_about_the_dockerfile() -> None:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent) or shutil.which("hadolint")
    if not hadolint:
        pytest.skip("hadolint is not installed (requirements-dev.txt)")
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def instructions(name: str) -> list[str]:
    return re.findall(rf"^\s*{name} (.+)$", DOCKERFILE.replace("\\\n", " "), re.MULTILINE)


def test_what_the_image_copies_is_in_its_context_and_nothing_else_is() -> None:
    copied = {word.rstrip("/") for line in instructions("COPY") if "--from" not in line for word in shlex.split(line)[:-1]}
    lines = [line for line in text_of(ROOT / ".dockerignore").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)
    assert not any(fnmatch(name, allowed) for allowed in copied for name in ("production.env", "spend_ledger.jsonl", ".git"))


def test_the_image_runs_ticks_as_a_user_without_rights_in_its_one_volume() -> None:
    assert instructions("VOLUME") == ["/data"]
    assert "TENXSOM_HOME=/data" in DOCKERFILE
    assert instructions("USER") == [re.search(r"useradd --uid (\d+)", DOCKERFILE)[1]]  # type: ignore[index]
    assert instructions("ENTRYPOINT") == ['["tenxsom"]']
    (called,) = [line for line in instructions("CMD") if "collect" in line]
    name, *words = re.findall(r'"([^"]+)"', called)
    assert name in commands.COMMANDS
    assert collect.command_line().parse_args(words).watch == 120


def test_the_image_is_healthy_while_ticks_run_and_ill_when_they_do_not(tmp_path: Path) -> None:
    from tenxsom.pipeline import last_tick

    (found,) = re.findall(r'CMD \["sh", "-c", "(.*)"\]', DOCKERFILE)
    probe = ["sh", "-c", found.replace('\\"', '"')]
    own = {"TENXSOM_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    folder = tmp_path / "pending_video_jobs"
    folder.mkdir()

    def code() -> int:
        return subprocess.run(probe, env=own, capture_output=True, timeout=60, check=False).returncode

    assert code() != 0
    last_tick.note(folder)
    assert code() == 0
    subprocess.run(["touch", "-d", "20 minutes ago", str(folder / ".last_tick")], check=True, timeout=60)
    assert code() != 0


# systemd


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd is not installed")
    shutil.copytree(UNITS, tmp_path, dirs_exist_ok=True)
    services = [tmp_path / f"tenxsom-{name}.service" for name in ("collect", "dashboard", "worker")]
    for service in services:
        service.write_text(service.read_text().replace("/opt/tenxsom/bin/tenxsom", "/bin/true"))  # the program must be there
    own = {"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"}
    units = [str(tmp_path / "tenxsom-collect.timer"), *map(str, services)]
    done = subprocess.run([analyze, "verify", *units], env=own, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    judged = [analyze, "security", "--offline=true", "--threshold=20", "--no-pager", *map(str, services)]  # 2.0 of 10
    done = subprocess.run(judged, env=own, capture_output=True, text=True, timeout=60, check=False)
    if "unrecognized option" not in done.stderr:  # before version 250
        assert done.returncode == 0, done.stdout[-2000:]


def test_the_units_say_what_they_must() -> None:
    service, timer = text_of(UNITS / "tenxsom-collect.service"), text_of(UNITS / "tenxsom-collect.timer")
    (called,) = re.findall(r"^ExecStart=\S+/tenxsom (\w+) (.*)$", service, re.MULTILINE)
    assert called[0] == "collect"
    assert collect.command_line().parse_args(called[1].split()).patience == 30
    assert "Persistent=true" in timer
    home, state = re.search(r"TENXSOM_HOME=/var/lib/(\w+)", service), re.search(r"^StateDirectory=(\w+)", service, re.MULTILINE)
    assert home
    assert state
    assert home[1] == state[1]


def test_every_credential_is_the_file_of_a_setting_that_is_a_secret() -> None:
    lines = text_of(UNITS / "tenxsom-collect.service.d" / "credentials.conf")
    loaded = dict(re.findall(r"^#?LoadCredential=(\w+):(\S+)$", lines, re.MULTILINE))
    given = dict(re.findall(r"^#?Environment=(\w+)=%d/(\w+)$", lines, re.MULTILINE))
    assert set(given.values()) == set(loaded)
    secret_files = {f"{setting.name}_FILE" for setting in settings.SETTINGS if setting.is_secret}
    assert set(given) <= secret_files | {"GOOGLE_APPLICATION_CREDENTIALS"}
