"""The doctor's findings, looked for in a thread of their own and kept: they ask servers that may take seconds to answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple

from tenxsom import clock
from tenxsom.pipeline.doctor import Doctor, Finding
from tenxsom.settings import Settings
from tenxsom.store.base import Artifacts, JobStore

FRESH_SECONDS = 300.0
"""Findings older than this are looked for again when somebody asks."""


class Examined(NamedTuple):
    """The findings, and when they were made."""

    findings: Sequence[Finding] | None
    """None: they are being looked for, for the first time."""
    at: str | None
    is_looking: bool


class Health:
    """Examines the installation at most once at a time."""

    def __init__(self, settings: Settings, store: JobStore, artifacts: Artifacts) -> None:
        self._doctor = Doctor(settings, store, artifacts)
        self._lock = threading.Lock()
        self._looking: threading.Thread | None = None
        self._findings: Sequence[Finding] | None = None
        self._at: str | None = None

    def examined(self, *, anew: bool = False) -> Examined:
        """Return the findings that are known, at once; missing and old ones are looked for meanwhile."""
        with self._lock:
            is_old = self._at is None or clock.age_seconds(self._at) > FRESH_SECONDS
            if (anew or is_old) and not self._is_looking:
                self._looking = threading.Thread(target=self._look, name="doctor", daemon=True)
                self._looking.start()
            return Examined(self._findings, self._at, self._is_looking)

    def wait(self, seconds: float) -> None:
        """Wait until the findings are there, but no longer than this."""
        if looking := self._looking:
            looking.join(seconds)

    @property
    def _is_looking(self) -> bool:
        return self._looking is not None and self._looking.is_alive()

    def _look(self) -> None:
        findings = self._doctor.findings()  # raises nothing
        with self._lock:
            self._findings, self._at = findings, clock.stamp()
