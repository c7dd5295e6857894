"""Grades the places between two words: where a line or a caption may end, and where that tears a phrase.

The rules are those of subtitling: a line ends after a sentence, a clause or a pause, else before a conjunction or a preposition,
and never between an article, a preposition or a number and its noun (Netflix, Timed Text Style Guide, "Line Treatment":
https://partnerhelp.netflixstudios.com/hc/en-us/articles/215758617-Timed-Text-Style-Guide-General-Requirements). Languages without
a table of words follow punctuation and pauses alone.
"""

from __future__ import annotations

import re
import unicodedata
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from tenxsom.text import Break, break_after, goes_on, is_cut_short


class Tear(IntEnum):
    """How much a break between two words disturbs a reader; higher is worse."""

    SENTENCE = 0
    CLAUSE = 1
    PAUSE = 2
    CONJUNCTION = 3
    PREPOSITION = 4
    NOUN_PHRASE = 5
    """Before an article or a possessive."""
    WORD = 6
    PARTS_OF_A_NAME = 10
    PHRASE = 14
    """Between an article, a preposition or a number and what belongs to it."""
    FORBIDDEN = 60
    """Before a closing mark, or after an opening one."""


PAUSE_SECONDS = 0.3
"""The shortest silence between two words that readers hear as the end of a phrase."""


