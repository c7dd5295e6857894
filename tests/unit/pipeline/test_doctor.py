"""What the doctor says of places that it cannot look at."""

from __future__ import annotations

import errno

import pytest

from tenxsom import settings
from tenxsom.errors import DiskError
from tenxsom.pipeline.doctor import Doctor
from tenxsom.store.files.artifacts import FileArtifacts
from tenxsom.store.files.jobs import FileJobStore
from tests.broken_stat import break_stat


def test_locks_of_a_queue_that_does_not_answer_are_not_said_to_work(tmp_path, monkeypatch):
    home = settings.load({"TENXSOM_HOME": str(tmp_path)})
    doctor = Doctor(home, FileJobStore(home.pending_folder), FileArtifacts(home.completed_folder))
    assert [finding.ok for finding in doctor._locks()] == [True]
    home.pending_folder.mkdir()
    assert [finding.ok for finding in doctor._locks()] == [True]
    break_stat(monkeypatch, home.pending_folder, errno.ESTALE)
    with pytest.raises(DiskError, match="Cannot look into"):
        list(doctor._locks())
