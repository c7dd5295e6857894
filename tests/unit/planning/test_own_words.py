"""A user's own words in a local plan: spoken whole, in order, in their language; directions are followed and never read aloud."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenxsom.model.blueprint import Blueprint
from tenxsom.model.definition import JobDefinition
from tenxsom.planning.archetypes import parse_archetype
from tenxsom.planning.directions import Kind, sort_sentence
from tenxsom.planning.languages import language_of
from tenxsom.planning.local import plan_locally
from tenxsom.planning.script import script_parts, script_problems
from tenxsom.planning.sentences import sentences
from tenxsom.planning.speaking import spoken_seconds
from tests.scripts_of_the_world import SENTENCES

FILES = sorted((Path(__file__).parents[3] / "templates" / "archetypes").glob("*.json"))
ARCHETYPES = {path.stem: parse_archetype(path.read_bytes(), path.name) for path in FILES}
STOCK = {
    sentence
    for archetype in ARCHETYPES.values()
    for segment in archetype.segments
    for ladder in segment.spoken
    for sentence in ladder
    if "{" not in sentence
}

STORIES = {
    "en": (
        "How tides work",
        ["The moon pulls at the sea.", "Water heaps up below it.", "The earth turns through the heap.", "So the tide comes twice."],
        ["End with an empty beach at dusk.", "Calm, cinematic look.", "Keep the tone light."],
    ),
    "de": (
        "Wie Ebbe und Flut entstehen",
        ["Der Mond zieht am Meer.", "Unter ihm steigt das Wasser.", "Die Erde dreht sich weiter.", "So kommt die Flut zweimal."],
        ["Ende mit einem leeren Strand.", "Ruhiger Ton.", "Verwende warme Farben."],
    ),
    "fr": (
        "Pourquoi la mer monte",
        ["La lune attire la mer.", "L’eau s’amasse sous elle.", "La terre tourne en dessous.", "La marée revient donc deux fois."],
        ["Termine par une plage vide.", "Ton calme.", "Utilise des couleurs chaudes."],
    ),
    "es": (
        "Por qué sube la marea",
        ["La luna tira del mar.", "El agua se amontona debajo.", "La tierra gira sin parar.", "Por eso la marea llega dos veces."],
        ["Termina con una playa vacía.", "Estilo cinematográfico.", "Usa colores cálidos."],
    ),
    "it": (
        "Perché il mare sale",
        ["La luna attira il mare.", "L’acqua si accumula sotto.", "La terra gira lì sotto.", "Così la marea torna due volte."],
        ["Finisci con una spiaggia vuota.", "Usa colori caldi."],
    ),
    "pt": (
        "Por que a maré sobe",
        ["A lua puxa o mar.", "A água se junta embaixo dela.", "A terra gira sem parar.", "Então a maré vem duas vezes."],
        ["Termine com uma praia vazia.", "Use cores quentes."],
    ),
    "ru": (
        "Откуда берётся прилив",
        ["Луна тянет море к себе.", "Вода собирается под ней.", "Земля поворачивается дальше.", "Поэтому прилив приходит дважды."],
        ["Закончи пустым пляжем.", "Используй тёплые цвета."],
    ),
    "ja": (
        "潮が満ちるわけ",
        ["月が海を引く。", "水はその下に集まる。", "地球は回り続ける。", "だから潮は二度満ちる。"],
        ["最後は静かな浜辺で終わる。", "映画のような映像にして。"],
    ),
    "zh": (
        "潮水为什么上涨",
        ["月亮吸引着大海。", "海水在它下面聚集。", "地球不停地转动。", "所以潮水一天来两次。"],
        ["以空旷的海滩结尾。", "使用电影感的画面。"],
    ),
    "ar": (
        "لماذا يرتفع البحر",
        ["القمر يجذب البحر.", "يتجمع الماء تحته.", "الأرض تدور دائماً.", "لذلك يأتي المد مرتين."],
        ["اختم بشاطئ خالٍ.", "استخدم ألواناً دافئة."],
    ),
    "hi": (
        "ज्वार क्यों आता है",
        ["चाँद समुद्र को खींचता है।", "पानी उसके नीचे जमा होता है।", "धरती घूमती रहती है।", "इसलिए ज्वार दो बार आता है।"],
        ["अंत खाली तट से करें।", "संगीत धीमा रखें।"],
    ),
}  # fmt: skip
"""Language → a title, sentences to be said, directions."""


LONG_SENTENCE = "A sentence of many words that cannot be said in one second."


def definition(**changes: Any) -> JobDefinition:
    fields = {
        "content_id": "job-1",
        "title": "How tides work",
        "archetype": "explainer",
        "tier": "standard",
        "target_duration": 30,
        "platform": "youtube_shorts",
    }
    return JobDefinition.model_validate(fields | changes)


def plan(*, recent: tuple[str, ...] = (), **changes: Any) -> Blueprint:
    job = definition(**changes)
    return plan_locally(job, ARCHETYPES[job.archetype], recent=recent)


def texts(blueprint: Blueprint) -> list[str]:
    return [segment.content for segment in blueprint.video_plan.script_segments]


def spoken(blueprint: Blueprint) -> str:
    return " ".join(texts(blueprint))


# sentences of the prompt


@pytest.mark.parametrize("language", STORIES)
@pytest.mark.parametrize("archetype", ["explainer", "documentary_mystery"])
def test_a_prompts_sentences_are_said_whole_in_order_and_without_stock_phrases_between(language: str, archetype: str) -> None:
    title, said, directions = STORIES[language]
    made = plan(title=title, language=language, prompt=" ".join(said + directions), archetype=archetype)
    where = [spoken(made).find(sentence) for sentence in said]
    assert -1 not in where
    assert where == sorted(where)
    block = [text for text in texts(made) if any(sentence in text or text in sentence for sentence in said)]
    first = texts(made).index(block[0])
    assert texts(made)[first : first + len(block)] == block
    assert not any(direction.rstrip(".。।") in spoken(made) for direction in directions)


@pytest.mark.parametrize("language", [language for language in STORIES if language != "en"])
@pytest.mark.parametrize("says_so", [True, False])
def test_no_word_of_another_language_is_spoken(language: str, says_so: bool) -> None:
    title, said, directions = STORIES[language]
    for prompt in (" ".join(said + directions), None):
        changes: dict[str, Any] = {"language": language} if says_so else {}
        if prompt is None and not says_so:
            continue  # a short title alone is no evidence of its language
        made = plan(title=title, prompt=prompt, target_duration=60, **changes)
        assert made.language == language
        assert not any(phrase in spoken(made) for phrase in STOCK)
        letters = re.sub(r"\W", "", spoken(made))
        own = re.sub(r"\W", "", title + "".join(said))
        assert set(letters.lower()) <= set(own.lower())
        assert made.fillers == []


def test_english_letters_of_a_default_field_do_not_put_english_around_a_film_in_other_letters() -> None:
    made = plan(title="潮が満ちるわけ", prompt="月が海を引く。")
    assert made.language == "ja"
    assert any("seem to be in ja, though the definition says en" in warning for warning in made.warnings)


def test_words_in_a_script_of_which_no_language_is_known_are_told_in_words() -> None:
    assert any("a language that is not known here" in warning for warning in plan(title="ߒߞߏ ߞߊ߲", prompt="ߒߞߏ ߞߊ߲.").warnings)


def test_one_warning_says_what_could_not_be_planned() -> None:
    made = plan(title="Der Hafen", language="de", prompt="Der Hafen schläft noch. Beende das Video mit einer Frage.")
    (warning,) = [warning for warning in made.warnings if warning.startswith("Planned without a planning service")]
    assert "no texts in de" in warning
    assert "“Beende das Video mit einer Frage.”" in warning


def test_points_that_do_not_fit_are_counted_and_named() -> None:
    points = [
        f"The {word} ship of the fleet sails out into the open sea at first light." for word in ("red", "blue", "old", "new", "big")
    ]
    made = plan(title="Five ships", prompt="\n".join(points), target_duration=15)
    (warning,) = [warning for warning in made.warnings if "of your 5 points did not fit into 15 s" in warning]
    for point in points:
        assert (point in spoken(made)) != (point in warning)
    count = int(warning.split()[0])
    assert all(point in warning for point in points[5 - count :])


def test_a_point_that_fits_only_without_the_title_is_said_without_it() -> None:
    made = plan(
        title="A title of eight words that takes long", prompt="One sentence of nine words fits here all alone.", target_duration=4
    )
    assert texts(made) == ["One sentence of nine words fits here all alone."]


def test_the_first_segment_is_a_short_hook() -> None:
    said = STORIES["en"][1]
    assert texts(plan(prompt=" ".join(said)))[0].startswith("How tides work.")
    question = "Why does the sea come back?"
    assert texts(plan(prompt=" ".join([question, *said])))[0] == question
    assert texts(plan(title="The moon", prompt=" ".join(said)))[0] == said[0]


def test_an_archetype_frames_a_prompt_in_its_language_only_where_there_is_time() -> None:
    said = STORIES["en"][1]
    assert plan(prompt=" ".join(said), target_duration=30).fillers != []
    assert plan(prompt=" ".join(said), target_duration=9).fillers == []


def test_words_in_quotation_marks_of_a_direction_are_spoken_at_their_end() -> None:
    made = plan(prompt="The moon pulls at the sea. End with “Watch the water tonight.” Water heaps up.")
    assert texts(made)[-1] == "Watch the water tonight."
    assert "Water heaps up." in texts(made)[-2]
    assert "End with" not in spoken(made)


def test_a_direction_for_the_ending_is_the_last_picture_and_no_other_ending_is_added() -> None:
    made = plan(prompt=" ".join([*STORIES["en"][1], "End with an empty beach at dusk."]))
    assert made.video_plan.script_segments[-1].visual_cue.startswith("An empty beach at dusk.")
    assert texts(made)[-1] == STORIES["en"][1][-1]
    assert any("“End with an empty beach at dusk.”" in warning for warning in made.warnings)


def test_directions_reach_the_look_the_voice_and_the_music() -> None:
    video = plan(prompt="The moon pulls. Use cold blue colours. Keep the tone calm. Soft piano music.").video_plan
    assert "Use cold blue colours" in video.visual_style
    assert "Keep the tone calm" in video.voice
    assert "Soft piano music" in video.music


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Film was invented twice, in two countries."),
        ("en", "Colours fade in sunlight."),
        ("en", "No ship ever came back."),
        ("en", "Keep the lid closed."),
        ("en", "Cover the dough and let it rest."),
        ("en", "Show your child the stars."),
        ("en", "Use cold water."),
        ("en", "Voices carry over water."),
        ("en", "The camera is a box with a hole."),
        ("en", "Old sailors trust the light."),
        ("en", "Is the ending always sad?"),
        ("de", "Ohne Licht wächst nichts."),
        ("de", "Ende Mai fuhr er mit dem Zug ans Meer."),
        ("fr", "Sans lumière, la plante meurt."),
        ("fr", "La musique adoucit les mœurs."),
        ("es", "Sin luz no hay vida."),
        ("ja", "カメラは箱である。"),
        ("zh", "音乐让奶牛平静。"),
        ("ru", "Без света растение умирает."),
    ],
)
def test_a_sentence_that_only_sounds_like_a_direction_is_said(language: str, sentence: str) -> None:
    assert sort_sentence(sentence, language).kind == Kind.SAID


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("End on the empty chair.", Kind.ENDING),
        ("Start with a close-up of the dough.", Kind.OPENING),
        ("Mood: fog, storm light, black ocean.", Kind.LOOK),
        ("Warm tones, shallow depth of field.", Kind.LOOK),
        ("Slow push-in on the hands.", Kind.LOOK),
        ("Show a lighthouse at dawn.", Kind.LOOK),
        ("No text on screen.", Kind.LOOK),
        ("The video should feel calm.", Kind.LOOK),
        ("Target audience: beginners", Kind.VOICE),
        ("Write in short sentences.", Kind.VOICE),
        ("Upbeat music.", Kind.MUSIC),
        ("Include a call to action.", Kind.WORDS),
    ],
)
def test_directions_are_told_from_sentences(sentence: str, kind: Kind) -> None:
    assert sort_sentence(sentence, "en").kind == kind


@given(
    language=st.sampled_from(sorted(STORIES)),
    order=st.lists(st.integers(0, 6), min_size=1, max_size=9),
    seconds=st.sampled_from([3, 8, 20, 45, 90]),
    archetype=st.sampled_from(sorted(ARCHETYPES)),
    break_lines=st.booleans(),
)
def test_whatever_is_written_is_said_in_order_or_named_in_a_warning(
    language: str, order: list[int], seconds: float, archetype: str, break_lines: bool
) -> None:
    title, said, directions = STORIES[language]
    pool = [*said, *directions]
    written = [pool[number % len(pool)] for number in order]
    prompt = ("\n" if break_lines else " ").join(written)
    made = plan(title=title, language=language, prompt=prompt, target_duration=seconds, archetype=archetype)
    assert sum(round(segment.duration * 1000) for segment in made.video_plan.script_segments) == seconds * 1000
    narration, named, place = spoken(made), " ".join(made.warnings), 0
    for sentence in written:
        if sentence in directions:
            assert sentence in named
            assert sentence not in narration
        elif (found := narration.find(sentence, place)) >= 0:
            place = found + len(sentence)
        else:
            assert sentence in named


@given(st.lists(st.sampled_from(sorted(SENTENCES.values())), min_size=1, max_size=6), st.sampled_from([" ", "\n", "\n\n"]))
def test_a_script_in_any_language_is_cut_by_sense_and_loses_nothing(written: list[str], between: str) -> None:
    script = between.join(written)
    parts = script_parts(script, spoken_seconds)
    assert "".join("".join(part.text for part in parts).split()) == "".join(script.split())
    assert all(spoken_seconds(part.text) <= 12 for part in parts)


def test_abbreviations_and_numbers_end_no_sentence() -> None:
    assert sentences("Dr. Smith paid 3.50 for it. He said: “Stop.” Then e.g. the U.S. team left. Am 3. Mai war z. B. Ruhe.") == [
        "Dr. Smith paid 3.50 for it.",
        "He said: “Stop.”",
        "Then e.g. the U.S. team left.",
        "Am 3. Mai war z. B. Ruhe.",
    ]
    assert sentences("La Dra. Ruiz vive en EE. UU. y trabaja. Es ca. 5 Euro inkl. MwSt. 이것은 꿈. 그리고 끝.") == [
        "La Dra. Ruiz vive en EE. UU. y trabaja.",
        "Es ca. 5 Euro inkl. MwSt.",
        "이것은 꿈.",
        "그리고 끝.",
    ]


@pytest.mark.parametrize(
    ("text", "field", "language"),
    [
        ("Der Hafen schläft noch und die Möwen warten.", "en", "de"),
        ("The harbour is still asleep and the gulls wait.", "de", "en"),
        ("El Niño returns", "en", "en"),
        ("Café culture", "en", "en"),
        ("Tokyo", "de", "de"),
        ("Це море ще спить і чекає", "en", "uk"),
        ("2026", "fr", "fr"),
        ("Море спит", "sr", "sr"),
    ],
)
def test_a_language_is_changed_only_on_clear_evidence(text: str, field: str, language: str) -> None:
    assert language_of(text, field) == language


# the script


def test_a_list_of_segments_keeps_its_words_pictures_and_seconds() -> None:
    script: list[dict[str, Any]] = [
        {"text": "Salt was money, once…", "visual": "a hand pours salt on a scale", "seconds": 6},
        {"text": "then it was taxed", "seconds": 4},
        {"text": "Now it is cheap!"},
    ]
    segments = plan(script=script, target_duration=20).video_plan.script_segments
    assert [segment.content for segment in segments] == [part["text"] for part in script]
    assert [segment.duration for segment in segments] == [6, 4, 10]
    assert segments[0].visual_cue.startswith("A hand pours salt on a scale.")


@pytest.mark.parametrize("language", ["en", "de", "ja"])
def test_nothing_is_said_but_the_script(language: str) -> None:
    script = " ".join(STORIES[language][1])
    made = plan(script=script, language=language, title=STORIES[language][0], prompt="Moody look. Another sentence stands here.")
    assert "".join(spoken(made).split()) == "".join(script.split())
    assert made.fillers == []
    assert "Moody look" in made.video_plan.visual_style


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"script": [{"text": "One.", "seconds": 20}, {"text": "Two.", "seconds": 15}]}, "add up to 35; target_duration allows 30"),
        ({"script": [{"text": "One.", "seconds": 29}, {"text": LONG_SENTENCE}]}, "allows 30"),
        ({"script": "A sentence of six short words. " * 30}, "target_duration allows 30"),
        ({"script": "A sentence of six short words. " * 150, "length": "at_least"}, "the platform allows 180"),
        ({"script": [{"text": "One.", "seconds": 2}, {"text": "Two.", "seconds": 3}]}, "add up to 5; target_duration is 30"),
        ({"script": [{"text": LONG_SENTENCE, "seconds": 1}]}, "1 seconds are too few"),
        ({"script": "… !"}, "no letter or digit"),
    ],
)  # fmt: skip
def test_a_script_that_does_not_fit_is_refused_with_the_numbers(changes: dict[str, Any], expected: str) -> None:
    problems = script_problems(definition(**changes), 180)
    assert any(expected in problem.message for problem in problems), problems


@pytest.mark.parametrize("language", sorted(STORIES))
def test_a_script_that_a_calm_voice_can_speak_in_time_is_accepted(language: str) -> None:
    script = " ".join(STORIES[language][1])
    assert script_problems(definition(script=script, language=language, target_duration=10)) == []


def test_a_longer_script_makes_a_longer_film_where_that_is_asked_for() -> None:
    script = "A sentence of six short words. " * 20
    assert plan(script=script, length="at_least").seconds > 40
    assert plan(script="One word. Two words.", length="at_least").seconds == 30


# pictures


@pytest.mark.parametrize("language", STORIES)
def test_neighbouring_pictures_differ_and_show_what_their_sentence_says(language: str) -> None:
    title, said, _ = STORIES[language]
    segments = plan(title=title, language=language, prompt=" ".join(said), target_duration=40).video_plan.script_segments
    for before, after in pairwise(segments):
        assert before.visual_cue.split(". ")[0] != after.visual_cue.split(". ")[0]
    for sentence in said:
        (shown,) = [segment.visual_cue for segment in segments if sentence in segment.content]
        assert max(re.findall(r"\w+", sentence), key=len).lower() in shown.lower()


# fillers


def test_a_filler_of_the_channels_recent_films_is_never_used_again() -> None:
    recent: list[str] = []
    for number in range(20):
        made = plan(title=f"A film about number {number}", content_id=f"film-{number}", target_duration=15, recent=tuple(recent))
        assert not set(made.fillers) & set(recent)
        assert f"number {number}" in texts(made)[0]
        recent += made.fillers
    assert len(set(recent)) == len(recent)
