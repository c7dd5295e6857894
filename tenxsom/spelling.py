"""Finds the known name that a misspelt one is most like."""

from __future__ import annotations

from collections.abc import Collection


def closest(text: str, known: Collection[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that is most like a text, in any case; None if none is like it by `cutoff`, of 1."""
    import difflib  # for mistakes only

    found = difflib.get_close_matches(text.lower(), {name.lower() for name in known}, n=1, cutoff=cutoff)
    alike = [name for name in known if found and name.lower() == found[0]]
    return max(alike, key=lambda name: sum(a == b for a, b in zip(name, text, strict=False)), default=None)


def did_you_mean(text: str, known: Collection[str]) -> str:
    """Return ` Did you mean 'X'?` for the known name that is most like a text; empty if none is."""
    name = closest(text, known)
    return f" Did you mean {name!r}?" if name else ""
