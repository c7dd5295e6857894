"""Phrases: which words share the screen, and where their lines break."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenxsom.media.captions.phrases import Limits, Phrase, TimedWord, line_of, phrases
from tenxsom.media.sense import Tear, tear_between
from tenxsom.text import columns, graphemes, is_blank, one_line
from tests.scripts_of_the_world import EMOJI, SENTENCES, any_text
from tests.spoken import spoken

NARROW, WIDE = Limits(17), Limits(42)
"""About what a Short and a film on a television show in a line."""


def shown(text: str, limits: Limits = NARROW, language: str = "en") -> list[str]:
    """The phrases of a text, with / between their lines."""
    return [phrase.text.replace("\n", " / ") for phrase in phrases(spoken(text), language, limits)]


def letters(text: str) -> str:
    """The text without what is not seen."""
    return "".join(letter for letter in one_line(text) if not (letter.isspace() or is_blank(letter)))


# nothing is lost


@given(
    st.lists(st.tuples(any_text(40), st.floats(0, 90), st.floats(0, 90)), max_size=25),
    st.sampled_from(["en", "de", "ja", "ar", "xx", ""]),
    st.integers(2, 42),
)
def test_every_word_is_shown_once_in_its_order(words: list[tuple[str, float, float]], language: str, width: int) -> None:
    timed = [TimedWord(*word) for word in words]
    found = phrases(timed, language, Limits(width))
    expected = "".join(letters(word.text) for word in timed if not is_blank(one_line(word.text)))
    assert "".join(letters(phrase.text) for phrase in found) == expected
    for phrase in found:
        assert 1 <= len(phrase.lines) <= 2
        assert all(columns(line_of(line)) <= width or len(line) == 1 for line in phrase.lines)
    times = [moment for phrase in found for word in phrase.words for moment in (word.start, word.end)]
    assert times == sorted(times)


def test_no_words_are_no_phrases() -> None:
    assert phrases([], "en", WIDE) == []
    assert phrases([TimedWord(" \u200b", 0, 1)], "en", WIDE) == []


@pytest.mark.parametrize("letter", ["é", "क्षि", "👨‍👩‍👧‍👦", "ก็"])
def test_a_word_that_is_wider_than_a_line_is_divided_between_letters(letter: str) -> None:
    found = phrases([TimedWord(letter * 40, 1.0, 3.0)], "en", NARROW)
    pieces = [word for phrase in found for word in phrase.words]
    assert "".join(piece.text for piece in pieces) == letter * 40
    assert all(set(graphemes(piece.text)) == {graphemes(letter)[0]} for piece in pieces)
    assert (pieces[0].start, round(pieces[-1].end, 6)) == (1.0, 3.0)
    assert all(one.end == pytest.approx(other.start) for one, other in pairwise(pieces))


def test_a_mark_that_lost_its_letter_takes_its_width_where_it_stands() -> None:
    found = phrases([TimedWord("v", 0, 1), TimedWord("\u09bf", 1, 2)], "bn", Limits(2))
    assert [[line_of(line) for line in phrase.lines] for phrase in found] == [["v", "\u09bf"]]


# sense


@pytest.mark.parametrize("limits", [NARROW, WIDE])
def test_sentences_do_not_share_the_screen_where_each_has_time(limits: Limits) -> None:
    text = "Where do old ships sleep? They rest on warm sand. Nobody wakes them."
    endings = {phrase.split()[-1] for phrase in shown(text, limits)}
    assert {"sleep?", "sand.", "them."} <= endings
    for phrase in shown(text, limits):
        assert not any(mark in phrase[:-1] for mark in ".?")


@pytest.mark.parametrize("limits", [NARROW, WIDE])
def test_a_segment_without_a_full_stop_does_not_share_the_screen_with_the_next_one(limits: Limits) -> None:
    """A title is one, and what follows it is another sentence."""
    title = spoken("Rainbow agate soap")
    words = [*title[:-1], title[-1]._replace(ends=True), *spoken("Press down slowly.", title[-1].end + 0.15)]
    found = phrases(words, "en", limits)
    assert [phrase.text.replace("\n", " ") for phrase in found] == ["Rainbow agate soap", "Press down slowly."]


def test_a_clause_ends_a_phrase() -> None:
    assert shown("The river freezes in January, and the skaters come back.", WIDE) == [
        "The river freezes in January,",
        "and the skaters come back.",
    ]


@pytest.mark.case
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The J. K. Rowling archive, i.e. today's, opened at 9 a.m. on Sunday in the U.S. by the river."),
        ("de", "Sie war z. B. am 3. Oktober, d. h. vor Jahren, u. a. in Berlin und kostete ca. 5 Euro inkl. MwSt."),
        ("es", "El Sr. López y la Dra. Ruiz viven en EE. UU. desde el s. XX, p. ej. en Miami."),
        ("ru", "Сегодня, 5 мая 2024 г., т. е. завтра, мы варим кофе в г. Москва за сто руб. утром."),
        ("pl", "Dziś, 3. maja, parzymy kawę np. w dzbanku, m.in. dla dr. Kowalskiego."),
    ],
)
def test_a_full_stop_inside_a_sentence_ends_no_phrase(language: str, text: str) -> None:
    *ends, last = [phrase.text for phrase in phrases(spoken(text), language, WIDE)]
    assert ends
    assert not [phrase for phrase in ends if phrase.endswith(".")]
    assert text.endswith(last.replace("\n", " "))


@pytest.mark.case
def test_sentences_that_all_begin_with_small_letters_end_their_phrases() -> None:
    text = "we sat by the lake at 9 a.m. today. then you pour hot water. drink it slowly, e.g. with TikTok. I like it. that is all."
    ends = [phrase.text for phrase in phrases(spoken(text), "en", WIDE)]
    assert all(sum(sign in ".!?" for sign in phrase.replace("a.m.", "").replace("e.g.", "")) <= 1 for phrase in ends)
    assert all(not phrase.endswith(("a.m.", "e.g.")) for phrase in ends)
    assert "then you pour hot water." in ends


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The keeper of the lighthouse climbs to the lamp with a can of oil because the night is near."),
        ("en-GB", "An owl watches from the beam of the barn as the mice run under the door into a field of rye."),
        ("de", "Der Wärter des Leuchtturms steigt mit einer Kanne Öl auf die Galerie, weil die Nacht in der Nähe ist."),
        ("fr", "Le gardien du phare monte avec un bidon sur la galerie parce que la nuit est dans le golfe."),
        ("es", "El guarda del faro sube con una lata de aceite hasta la torre porque la noche está en el puerto."),
        ("pt-BR", "O guarda do farol sobe com uma lata de óleo até a torre porque a noite já está no porto."),
        ("it", "Il guardiano del faro sale con una tanica di olio sulla torre perché la notte è nel porto."),
        ("nl", "De wachter van de vuurtoren klimt met een kan olie naar de lamp omdat de nacht in de haven is."),
        ("sv", "En vakt i den gamla fyren går med en kanna olja till lampan eftersom det är natt på havet."),
        ("pl", "Stary latarnik idzie z kanką oleju na wieżę, bo noc jest już w porcie i nie ma nikogo na molo."),
        ("ru", "Смотритель маяка идёт с канистрой масла на башню, потому что ночь уже в порту и на море."),
        ("id", "Penjaga dari menara itu naik dengan sekaleng minyak ke lampu karena malam sudah di pelabuhan."),
        ("ar", "يصعد حارس المنارة مع علبة من الزيت إلى المصباح لأن الليل في الميناء"),
    ],
)
def test_no_line_ends_with_a_word_that_belongs_to_the_next(language: str, text: str) -> None:
    torn = []
    for phrase in phrases(spoken(text), language, Limits(22)):
        ends = [line[-1].text for line in phrase.lines]
        following = [line[0].text for line in phrase.lines[1:]]
        torn += [pair for pair in zip(ends, following, strict=False) if tear_between(*pair, language) >= Tear.PHRASE]
    for one, other in pairwise(phrases(spoken(text), language, Limits(22))):
        pair = one.words[-1].text, other.words[0].text
        torn += [pair] if tear_between(*pair, language) >= Tear.PHRASE else []
    assert torn == []


@pytest.mark.parametrize(
    ("before", "after", "language", "tear"),
    [
        ("the", "sea", "en", Tear.PHRASE),
        ("sea", "and", "en", Tear.CONJUNCTION),
        ("and", "the", "en", Tear.PHRASE),
        ("sea", "under", "en", Tear.PREPOSITION),
        ("sea,", "the", "en", Tear.CLAUSE),
        ("sees", "the", "en", Tear.NOUN_PHRASE),
        ("is", "a", "en", Tear.WORD),
        ("is", "green", "en", Tear.PHRASE),
        ("sea.", "The", "en", Tear.SENTENCE),
        ("Dr.", "Lee", "en", Tear.PHRASE),
        ("40", "litres", "en", Tear.PHRASE),
        ("z.", "B.", "de", Tear.PHRASE),
        ("inkl.", "Mehrwertsteuer", "de", Tear.PHRASE),
        ("31.", "Dezember", "de", Tear.PHRASE),
        ("31.", "Then", "en", Tear.SENTENCE),
        ("J.", "K.", "en", Tear.PHRASE),
        ("F.", "Kennedy", "en", Tear.PARTS_OF_A_NAME),
        ("a.m.", "on", "en", Tear.PREPOSITION),
        ("etc.", "and", "en", Tear.CONJUNCTION),
        ("꿈.", "그리고", "ko", Tear.SENTENCE),
        ("Ada", "Lovelace", "en", Tear.PARTS_OF_A_NAME),
        ("blaue", "Boot", "de", Tear.WORD),
        ("die", "Katze", "de", Tear.PHRASE),
        ("die", "young", "en", Tear.WORD),
        ("नदी", "में", "hi", Tear.PHRASE),
        ("evden", "sonra", "tr", Tear.PHRASE),
        ("我们", "的", "zh", Tear.PHRASE),
        ("糖，", "然后", "zh", Tear.CLAUSE),
        ("word", "…", "en", Tear.FORBIDDEN),
        ("(", "word", "en", Tear.FORBIDDEN),
        ("kala", "meri", "et", Tear.WORD),
    ],
)
def test_a_break_between_two_words_is_graded(before: str, after: str, language: str, tear: Tear) -> None:
    assert tear_between(before, after, language) == tear


def test_a_pause_of_the_voice_is_a_place_to_break_but_not_behind_an_article() -> None:
    assert tear_between("sea", "wind", "en", pause=0.5) == Tear.PAUSE
    assert tear_between("the", "wind", "en", pause=0.5) == Tear.PHRASE


def test_a_long_silence_ends_a_phrase() -> None:
    words = [TimedWord("one", 0, 0.4), TimedWord("two", 0.45, 0.9), TimedWord("three", 3.0, 3.4), TimedWord("four", 3.45, 3.9)]
    assert [phrase.text for phrase in phrases(words, "xx", WIDE)] == ["one two", "three four"]


def test_the_lines_of_a_phrase_are_about_equally_long() -> None:
    for text in SENTENCES.values():
        for phrase in phrases(spoken(text), "", Limits(30)):
            if len(phrase.lines) == 2 and min(map(len, phrase.lines)) > 2:
                one, two = (columns(line_of(line)) for line in phrase.lines)
                assert abs(one - two) <= 18, phrase.text


@pytest.mark.parametrize("language", ["Chinese", "Japanese", "Thai", "Khmer"])
def test_a_language_without_blanks_gets_none(language: str) -> None:
    found = phrases(spoken(SENTENCES[language]), "", NARROW)
    assert "".join(phrase.text.replace("\n", "") for phrase in found) == letters(SENTENCES[language])


def test_an_emoji_stays_beside_its_word() -> None:
    for emoji in EMOJI:
        (phrase,) = phrases(spoken(f"so hot {emoji} today"), "en", WIDE)
        assert phrase.text == f"so hot {emoji} today"


def test_a_phrase_knows_its_time() -> None:
    phrase = Phrase(((TimedWord("a", 1, 2), TimedWord("b", 2, 2.5)), (TimedWord("c", 3, 4),)))
    assert (phrase.start, phrase.end, phrase.text) == (1, 4, "a b\nc")
