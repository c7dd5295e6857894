"""What is said of a place that nobody can look at."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from tenxsom.disk import is_there
from tests.broken_stat import break_stat


def test_only_what_is_missing_is_not_there(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert is_there(tmp_path / "file")
    assert is_there(tmp_path / "file", stat.S_ISREG)
    assert not is_there(tmp_path / "file", stat.S_ISDIR)
    for name in ("missing", "file/below", "dangling"):
        assert not is_there(tmp_path / name)


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.EACCES], ids=os.strerror)
def test_what_does_not_answer_is_not_missing(tmp_path, monkeypatch, number):
    break_stat(monkeypatch, tmp_path / "file", number)
    with pytest.raises(OSError, match=os.strerror(number)):
        is_there(tmp_path / "file")
