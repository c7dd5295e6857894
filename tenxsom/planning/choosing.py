"""Choosing between variants: the least used, the most fitting, and among equals by a lot that follows from the content id."""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

BREATH = 1.1
"""A speaker can be a tenth faster than the archetype's pace without anybody noticing."""


@dataclass(frozen=True)
class Draft:
    """A filled variant: its text, and what of the prompt and of the title it used."""

    text: str
    words: int = 0
    facts: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    lacks: int = 0
    """What it lacks otherwise: words of the title that it leaves out, or that it is off the video's thread."""
    variant: int = -1


class Decks:
    """The variants of a video as decks of cards: a card comes again only when all that fit have been used as often."""

    def __init__(self, seed_text: str) -> None:
        self._seed_text = seed_text
        self._used: dict[str, Counter[int]] = {}
        self._lots: dict[str, list[float]] = {}

    def choose(self, deck: str, size: int, draft_of: Callable[[int], Draft | None], budget: float = 0.0) -> tuple[Draft, int]:
        """The best draft, and how often its variant was used before.

        `draft_of` fills a variant, or says None if it cannot be used now. Better is: fits into `budget` words, lacks nothing, tells
        a fact or at least a detail of the prompt, fills the budget. Without a budget length does not matter. Raises KeyError if
        no variant can be used.
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
        """Numbers from 0 to 1 that follow from the seed text and the purpose alone.

        Only Random.random() is used: its sequence for a seed is the same in every version of Python
        (https://docs.python.org/3/library/random.html#notes-on-reproducibility).
        """
        if purpose not in self._lots:
            seed = hashlib.sha256(f"{self._seed_text}\n{purpose}".encode()).digest()[:8]
            source = random.Random(int.from_bytes(seed, "big"))
            self._lots[purpose] = [source.random() for _ in range(size)]
        return self._lots[purpose]


def joined(parts: Sequence[Draft]) -> Draft:
    """The drafts, said one after the other; the variant is the first one's."""
    return Draft(
        " ".join(part.text for part in parts),
        sum(part.words for part in parts),
        tuple(fact for part in parts for fact in part.facts),
        tuple(detail for part in parts for detail in part.details),
        sum(part.lacks for part in parts),
        parts[0].variant,
    )


def _flaws(draft: Draft, budget: float) -> tuple[int, int, int, int]:
    """What speaks against a draft, the worst first. Shortness counts in steps of two words, so that several are good enough."""
    over = max(0, math.ceil(draft.words - budget * BREATH)) if budget else 0
    short = max(0, math.ceil((0.7 * budget - draft.words) / 2))
    return over, draft.lacks, 0 if draft.facts else 1 if draft.details else 2, short
