"""Finds the language of a user's words: the definition's field first, the letters and the commonest words as a check.

A wrong guess would mix two languages in one film, so a language is changed only on clear evidence: letters that the language does
not use, or several words that only another language has. Statistical detectors need either models of many megabytes or texts
longer than a title.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

UNKNOWN = "und"
"""The tag of an unknown language (BCP 47)."""
_SCRIPTS: dict[str, tuple[str, ...]] = {
    "CYRILLIC": ("ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "mn", "tg"),
    "GREEK": ("el",),
    "HEBREW": ("he", "yi"),
    "ARABIC": ("ar", "fa", "ur", "ps", "ku", "ug"),
    "CJK": ("zh", "ja", "yue"),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "HANGUL": ("ko",),
    "DEVANAGARI": ("hi", "mr", "ne", "sa"),
    "BENGALI": ("bn", "as"),
    "GURMUKHI": ("pa",),
    "GUJARATI": ("gu",),
    "TAMIL": ("ta",),
    "TELUGU": ("te",),
    "KANNADA": ("kn",),
    "MALAYALAM": ("ml",),
    "SINHALA": ("si",),
    "THAI": ("th",),
    "LAO": ("lo",),
    "KHMER": ("km",),
    "MYANMAR": ("my",),
    "GEORGIAN": ("ka",),
    "ARMENIAN": ("hy",),
    "ETHIOPIC": ("am", "ti"),
}
"""The first word of a letter's Unicode name → the languages that are written so, the most widespread first."""
_LETTERS_OF_ONE = (("CYRILLIC", "іїєґ", "uk"), ("CYRILLIC", "ў", "be"), ("ARABIC", "ٹڈڑے", "ur"), ("ARABIC", "پچژگ", "fa"))
_ALSO_LATIN = frozenset({"sr", "kk", "tg", "ku", "yi", "mn"})

_COMMON_WORDS = {
    "en": "the and of is are was were with that this from they have has it its you your not there what which when who how to for",
    "de": "der die das und ist nicht ein eine einen einem mit auf für von dem den sich wird sind auch wenn wie zu im um noch aus",
    "fr": "le les des et est une dans pour que qui pas sur avec du ce cette ne plus elle nous vous ils au aux sont mais où un la",
    "es": "el los las y es una en por que con del para su al más pero son está cómo como fue hay muy cada cuando un la de",
    "it": "il gli e è una di che non con del della nel sono più ma anche si lo dei delle alla questo ogni quando perché un la come",
    "pt": "os e é uma em por com da não para um na mais mas são está como foi há muito cada quando fazer de",
    "nl": "de het een en van niet met voor op dat aan zijn ook maar er wordt naar bij uit wat hij zij wij nog geen",
    "sv": "och att det är som en ett på för med inte av den har till om var ej från när hon vi också",
    "da": "og det er som en et på for med ikke af den har til om var fra når hun vi også",
    "nb": "og det er som en et på for med ikke av den har til om var fra når hun vi også",
    "fi": "ja ei se että hän ovat oli mutta kun niin myös joka sen tai vain kuin ole ne",
    "pl": "w na z nie jest się że jak po co ale od za dla są czy przez tak już tylko",
    "cs": "v na se je že s z jako ale za po jsou tak když nebo jen už jeho",
    "ro": "și în cu de nu este un pe care din pentru sunt mai dar ce că au fost când la",
    "hu": "az és nem hogy egy van meg csak már ez volt mint ha még",
    "tr": "ve bir bu da de için çok ile ne gibi daha ama her kadar değil sonra en mi",
    "vi": "và là của có không được một những trong cho với các này khi người đã để",
    "id": "dan yang di itu dengan untuk tidak ini dari dalam akan pada juga saya kami adalah ada",
}
_OWN_LETTERS = {
    "de": "ßäöü",
    "fr": "œçèê",
    "es": "ñ¿¡áó",
    "it": "òìè",
    "pt": "ãõçá",
    "sv": "åäö",
    "da": "æøå",
    "nb": "æøå",
    "fi": "äö",
    "pl": "łąęźżś",
    "cs": "řěůčš",
    "ro": "șțăî",
    "hu": "őűáöü",
    "tr": "şğıçöü",
    "vi": "ơưđạốủ",
}
"""Letters that English does not write; each counts as one word."""
_LEAST_EVIDENCE = 3
"""So many words of one language more than of the expected one are clear evidence."""


def base(language: str) -> str:
    """Return the language of a tag without its region: `pt` for `pt-BR`."""
    return language.lower().split("-")[0]


def is_same(one: str, other: str) -> bool:
    """Return whether two tags name the same language, whatever their regions."""
    return base(one) == base(other)


def language_of(text: str, field: str) -> str:
    """Return the tag of the language that `text` is written in; `field` where there is no clear evidence of another one."""
    script = script_of(text)
    if script is None or not uses(field, script):
        return field if script is None else _language_of_script(script, text)
    if script != "LATIN":
        return field
    guess = _by_common_words(text, base(field))
    return field if is_same(guess, field) else guess


@lru_cache(maxsize=4096)
def script_of(text: str) -> str | None:
    """Return the script of most letters; Japanese where there are kana. None without letters."""
    letters = Counter(_script(letter) for letter in text if letter.isalpha())
    if not letters:
        return None
    if letters["HIRAGANA"] + letters["KATAKANA"] > 0.1 * letters["CJK"] and letters["HIRAGANA"] + letters["KATAKANA"] > 1:
        letters["HIRAGANA"] += letters["CJK"] + letters["KATAKANA"]
    return letters.most_common(1)[0][0]


def uses(language: str, script: str) -> bool:
    """Return whether a language is written in a script. A language that is not known here may use any."""
    tag = base(language)
    usual = [name for name, languages in _SCRIPTS.items() if tag in languages]
    if not usual:
        return script == "LATIN" or tag not in _COMMON_WORDS
    return script in usual or (script == "LATIN" and tag in _ALSO_LATIN)


def fits(text: str, language: str) -> bool:
    """Return whether a text may be in a language: its letters are, and no other language is evident."""
    return is_same(language_of(text, language), language)


def common_words(language: str) -> frozenset[str]:
    """Return the commonest words of a language, which say nothing about a text's subject; empty where they are not known."""
    return frozenset(_COMMON_WORDS.get(base(language), "").split())


def _script(letter: str) -> str:
    if letter.isascii():
        return "LATIN"
    name = unicodedata.name(letter, "LATIN").split(" ", 1)[0].split("-", 1)[0]
    return {"FULLWIDTH": "LATIN", "HALFWIDTH": "KATAKANA", "MODIFIER": "LATIN"}.get(name, name)


def _language_of_script(script: str, text: str) -> str:
    if script == "LATIN":
        return _by_common_words(text, "en")
    for name, letters, language in _LETTERS_OF_ONE:
        if name == script and any(letter in text for letter in letters):
            return language
    return _SCRIPTS.get(script, (UNKNOWN,))[0]


def _by_common_words(text: str, expected: str) -> str:
    """Return the language with the most common words in a text, if it has clearly more of them than the expected one."""
    words, scores = set(re.findall(r"[^\W\d_]+", text.lower())), Counter[str]()
    for language, common in _COMMON_WORDS.items():
        scores[language] = len(words & set(common.split()))  # a word of many languages counts for all, and decides nothing
        scores[language] += sum(letter in text.lower() for letter in _OWN_LETTERS.get(language, ""))
    best, score = scores.most_common(1)[0]
    lead = score - scores[expected]
    return best if score >= _LEAST_EVIDENCE and lead >= _LEAST_EVIDENCE else expected
