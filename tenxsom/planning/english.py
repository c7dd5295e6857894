"""English for the local planner: word lists, counting, capitalisation and gerunds.

A few hundred words instead of a language model: sometimes wrong, but fast and the same on every machine.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import dropwhile

from tenxsom.planning.sentences import closed


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


ACRONYMS = word_set(
    """
    3D AI API AR ASMR CEO CO2 CPU DIY DNA EU EV FAQ GPS GPU ISS LED LLM ML NASA NBA NFL RNA SQL TV UFO UK UN US USA VR WW1
    WW2
    """
)
SMALL_WORDS = word_set("a an and as at but by for from in into nor of on or over the to vs with")
CLAUSE_WORDS = word_set("how what when where which who why")
"""Words that open a question or a clause."""
DETERMINERS = word_set("a an each every her his my our some the their these this those your")
PLAIN_ADJECTIVES = word_set(
    """
    ancient autumn best better big burning cheap clean cold dark deep easy everyday fast forgotten free frozen giant glass
    golden great healthy hidden home hot inside kitchen liquid lost modern molten morning mysterious new night old perfect
    quantum quick quiet rainbow rare real sand satisfying secret short silver simple slow small smart soap spring strange
    summer tiny true unknown unsolved viral warm weird wild winter
    """
)
"""Words that lose their capital in mid-sentence; any other first word of a title may be a name."""
PRONOUNS = word_set(
    """
    it's i'm i've you're we're they're that's there's let's he's she's
    everybody everyone everything he i it nobody nothing she somebody someone that there they this we you
    """
)
VERBS = word_set(
    """
    actually am announced announces are aren't be beat beats became becomes been bought breaks broke builds built buys
    came can can't changed changes comes could created creates did didn't died dies disappeared discover discovered
    discovers do does doesn't don't ended ends exists explained explains falls feels fell felt finally find finds found
    gave get gets gives goes gonna got grew grows had happened happens has have hits invented invents is isn't just keeps
    kept killed kills knew knows launch launched launches let lets looked looks loses made make makes may might must need
    needs proved proves released releases returned returns revealed reveals rises rose said saw says sees sells shall
    should showed shows sold solved solves started starts stopped stops takes thinks thought took turned turns unveiled
    unveils vanished want wants was wasn't went were will wins won won't would
    """
)
"""Verb forms that make a title a sentence, as headlines use them."""
ORDERS = word_set(
    """
    add ask avoid bake become begin boil bring build buy change check choose clean cook create cut discover do draw drink
    eat explore find fix fold get give go grow improve install keep learn let listen look make master meet mix open
    organise organize paint peel plan play prepare put read remove repair replace run save see set sharpen sleep slice
    speed start study take teach tie train travel try turn understand unlock use visit wash watch win work write
    """
)
"""Verbs that a title may begin with as an imperative."""
REFUSALS = word_set("don't dont never no quit stop")
"""Imperatives without a useful gerund."""
LABELS = word_set("asmr breaking episode exclusive explained guide how-to live new news part pov psa til tutorial update watch")
"""Words before a colon that are not the topic."""
DOUBLING = word_set("admit begin commit control forget prefer upset")
"""Longer verbs that double their last letter."""
NO_KEYWORDS = word_set(
    """
    about after again all also and any are because been before being but can could did does doing done each ever every for
    from get gets has have her his how into its just like made make makes more most much must not now off one only other
    our out over own really should some such than that the their them then there these they this those through too under
    until very was way ways were what when where which while who why will with would you your
    """
)
"""Words of a title that are useless as a tag."""
AUXILIARIES = word_set("is are was were do does did can could will would should has have had")
UNSPACED = r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff]"
"""Letters of the languages that write no blanks between words."""


def capitalised(text: str) -> str:
    """Return the text with a capital first letter, except for brands such as `iPhone`."""
    first = text.split(" ", 1)[0]
    return text if any(letter.isupper() for letter in first[1:]) else text[:1].title() + text[1:]


def as_sentence(text: str) -> str:
    """Return the text with a capital and the closing mark of its script."""
    return closed(capitalised(text.strip().rstrip(" ,;:-–—")))


def bare(text: str) -> str:
    """Return the text without closing marks and quotation marks around it."""
    return text.strip().rstrip(" .,;:!?…。！？，、；：؟۔،।॥։።။។").strip(' "“”«»')


@lru_cache(maxsize=8192)
def count_words(text: str) -> int:
    """Return the number of spoken words. In scripts without spaces two characters count as a word."""
    unspaced = 0 if text.isascii() else len(re.findall(UNSPACED, text))
    spaced = re.sub(UNSPACED, "", text) if unspaced else text
    return -(-unspaced // 2) + sum(1 for word in spaced.split() if any(letter.isalnum() for letter in word))


def plain_words(text: str) -> list[str]:
    """Return the words in lower case, without the marks around them."""
    return [word.strip("\"'“”‘’.,;:!?()").lower().replace("’", "'") for word in text.split()]


def bare_words(text: str) -> list[str]:
    """Return the text's words without the punctuation and symbols around them, in any script."""
    return [bare for word in text.split() if (bare := _without_marks(_without_marks(word)[::-1])[::-1])]


def _without_marks(word: str) -> str:
    return "".join(dropwhile(lambda letter: unicodedata.category(letter)[0] in "PSZC", word))


def has_verb(text: str) -> bool:
    """Return whether the text seems to be a whole sentence rather than a name."""
    return any(word in VERBS for word in plain_words(text)[1:])


def as_gerund(text: str) -> str | None:
    """Return `folding a shirt` for `fold a shirt`; None where no verb comes first. Title case is kept."""
    words = text.split()
    index = next((i for i, word in enumerate(words) if not word.lower().endswith("ly")), len(words))
    if (
        index >= len(words)
        or not re.fullmatch(r"[A-Za-z]{2,}", words[index])
        or words[index].lower() in PRONOUNS | REFUSALS | {"not"}
    ):
        return None
    words[index] = _ing(words[index])
    titled = any(word[:1].isupper() for word in words[index + 1 :] if len(word) > 3)
    return " ".join(words) if titled else " ".join([*(word.lower() for word in words[: index + 1]), *words[index + 1 :]])


def _ing(verb: str) -> str:
    lower = verb.lower()
    if lower.endswith("ie"):
        return verb[:-2] + "ying"
    if lower.endswith("e") and not lower.endswith(("ee", "ye", "oe")) and lower != "be":
        return verb[:-1] + "ing"
    if lower in DOUBLING or re.fullmatch(r"(?:[^aeiou]*|qu)[aeiou][bdgklmnprt]", lower):
        return verb + verb[-1] + "ing"
    return verb + "ing"