class _Words(NamedTuple):
    """Words of one language that tell where phrases begin and end."""

    conjunctions: frozenset[str]
    """A phrase begins with them."""
    prepositions: frozenset[str]
    """A phrase begins with them, and they belong to the next word."""
    leading: frozenset[str]
    """They belong to the next word: negations, auxiliaries, pronouns."""
    trailing: frozenset[str]
    """They belong to the word before them: postpositions and particles."""
    articles: frozenset[str]
    """They belong to the next word, and a phrase may begin with them: articles, possessives and other determiners."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _words(conjunctions: str = "", prepositions: str = "", leading: str = "", trailing: str = "", *, articles: str = "") -> _Words:
    return _Words(_set(conjunctions), _set(prepositions), _set(leading), _set(trailing), _set(articles))


_LANGUAGES = {
    "en": _words(
        "and or but nor so yet because although though while when where whenever if unless until before after since "
        "as than that which who whom whose what why how whether",
        "in on at by for from with without of to into onto over under between behind beyond through during against "
        "about like near across along around inside outside toward towards upon per via",
        "not very too much more most is are was were be been am will would can could may might must shall should do "
        "does did have has had i you he she we they",
        articles="a an the my your his her its our their this these those no each every some any many",
    ),
    "de": _words(
        "und oder aber denn sondern weil dass ob wenn als während obwohl damit bevor nachdem seit bis wie wo warum "
        "welche welcher welches sodass falls",
        "in im an am auf bei beim mit nach von vom zu zum zur für durch ohne gegen um über unter vor hinter neben "
        "zwischen aus seit trotz wegen",
        "nicht sehr zu ist sind war waren wird werden hat haben kann können muss ich du er sie wir",
        articles="der die das den dem des ein eine einen einem einer eines mein meine dein deine sein seine ihr ihre unser "
        "unsere kein keine dieser diese dieses jeder jede jedes",
    ),
    "fr": _words(
        "et ou mais donc car ni que qui quoi dont où quand lorsque parce puisque si comme quoique afin",
        "à au aux de du des en dans sur sous avec sans pour par chez vers entre contre depuis pendant avant après dès",
        "ne pas très plus est sont était a ont sera je tu il elle on nous vous ils elles se",
        articles="le la les l un une mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces",
    ),
    "es": _words(
        "y e o u pero sino que porque aunque cuando donde mientras si como quien cual cuyo pues",
        "a al ante bajo con contra de del desde en entre hacia hasta para por según sin sobre tras",
        "no muy más es son era ha han está están se me te nos",
        articles="el la los las lo un una unos unas mi mis tu tus su sus nuestro nuestra este esta estos estas ese esa",
    ),
    "pt": _words(
        "e ou mas porém que porque embora quando onde enquanto se como quem qual pois",
        "a à ao aos às de do da dos das em no na nos nas com contra desde entre para por pelo pela sem sob sobre até após",
        "não muito mais é são era foi está estão",
        articles="o os as um uma uns umas meu minha seu sua nosso nossa este esta esse essa",
    ),
    "it": _words(
        "e ed o oppure ma però che perché sebbene quando dove mentre se come chi cui quale quindi",
        "a al alla ai alle di del della dei delle da dal dalla in nel nella con su sul sulla per tra fra senza verso dopo prima",
        "non molto più è sono era ha hanno si mi ti ci",
        articles="il lo la i gli le un uno una mio mia tuo tua suo sua nostro nostra questo questa quel quella",
    ),
    "nl": _words(
        "en of maar want omdat dat terwijl als wanneer waar hoewel zodat voordat nadat die wie wat",
        "in op aan bij met van voor door over onder naar uit om tegen tussen zonder tot",
        "niet zeer heel is was wordt heeft kan ik je hij ze we",
        articles="de het een mijn jouw zijn haar ons onze hun deze dit die dat geen",
    ),
    "sv": _words(
        "och eller men för eftersom att när där medan om som innan efter",
        "i på vid med av från till utan mot mellan under över genom hos",
        "er inte mycket är var har kan jag du han hon vi",
        articles="en ett den det de min din sin vår",
    ),
    "pl": _words(
        "i a oraz lub albo ale lecz bo że żeby gdy kiedy gdzie jeśli ponieważ który która które jak niż",
        "w we na do z ze od po za przed pod nad przez przy dla bez o u między",
        "nie bardzo ten ta to mój moja jego jej nasz jest są był była się",
    ),
    "ru": _words(
        "и а но или да что чтобы когда где если потому хотя который которая которое которые как пока чем",
        "в во на к ко с со от до из за перед под над через при для без о об у между по про",
        "не ни очень этот эта это мой моя его её наш самый был была было",
        "же ли бы",
    ),
    "tr": _words(
        "ve veya ama fakat çünkü ki eğer",
        "",
        "bir bu şu o çok en her",
        "de da mi mı mu mü ile için gibi kadar sonra önce",
    ),
    "id": _words(
        "dan atau tetapi tapi karena bahwa ketika saat jika kalau yang agar supaya sedangkan",
        "di ke dari pada dengan untuk oleh tanpa dalam antara tentang",
        "sebuah seorang para tidak bukan sangat akan sudah sedang adalah",
        "ini itu",
    ),
    "vi": _words(
        "và hoặc nhưng vì rằng khi nếu mà để thì nên",
        "ở trong trên dưới từ đến với cho bằng của về",
        "một những các mỗi không rất đã đang sẽ là chưa",
    ),
    "hi": _words(
        "और या लेकिन मगर क्योंकि कि जब अगर तो जो जहाँ इसलिए",
        "",
        "एक यह वह ये वे मेरा मेरी नहीं न बहुत हर",
        "का के की में से को पर ने तक भी ही है हैं था थी थे लिए",
    ),
    "ar": _words(
        "أو ثم لكن ولكن لأن إذا عندما حيث الذي التي الذين حتى أن بينما",
        "في من إلى على عن مع بعد قبل بين تحت فوق عند خلال دون نحو",
        "لا لم لن ليس ما هذا هذه ذلك تلك كل يا قد",
    ),
    "fa": _words("و یا اما ولی که چون زیرا اگر وقتی تا", "در از به با برای بر بین روی زیر بدون", "این آن هر یک نه چه هیچ", "را هم"),
    "he": _words("או אבל כי אם כאשר אלא למרות אשר כדי", "של על אל עם בין תחת לפני אחרי בלי עד מן אצל", "את לא אין יש זה זאת כל"),
    "ko": _words("그리고 그러나 하지만 또는 그래서", "", "이 그 저 한 두 세 안 못 더 매우", "수 것 때 뿐"),
}
_NONE = _words()

_DAYS_WITH_A_STOP = _set("bs cs da de et fi hr hu is lv nb nn no pl sk sl sr tr")
"""Languages that write a full stop after an ordinal number."""
_OPENERS = frozenset("([{«‹“‘„「『（【《〈¿¡")
_CLOSERS = frozenset(")]}»›”’」』）】》〉。、，．・！？；：…,.!?;:%％‰°") - {"’"}
_CHINESE_TRAILING = frozenset("的了着著过過吗嗎呢吧啊们們地得")
_HAN = re.compile("[\u3400-\u9fff]")
_NUMBER = re.compile(r"[\d.,:/]*\d(?:st|nd|rd|th)?$|[$€£¥]$")


def tear_between(before: str, after: str, language: str = "", pause: float = 0.0, *, all_begin_small: bool = False) -> Tear:
    """Return how much a break between two words disturbs; `language` is a tag such as `en` or `pt-BR`, `pause` is in seconds.

    `all_begin_small` is for a text whose sentences begin with small letters.
    """
    by_words = _by_words(before, after, language.partition("-")[0].lower(), all_begin_small)
    is_heard = pause >= PAUSE_SECONDS and by_words < Tear.PHRASE  # a pause after an article is a hesitation
    return min(by_words, Tear.PAUSE) if is_heard else by_words


@lru_cache(maxsize=8192)
def _by_words(before: str, after: str, language: str, all_begin_small: bool) -> Tear:
    before, after = before.strip(), after.strip()
    if not before or not after:
        return Tear.WORD
    if after[0] in _CLOSERS or before[-1] in _OPENERS:
        return Tear.FORBIDDEN
    is_number = before[:-1].isdigit() and language not in _DAYS_WITH_A_STOP
    if goes_on(before, after, all_begin_small=all_begin_small) and not (is_number and after[0].isupper()):
        return _within_a_sentence(before, after, language)
    match break_after(f"{before} "):
        case Break.SENTENCE:
            return Tear.SENTENCE
        case Break.CLAUSE:
            return Tear.CLAUSE
    if _HAN.match(before[-1]) and after[0] in _CHINESE_TRAILING:
        return Tear.PHRASE
    return _by_table(before, after, _LANGUAGES.get(language, _NONE), language)


def _within_a_sentence(before: str, after: str, language: str) -> Tear:
    """Return the tear after a mark that ends no sentence: `z.|B.`, `Dr.|Eva`, `K.|Rowling`, `a.m.|on`."""
    if is_cut_short(before) and not before[0].isdigit():
        if is_cut_short(after):
            return Tear.PHRASE
        return Tear.PARTS_OF_A_NAME if after[0].isupper() else _by_table(before, after, _LANGUAGES.get(language, _NONE), language)
    return _by_table(before, after, _LANGUAGES.get(language, _NONE), language) if after[0].islower() else Tear.PHRASE


def _by_table(before: str, after: str, words: _Words, language: str) -> Tear:
    """Return the tear between two words of a clause, by the words of its language."""
    first, second = _bare(before), _bare(after)
    if first in words.leading and second in words.articles:
        return Tear.WORD
    if first in words.leading | words.articles | words.prepositions or second in words.trailing or _NUMBER.search(before):
        return Tear.PHRASE
    if second in words.conjunctions:
        return Tear.PHRASE if first in words.conjunctions else Tear.CONJUNCTION
    if first in words.conjunctions:
        return Tear.PHRASE
    if second in words.prepositions:
        return Tear.PREPOSITION
    if second in words.articles:
        return Tear.NOUN_PHRASE
    is_name = language != "de" and before[0].isupper() and after[0].isupper() and len(first) > 1
    return Tear.PARTS_OF_A_NAME if is_name else Tear.WORD


@lru_cache(maxsize=8192)
def _bare(word: str) -> str:
    """Return a word in small letters without the marks around it."""
    letters = word.casefold()
    is_mark = [unicodedata.category(letter)[0] in "PS" for letter in letters]
    while is_mark and is_mark[-1]:
        is_mark.pop()
    start = next((index for index, mark in enumerate(is_mark) if not mark), 0)
    return letters[start : len(is_mark)]
