"""Sorts a free-text prompt into words to be spoken and directions to be followed, each in its written order."""

from __future__ import annotations

from dataclasses import dataclass

from tenxsom.planning.directions import Kind, Sorted, is_picture, quoted, sort_sentence
from tenxsom.planning.english import bare
from tenxsom.planning.sentences import closed, sentences, speakable


@dataclass(frozen=True)
class Wishes:
    """A prompt, sorted."""

    said: tuple[str, ...] = ()
    """Sentences to be spoken: the user's own words, unchanged."""
    look: tuple[str, ...] = ()
    voice: tuple[str, ...] = ()
    music: tuple[str, ...] = ()
    opening: str = ""
    """What the first picture shows."""
    ending: str = ""
    """What the last picture shows."""
    first_words: str = ""
    """Words in quotation marks in a direction about the opening, which are spoken first."""
    last_words: str = ""
    directions: tuple[str, ...] = ()
    """The directions as they are written; they are followed, and not spoken."""
    unwritten: tuple[str, ...] = ()
    """Directions that ask for words that are not written in them: only a planner service can follow them."""


def read_prompt(text: str | None, language: str = "en") -> Wishes:
    """Sort the sentences of a prompt in `language` by kind. Never raises."""
    found = [sort_sentence(sentence, language) for sentence in sentences(text or "")]
    opening, ending = (_last(found, kind) for kind in (Kind.OPENING, Kind.ENDING))
    return Wishes(
        said=tuple(closed(each.wish) for each in found if each.kind == Kind.SAID and speakable(each.wish)),
        look=_of_kind(found, Kind.LOOK),
        voice=_of_kind(found, Kind.VOICE),
        music=_of_kind(found, Kind.MUSIC),
        opening=opening if is_picture(opening) else "",
        ending=ending if is_picture(ending) else "",
        first_words=quoted(opening),
        last_words=quoted(ending),
        directions=tuple(each.text for each in found if each.kind not in (Kind.SAID, Kind.WORDS) and not _asks_for_words(each)),
        unwritten=tuple(each.text for each in found if each.kind == Kind.WORDS or _asks_for_words(each)),
    )


def _of_kind(found: list[Sorted], kind: Kind) -> tuple[str, ...]:
    return tuple(dict.fromkeys(bare(each.wish) for each in found if each.kind == kind))


def _last(found: list[Sorted], kind: Kind) -> str:
    """Return the wish of the last direction of a kind, which is the one that counts."""
    return next((each.wish for each in reversed(found) if each.kind == kind), "")


def _asks_for_words(direction: Sorted) -> bool:
    """Return whether a direction about an end cannot be shown, and says no words: `End with a question.`"""
    return direction.kind in (Kind.OPENING, Kind.ENDING) and not is_picture(direction.wish) and not quoted(direction.wish)
