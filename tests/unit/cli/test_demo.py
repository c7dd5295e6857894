"""The demonstration: it makes its film once more each time, and carries on with one that was interrupted."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.app import App
from tenxsom.cli import demo, run
from tests.states import new_job


@pytest.mark.parametrize(("on_its_way_at", "is_carried_on"), [("local_studio", True), ("useapi_ltx", False), (None, False)])
def test_a_demonstration_that_was_interrupted_is_carried_on_and_no_order_to_a_vendor(
    on_its_way_at: str | None, is_carried_on: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = settings.load({"TENXSOM_HOME": str(tmp_path)})
    if on_its_way_at:
        with App(loaded) as app, app.store.accept(new_job("demo-bread", service=on_its_way_at)):
            pass
    asked: list[argparse.Namespace] = []

    def orchestrate(arguments: argparse.Namespace, _: settings.Settings) -> run.Result:
        asked.append(arguments)
        return run.Result(0, dict, "")

    monkeypatch.setattr("tenxsom.cli.submit.orchestrate", orchestrate)
    demo.make(argparse.Namespace(example=demo.FIRST, json=False), loaded)
    assert [arguments.again for arguments in asked] == [not is_carried_on]
