"""Counts this process's calls by service, kind and error, for metrics, and logs each at DEBUG: no body, no query, no secret."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from tenxsom import clock
from tenxsom.errors import TenxsomError
from tenxsom.http.circuit import Circuit
from tenxsom.log import mask
from tenxsom.model.pause import Pause

log = logging.getLogger(__name__)

GET, POST, PAID, DOWNLOAD = "get", "post", "paid", "download"
"""The kinds of calls: a free GET, a free POST, a paid call, a file."""

CIRCUITS: WeakValueDictionary[str, Circuit] = WeakValueDictionary()
"""The circuits of this process by the name of their service."""

_told: dict[str, tuple[Pause, clock.Deadline]] = {}
"""What other processes told last, for circuits of services that are opened later; the deadline is when all of it is over."""


def register(name: str, circuit: Circuit) -> None:
    """Know a service's circuit, which takes over what other processes told about the service."""
    CIRCUITS[name] = circuit
    pause, over = _told.get(name, (Pause(), clock.Deadline(0)))
    if not over.passed():
        circuit.take_over(pause)


def pauses() -> dict[str, Pause]:
    """Return which services are left alone now."""
    found = {name: circuit.pause() for name, circuit in list(CIRCUITS.items())}
    return {name: pause for name, pause in found.items() if any(pause)}


def take_over(told: Mapping[str, Pause]) -> None:
    """Leave services alone for as long as other processes do."""
    for name, pause in told.items():
        _told[name] = pause, clock.Deadline(max(pause))
        if circuit := CIRCUITS.get(name):
            circuit.take_over(pause)


class CallKey(NamedTuple):
    """What calls are counted by. `error` is empty for a call that succeeded, else `http_404`, `service_down` and the like."""

    service: str
    kind: str
    error: str


@dataclass
class CallSum:
    """How many calls there were, and how long they took together."""

    count: int = 0
    seconds: float = 0.0


@dataclass
class CallInProgress:
    """A call whose status may still be told."""

    status: int = 0


_sums: dict[CallKey, CallSum] = {}
_adding = threading.Lock()


def totals() -> Mapping[CallKey, CallSum]:
    """Return the calls of this process since its start, or since `forget`."""
    with _adding:
        return {key: CallSum(total.count, total.seconds) for key, total in _sums.items()}


def forget() -> None:
    """Start counting anew."""
    with _adding:
        _sums.clear()


@contextmanager
def counted(service: str, kind: str, url: str) -> Iterator[CallInProgress]:
    """Count the call that is made in the block, with the error that it raises or the status that it tells."""
    call, began, error = CallInProgress(), clock.monotonic(), ""
    try:
        yield call
        error = f"http_{call.status}" if call.status >= 400 else ""
    except Exception as raised:  # any error of a call is counted by its kind, and raised again
        error = _kind_of(raised)
        raise
    finally:
        _add(CallKey(service, kind, error), clock.monotonic() - began, url, call.status)


def _add(key: CallKey, seconds: float, url: str, status: int) -> None:
    with _adding:
        total = _sums.setdefault(key, CallSum())
        total.count += 1
        total.seconds += seconds
    if log.isEnabledFor(logging.DEBUG):
        parts = urlsplit(url)
        outcome = key.error or (status or "done")
        facts = {"service": key.service, "action": key.kind, "seconds": round(seconds, 3)}
        place = mask(f"{parts.netloc.rpartition('@')[2]}{parts.path}")
        log.debug("%s %s %s: %s in %.3f s", key.service, key.kind, place, outcome, seconds, extra=facts)


def _kind_of(error: Exception) -> str:
    """Return the name of an error's class in the way of labels: `service_down` for ServiceDown."""
    if not isinstance(error, TenxsomError):
        return "unexpected"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()
