"""Work in several threads: all of it is done, however few threads the machine gives."""

from __future__ import annotations

import threading

import pytest

from tenxsom.threads import side_by_side


@pytest.mark.parametrize("given", [0, 1])
def test_work_is_done_by_as_many_threads_as_the_machine_gives(given, monkeypatch, caplog):
    """`ulimit -u` and containers refuse further ones."""
    start, left, refused = threading.Thread.start, iter(range(given)), threading.Event()

    def refuse(thread: threading.Thread) -> None:
        if next(left, None) is None:
            refused.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    items = iter(range(100))

    def work() -> list[int]:
        assert refused.wait(30)  # otherwise an idle thread could do all of it
        return list(items)

    done = side_by_side(work, 8, "work")
    assert sorted(item for of_call in done for item in of_call) == list(range(100))
    assert "fewer than 8 threads" in caplog.text


def test_the_error_of_a_call_is_raised():
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda: 1 // 0, 2, "work")
