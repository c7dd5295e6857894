"""Says amounts of time, of bytes and of things in words: the same on every screen."""

from __future__ import annotations

from tenxsom import clock


def age(moment: str) -> str:
    """Return the age of a stored time, in the largest fitting unit."""
    return duration(clock.age_seconds(moment))


def duration(seconds: float) -> str:
    """Return a length of time in the largest fitting unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(count: int) -> str:
    """Return a number of bytes in the largest fitting unit."""
    for unit, length in (("GB", 1024**3), ("MB", 1024**2), ("kB", 1024)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count} bytes"


def counted(number: int, word: str) -> str:
    """Return a number with its noun: `1 job`, `2 jobs`."""
    return f"{number} {word}{'s' * (number != 1)}"
