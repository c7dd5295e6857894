"""The command `tenxsom`: its subcommands are the scripts, and shells complete them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import tenxsom
from tenxsom import clock, program
from tenxsom.cli import commands


@pytest.fixture(autouse=True)
def no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "stop_on_signals", lambda: None)


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        commands.main([*words, "--help"])
    assert not ended.value.code
    return capsys.readouterr().out


def unfolded(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(("script", "command"), program.COMMANDS.items())
def test_a_subcommand_has_the_options_and_the_code_of_its_script(
    script: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main = import_module(script.removesuffix(".py")).main
    assert import_module(commands.COMMANDS[command.split()[1]].module).main is main
    with pytest.raises(SystemExit):
        main(["--help"])
    of_script = unfolded(capsys.readouterr().out)
    assert unfolded(help_of(capsys, command.split()[1])) == of_script.replace(script, command)


def test_a_most_used_command_of_an_operator_needs_no_second_word(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["costs", "--since", "7d", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == []


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_every_help_names_the_command_as_it_is_typed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert help_of(capsys, name).startswith(f"usage: tenxsom {name} [-h]")


@pytest.mark.parametrize("name", [name for name, command in commands.COMMANDS.items() if not command.word])
def test_a_help_ends_with_examples_that_are_calls_of_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    examples = help_of(capsys, name).partition("\nexamples:\n")[2].splitlines()
    assert len(examples) >= 2
    assert all(line.startswith(f"  tenxsom {name}") for line in examples)


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main(["--version"])
    assert not ended.value.code
    assert capsys.readouterr().out == f"tenxsom {tenxsom.__version__}\n"


def test_without_a_word_it_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main([])
    assert not ended.value.code
    assert all(
        re.search(rf"^    {name}\b", printed, re.MULTILINE) for printed in [capsys.readouterr().out] for name in commands.COMMANDS
    )


def test_an_unknown_command_is_one_sentence_and_bad_input(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["sumbit", "x.json"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("tenxsom: Argument COMMAND: invalid choice: 'sumbit'")
    assert printed.endswith("See tenxsom --help.\n")
    assert printed.count("\n") == 1


def test_the_demo_is_of_the_local_studio_and_free_whatever_is_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenxsom.cli import demo, run, submit
    from tenxsom.settings import Settings

    asked: list[tuple[object, Settings]] = []

    def orchestrate(arguments: object, settings: Settings) -> run.Result:
        asked.append((arguments, settings))
        return run.Result(0, dict, "")

    monkeypatch.setattr(submit, "orchestrate", orchestrate)
    monkeypatch.setenv("LTX_API_KEY", "key")
    monkeypatch.setenv("VIDEO_SERVICE", "ltx_api")
    monkeypatch.setenv("PLANNER_SERVICE", "anthropic")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    assert demo.main([]) == 0
    ((arguments, settings),) = asked
    assert (arguments.service, arguments.wait) == ("local_studio", True)  # type: ignore[attr-defined]
    assert (settings.video_service, settings.planner_service) == ("local_studio", "local")


# completion


@pytest.fixture
def script(home: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> str:
    assert commands.main(["completion", request.param]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("script", ["bash"], indirect=True)
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("tenxsom sub", {"submit"}),
        ("tenxsom submit --dry", {"--dry-run"}),
        ("tenxsom jobs resolve --ta", {"--take-as-is"}),
        ("tenxsom completion z", {"zsh"}),
        ("tenxsom jobs show la", {"lake"}),
        ("tenxsom submit pa", {"page.json"}),
    ],
)
def test_bash_completes_commands_options_values_files_and_jobs(script: str, typed: str, offered: set[str], home: Path) -> None:
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("bash is not installed")
    (home / "pending_video_jobs").mkdir()
    (home / "pending_video_jobs" / "lake.json").touch()
    (home / "page.json").touch()
    words = typed.split()
    probe = (
        f"{script}\nCOMP_WORDS=({' '.join(words)})\nCOMP_CWORD={len(words) - 1}\n"
        '$(complete -p tenxsom | sed "s/.*-F \\([^ ]*\\) .*/\\1/")\nprintf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run([bash, "-c", probe], cwd=home, capture_output=True, text=True, timeout=60, check=True)
    assert {line.strip() for line in done.stdout.splitlines()} == offered, done.stderr


@pytest.mark.parametrize("script", ["zsh", "fish"], indirect=True)
def test_zsh_and_fish_accept_their_scripts(script: str, request: pytest.FixtureRequest) -> None:
    shell = "fish" if "commandline" in script else "zsh"
    if not (found := shutil.which(shell)):
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([found, "-n", "/dev/stdin"], input=script, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", ["bash", "zsh", "fish"], indirect=True)
def test_a_shells_script_knows_every_command(script: str) -> None:
    assert all(re.search(rf"\b{name}\b", script) for name in commands.COMMANDS)


def test_starting_one_command_imports_no_other() -> None:
    probe = "import sys\nfrom tenxsom.cli import commands\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    assert not {command.module for command in commands.COMMANDS.values()} & set(done.stdout.split())
