"""Chooses between variants: the least used, then the best fit, then a random order that follows from the content id."""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

BREATH = 1.1
"""A speaker may be a tenth faster than the archetype's pace without a listener noticing."""


@dataclass(frozen=True)
class Draft:
    """A filled variant."""

    text: str
    words: int = 0
    fillers: tuple[str, ...] = ()
    """The templates of its sentences."""
    lacks: int = 0
    """Further flaws: words of the title that it omits, or a departure from the video's thread."""
    variant: int = -1


class Decks:
    """The variants of a video as decks: a variant is used again only when all that fit have been used as often."""

    def __init__(self, seed_text: str) -> None:
        self._seed_text = seed_text
        self._used: dict[str, Counter[int]] = {}
        self._lots: dict[str, list[float]] = {}

    def choose(self, deck: str, size: int, draft_of: Callable[[int], Draft | None], budget: float = 0.0) -> tuple[Draft, int]:
        """Return the best draft, and how often its variant was used before.

        `draft_of` fills a variant, or returns None if it cannot be used now. A draft is better if it fits into `budget` words,
        has no flaws, and fills the budget. Without a budget its length does not matter. Raises KeyError if no variant can be used.
        """
        used, lot = self._used.setdefault(deck, Counter()), self.lot(deck, size)
        for times in sorted({used[index] for index in range(size)}):
            drafts = {i: draft for i in range(size) if used[i] == times and (draft := draft_of(i))}
            if drafts:
                best = min(drafts, key=lambda i: (*_flaws(drafts[i], budget), lot[i]))
                used[best] += 1
                return replace(drafts[best], variant=best), times
        raise KeyError(deck)

    def lot(self, purpose: str, size: int) -> list[float]:
        """Return numbers from 0 to 1 that depend only on the seed text and the purpose.

        Only Random.random() is used: its sequence for a seed is the same in every version of Python
        (https://docs.python.org/3/library/random.html#notes-on-reproducibility).
        """
        if purpose not in self._lots:
            seed = hashlib.sha256(f"{self._seed_text}\n{purpose}".encode()).digest()[:8]
            source = random.Random(int.from_bytes(seed, "big"))
            self._lots[purpose] = [source.random() for _ in range(size)]
        return self._lots[purpose]


def joined(parts: Sequence[Draft]) -> Draft:
    """Join drafts into one, with the variant of the first."""
    return Draft(
        " ".join(part.text for part in parts),
        sum(part.words for part in parts),
        tuple(filler for part in parts for filler in part.fillers),
        sum(part.lacks for part in parts),
        parts[0].variant,
    )


def _flaws(draft: Draft, budget: float) -> tuple[int, int, int]:
    """Return the flaws of a draft, the worst first. Unused words count in steps of two, so that similar drafts are equal."""
    over = max(0, math.ceil(draft.words - budget * BREATH)) if budget else 0
    short = max(0, math.ceil((0.7 * budget - draft.words) / 2))
    return over, draft.lacks, short
