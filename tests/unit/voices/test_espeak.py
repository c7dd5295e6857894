"""eSpeak NG through its shared library: many languages, the times of its words, no program is started."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tenxsom import settings
from tenxsom.errors import ServiceRefused
from tenxsom.media.speech_file import read_speech
from tenxsom.voices import espeak, word_times
from tenxsom.voices.base import DURATIONS, Line
from tenxsom.voices.checks import problem

HERE = espeak._library() is not None
NEEDED = pytest.mark.skipif(not HERE, reason="libespeak-ng.so.1 is not installed (apt install espeak-ng)")

TEXTS = {
    "de": "Der Regen malt Ringe auf den See.",
    "pt-BR": "A chuva desenha círculos no lago.",
    "fi": "Sade piirtää renkaita järveen.",
    "ru": "Дождь рисует круги на озере.",
    "hi": "बारिश झील पर घेरे बनाती है।",
    "ar": "المطر يرسم دوائر على البحيرة.",
    "el": "Η βροχή ζωγραφίζει κύκλους στη λίμνη.",
    "zh": "雨在湖面上画圆圈。",
}


@NEEDED
@pytest.mark.parametrize("language", TEXTS)
def test_it_speaks_and_tells_when(language):
    text = TEXTS[language]
    speech = espeak.EspeakVoice().say(Line(text, language))
    sound = read_speech(speech.audio)
    assert problem(sound, text) is None
    words, timing = word_times.word_times(speech, sound, text, text, language)
    assert timing == DURATIONS
    assert all(word.end >= word.start for word in words)
    assert words[0].start < 0.3
    assert words[-1].end > sound.seconds * 0.8


@NEEDED
def test_the_voice_of_another_language_is_noticed_by_its_length():
    text = "雨在湖面上画圆圈，没有人看见。"
    sound = read_speech(espeak.EspeakVoice("en-us").say(Line(text, "en")).audio)
    assert "too long" in str(problem(sound, text))


@NEEDED
def test_a_faster_voice_is_shorter():
    text = TEXTS["de"]
    usual, fast = (read_speech(espeak.EspeakVoice().say(Line(text, "de", speed)).audio).seconds for speed in (1.0, 1.25))
    assert usual / 1.5 < fast < usual / 1.1


@NEEDED
@pytest.mark.parametrize("text", ["", "\0\0", "…"])
def test_nothing_to_say_is_refused(text):
    try:
        sound = read_speech(espeak.EspeakVoice().say(Line(text, "en")).audio)
    except ServiceRefused:
        return
    assert problem(sound, text) is not None


@NEEDED
@pytest.mark.parametrize("language", ["ja", "ja-JP"])
def test_a_language_that_it_cannot_read_is_none_that_it_speaks(home, language):
    """It names Japanese, and says "Chinese letter" for each kanji."""
    assert espeak.language_problem(settings.load(), language) == f"espeak does not speak {language} (it reads no kanji)"
    with pytest.raises(ServiceRefused, match="does not speak"):
        espeak.EspeakVoice().say(Line("雨が降る。", language))


@NEEDED
def test_a_language_that_it_does_not_know_is_refused(home):
    with pytest.raises(ServiceRefused, match="does not speak"):
        espeak.EspeakVoice().say(Line("Hello", "xx"))


@NEEDED
def test_lines_of_several_threads_do_not_mix():
    """The lengths of these lines are far apart; the voice's breath makes one line a little longer or shorter each time."""
    voice = espeak.EspeakVoice()
    lines = {"de": TEXTS["de"], "fi": TEXTS["fi"] * 3, "ru": TEXTS["ru"] * 6}
    expected = {language: len(voice.say(Line(text, language)).audio) for language, text in lines.items()}
    found: list[tuple[str, int]] = []

    def speak(language: str) -> None:
        for _ in range(3):
            found.append((language, len(voice.say(Line(lines[language], language)).audio)))

    threads = [threading.Thread(target=speak, args=(language,)) for language in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 9
    assert all(size == pytest.approx(expected[language], rel=0.1) for language, size in found)


def test_without_the_library_it_is_not_offered():
    program = (
        "import ctypes\n"
        "def gone(name, *_): raise OSError(name)\n"
        "ctypes.CDLL = gone\n"
        "from tenxsom import settings\n"
        "from tenxsom.voices import espeak\n"
        "assert 'apt install' in espeak.missing(None), espeak.missing(None)\n"
        "assert espeak.language_problem(None, 'de') is None\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_threads_that_begin_at_the_same_time_initialise_the_library_once(monkeypatch):
    """Two that were in `espeak_Initialize` together waited in it for ever, and their run with them."""
    inside, calls = threading.Barrier(2), []

    class Library:
        def __getattr__(self, name):
            return Function()

    class Function:
        def __call__(self, *_):
            calls.append(1)
            with contextlib.suppress(threading.BrokenBarrierError):
                inside.wait(0.2)  # passed only by a second thread that is inside, too
            return 22050

    monkeypatch.setattr(espeak, "_library", Library)
    espeak._initialised.cache_clear()
    try:
        with ThreadPoolExecutor(4) as pool:
            assert {rate for _, rate in pool.map(lambda _: espeak._opened(), range(4))} == {22050}
        assert len(calls) == 1
    finally:
        espeak._initialised.cache_clear()
