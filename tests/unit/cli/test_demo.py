"""The demonstration: it makes its film once more each time, and carries on with one that was interrupted."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.app import App
from tenxsom.cli import demo, run
from tests.states import new_job


@pytest.mark.parametrize("is_interrupted", [True, False])
def test_a_demonstration_that_was_interrupted_is_carried_on(
    is_interrupted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = settings.load({"TENXSOM_HOME": str(tmp_path)})
    if is_interrupted:
        with App(loaded) as app, app.store.accept(new_job("demo-bread")):
            pass
    asked: list[argparse.Namespace] = []

    def orchestrate(arguments: argparse.Namespace, _: settings.Settings) -> run.Result:
        asked.append(arguments)
        return run.Result(0, dict, "")

    monkeypatch.setattr("tenxsom.cli.submit.orchestrate", orchestrate)
    demo.make(argparse.Namespace(example=demo.FIRST, json=False), loaded)
    assert [arguments.again for arguments in asked] == [not is_interrupted]
