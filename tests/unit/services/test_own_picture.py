"""The user's own picture: one that cannot be looked at is not gone."""

from __future__ import annotations

import errno

import pytest

from tenxsom.errors import DiskError, NotFound
from tenxsom.http.downloads import Downloader
from tenxsom.services.images.own_picture import OwnPicture
from tests.broken_stat import break_stat


def test_a_picture_whose_disk_does_not_answer_is_not_gone(tmp_path, monkeypatch):
    source = OwnPicture(Downloader(), tmp_path.joinpath)
    with pytest.raises(NotFound):
        source.image_status({"job_id": "lake.png"}, None)
    (tmp_path / "hill.png").mkdir()
    with pytest.raises(NotFound):
        source.image_status({"job_id": "hill.png"}, None)
    break_stat(monkeypatch, tmp_path / "lake.png", errno.EIO)
    with pytest.raises(DiskError):
        source.image_status({"job_id": "lake.png"}, None)
    source.close()
