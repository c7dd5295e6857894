"""Planning without Claude: the archetype files, and what the local planner makes of them."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tenxsom.errors import BadSettings, PlanFailed
from tenxsom.media.sound.moods import USUAL
from tenxsom.model.blueprint import Blueprint, parse_blueprint, share_out
from tenxsom.model.definition import JobDefinition, parse_definition
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.planning.archetypes import Archetype, parse_archetype
from tenxsom.planning.english import count_words
from tenxsom.planning.local import plan_locally
from tenxsom.planning.prompts import read_prompt
from tenxsom.planning.titles import read_title, tidy
from tenxsom.text import units
from tests.scripts_of_the_world import SENTENCES

TEMPLATES = Path(__file__).parents[3] / "templates"
FILES = sorted((TEMPLATES / "archetypes").glob("*.json"))
ARCHETYPES = {path.stem: parse_archetype(path.read_bytes(), path.name) for path in FILES}
DURATIONS = (1, 3, 5, 7.3, 15, 30, 60, 600)
TITLES = (
    "Tokyo",
    "The Lost Colony of Roanoke",
    "How to fold a fitted sheet",
    "Why Is the Sky Blue?",
    "Why do cats purr?",
    "5 ways to save money on groceries",
    "Top 10 facts about Saturn",
    "BREAKING: NEW AI MODEL BEATS DOCTORS!!!",
    "Stop scrolling",
    "Fold a shirt in two seconds",
    "日本の秋",
    "Straßenmusik in Zürich: ein Abend",
    "Soap cutting 🧼🔪 | ASMR #asmr #satisfying",
    "{weird} braces... and , spaces",
    "Wait.. what?!",
    "!!!",
    "x" * 200,
    ("A title that goes on and on, and then on again, without ever coming to the point; " * 3)[:200],
)
PROMPT = (
    "Salt was once traded for gold. Mention that roads were named after it. Focus on salt pans, caravans and the old tax. "
    "Explain how brine becomes crystals. Keep it upbeat. Moody amber look."
)


def definition(**changes: Any) -> JobDefinition:
    fields = {
        "content_id": "job-1",
        "title": "Tokyo",
        "archetype": "explainer",
        "tier": "standard",
        "target_duration": 15,
        "platform": "youtube",
    }
    return JobDefinition.model_validate({**fields, **changes})


def plan(archetype: str = "explainer", **changes: Any) -> Blueprint:
    return plan_locally(definition(archetype=archetype, **changes), ARCHETYPES[archetype])


def texts(blueprint: Blueprint) -> list[str]:
    return [segment.content for segment in blueprint.video_plan.script_segments]


def changed(edit: Any) -> bytes:
    document = json.loads((TEMPLATES / "archetypes" / "explainer.json").read_bytes())
    edit(document)
    return json.dumps(document).encode()


GRID = [
    (name, title, seconds)
    for name in ARCHETYPES
    for title in TITLES
    for seconds in DURATIONS
    if seconds < 600 or title in TITLES[::4]
]


@pytest.fixture(scope="module")
def grid() -> list[tuple[str, str, float, Blueprint]]:
    return [(name, title, seconds, plan(name, title=title, target_duration=seconds)) for name, title, seconds in GRID]


# The data files


def test_the_nine_promised_archetypes_are_there() -> None:
    assert set(ARCHETYPES) >= {
        "tech_news",
        "documentary_mystery",
        "explainer",
        "quick_tips",
        "sensory_morph",
        "compressed_history",
        "satisfying_slice",
        "trending_analysis",
        "daily_inspiration",
    }


def test_an_archetype_without_a_mood_has_the_usual_one() -> None:
    assert parse_archetype(changed(lambda document: document.pop("mood")), "explainer.json").mood == USUAL


@pytest.mark.parametrize("archetype", ARCHETYPES.values(), ids=lambda archetype: archetype.name)
def test_every_segment_has_at_least_five_variants_of_everything(archetype: Archetype) -> None:
    for segment in archetype.segments:
        assert min(len(segment.spoken), len(segment.screen), len(segment.visual)) >= 5, segment.kind


@pytest.mark.parametrize("archetype", ARCHETYPES.values(), ids=lambda archetype: archetype.name)
def test_pictures_ask_for_light_or_movement_and_never_for_writing(archetype: Archetype) -> None:
    for scene in itertools.chain.from_iterable(segment.visual for segment in archetype.segments):
        assert not re.search(r"\b(caption|subtitle|headline|title card|typograph\w*|lettering|logo|words|text)\b", scene), scene
        assert "; " in scene, f"no camera after the scene: {scene}"


@pytest.mark.parametrize("archetype", ARCHETYPES.values(), ids=lambda archetype: archetype.name)
def test_no_variant_stands_in_two_segments(archetype: Archetype) -> None:
    first_sentences = [
        ladder[0] + ladder[-1] for segment in archetype.segments for ladder in segment.spoken if ladder[0] != "{fact}"
    ]
    scenes = [scene for segment in archetype.segments for scene in segment.visual]
    assert len(first_sentences) == len(set(first_sentences))
    assert len(scenes) == len(set(scenes))


@pytest.mark.parametrize("archetype", ARCHETYPES.values(), ids=lambda archetype: archetype.name)
def test_no_template_says_what_its_own_avoid_list_forbids(archetype: Archetype) -> None:
    said = " ".join(sentence for segment in archetype.segments for ladder in segment.spoken for sentence in ladder).lower()
    assert [phrase for phrase in archetype.avoid if phrase.lower() in said] == []


def test_an_unknown_slot_is_refused_with_its_file_its_place_and_the_nearest_known_one() -> None:
    data = changed(lambda document: document["segments"][1]["spoken"][0].append("Look at {topik}."))
    with pytest.raises(
        BadSettings,
        match=r"explainer\.json has 1 problem.*\n  segments\.1\.spoken\.0\.3: .*\{topik\}\. Did you mean \{topic\}\?",
    ):
        parse_archetype(data, "templates/archetypes/explainer.json")


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda d: d.update(colour="blue"), "colour: there is no such field"),
        (lambda d: d.pop("music"), "music: it is required"),
        (lambda d: d.update(mood="curiuos"), "mood: there is no mood 'curiuos'. Did you mean 'curious'? Known: curious, bright"),
        (lambda d: d.update(name="other"), "name: remove it"),
        (lambda d: d.update(words_per_second=9), "words_per_second: "),
        (lambda d: d["segments"][0].update(weight="1"), "segments.0.weight: it must be a number, not "),
        (lambda d: d["segments"][0].update(priority=4), "segments.0.priority"),
        (lambda d: d["segments"][1].update(kind="question"), "segments.1.kind: 'question' is used twice"),
        (lambda d: d["segments"][4].update(repeats=True, kind="later") or d["segments"][3].update(repeats=False), "side by side"),
        (lambda d: d["segments"][2].update(pairs=25), "segments.2.pairs"),
        (lambda d: d["segments"][2].update(most_seconds=2.5), "segments.2.most_seconds"),
        (lambda d: d["segments"][1]["spoken"].__setitem__(0, ["No full stop"]), "must end with"),
        (lambda d: d["segments"][1]["spoken"].__setitem__(0, ["no capital."]), "must start with"),
        (lambda d: d["segments"][1]["spoken"].__setitem__(0, ["Two  spaces."]), "spaces too many"),
        (lambda d: d["segments"][1]["spoken"].__setitem__(0, ["An open {topic brace."]), "a brace"),
        (lambda d: d["segments"][0]["spoken"].__setitem__(0, ["Hello there."]), "the opening must name the title"),
        (
            lambda d: d["segments"][1]["visual"].__setitem__(0, "A dark room with one lamp that burns; slow push-in"),
            "must have {subject}",
        ),
        (lambda d: d["segments"][1]["screen"].__setitem__(0, d["segments"][1]["screen"][1]), "repeats an earlier variant"),
        (lambda d: d["segments"][1].update(screen=["One"]), "segments.1.screen"),
    ],
)
def test_a_broken_archetype_file_is_refused_with_the_path_of_its_problem(edit: Any, expected: str) -> None:
    with pytest.raises(BadSettings, match=re.escape(expected)):
        parse_archetype(changed(edit), "explainer.json")


def test_a_file_that_is_no_json_is_a_broken_installation_and_not_a_bad_job() -> None:
    with pytest.raises(BadSettings, match=r"odd\.json"):
        parse_archetype(b"{", "odd.json")


def test_the_example_definitions_are_valid_and_plan() -> None:
    platforms = {name: entry["aspect_ratio"] for name, entry in json.loads((TEMPLATES / "platforms.json").read_bytes()).items()}
    vocabulary = Vocabulary(archetypes=set(ARCHETYPES), platforms=platforms, services={"local_studio"})
    examples = sorted((TEMPLATES / "jobs").glob("*.json"))
    assert {path.name for path in examples} >= {
        "tech_news_16x9.json",
        "quick_tips_9x16.json",
        "satisfying_slice_1x1.json",
        "documentary_storyboard.json",
    }
    for path in examples:
        job = parse_definition(path.read_bytes(), path.name, vocabulary)
        warnings = plan_locally(job, ARCHETYPES[job.archetype]).warnings
        assert [warning for warning in warnings if not warning.startswith("Taken as directions")] == []
        assert job.shape(vocabulary) == {"9x16": "9:16", "1x1": "1:1"}.get(path.stem.rsplit("_", 1)[-1], "16:9")


# Time


def test_durations_add_up_exactly_whatever_the_title_and_the_length(grid: list[tuple[str, str, float, Blueprint]]) -> None:
    for name, title, seconds, blueprint in grid:
        milliseconds = sum(round(segment.duration * 1000) for segment in blueprint.video_plan.script_segments)
        assert milliseconds == round(seconds * 1000), (name, title, seconds)


def test_segments_are_never_more_than_sixty_nor_longer_than_fifteen_seconds_while_there_are_words(
    grid: list[tuple[str, str, float, Blueprint]],
) -> None:
    for name, title, seconds, blueprint in grid:
        segments = blueprint.video_plan.script_segments
        assert len(segments) <= 60
        if not blueprint.warnings:
            assert max(segment.duration for segment in segments) <= 15, (name, title, seconds)


def test_every_kept_segment_has_its_minimum_unless_it_is_the_only_one(grid: list[tuple[str, str, float, Blueprint]]) -> None:
    for name, _, _, blueprint in grid:
        least = {segment.kind: segment.least_seconds for segment in ARCHETYPES[name].segments}
        segments = blueprint.video_plan.script_segments
        for segment in segments if len(segments) > 1 else []:
            assert segment.duration >= least[re.sub(r"_\d+$", "", segment.segment_type)]


@pytest.mark.parametrize("name", ARCHETYPES)
def test_one_second_is_one_segment_and_thirty_seconds_tell_the_whole_form(name: str) -> None:
    assert len(plan(name, target_duration=1).video_plan.script_segments) == 1
    kinds = {re.sub(r"_\d+$", "", segment.segment_type) for segment in plan(name, target_duration=30).video_plan.script_segments}
    assert kinds == {segment.kind for segment in ARCHETYPES[name].segments}


def test_a_title_that_promises_five_tips_gets_five() -> None:
    kinds = [
        segment.segment_type
        for segment in plan("quick_tips", title="5 ways to sleep better", target_duration=30).video_plan.script_segments
    ]
    assert [kind for kind in kinds if kind.startswith("tip")] == ["tip_1", "tip_2", "tip_3", "tip_4", "tip_5"]


def test_times_follow_one_another() -> None:
    segments = plan("tech_news", target_duration=30).video_plan.script_segments
    assert segments[0].time.startswith("00:00-")
    assert segments[-1].time.endswith("-00:30")
    assert all(before.time.split("-")[1] == after.time.split("-")[0] for before, after in itertools.pairwise(segments))


def test_equal_weights_share_out_to_nearly_equal_durations() -> None:
    assert share_out([1] * 10, 17.5) == [2.0] * 5 + [1.5] * 5


def test_shares_keep_a_minimum_for_each_part() -> None:
    assert share_out([1, 1, 8], 10, [3, 0.5, 0.5]) == [3, 1, 6]


def test_shares_that_cannot_keep_the_minimum_are_refused() -> None:
    with pytest.raises(PlanFailed):
        share_out([1, 1], 3, [2, 2])


# Words


def test_no_text_has_open_slots_doubled_marks_or_stray_spaces(grid: list[tuple[str, str, float, Blueprint]]) -> None:
    for name, title, seconds, blueprint in grid:
        video = blueprint.video_plan
        for text in [video.description, *texts(blueprint), *(segment.visual_cue for segment in video.script_segments)]:
            assert not re.search(r"[{}]|  |\.\.| [,.;!?]|[.!?…][.,;]|^\s|\s$|None", text), (name, title, seconds, text)


def test_sentences_start_with_a_capital_and_end_with_a_mark(grid: list[tuple[str, str, float, Blueprint]]) -> None:
    for name, title, seconds, blueprint in grid:
        for text in texts(blueprint):
            assert text.endswith((".", "!", "?", "…", "。")), (name, title, seconds, text)
            for start in re.findall(r"(?:^|[.!?] )(\S)", text):
                assert not start.islower(), (name, title, seconds, text)


def test_the_words_fit_the_time_of_their_segment(grid: list[tuple[str, str, float, Blueprint]]) -> None:
    for name, title, seconds, blueprint in grid:
        pace = ARCHETYPES[name].words_per_second
        for segment in blueprint.video_plan.script_segments:
            words = count_words(segment.content)
            assert words <= max(3, segment.duration * pace * 1.1 + 1), (name, title, seconds, segment.content)


@pytest.mark.parametrize("name", ARCHETYPES)
@pytest.mark.parametrize("seconds", [15, 30, 60])
def test_a_video_is_spoken_for_most_of_its_time(name: str, seconds: int) -> None:
    for number in range(20):
        said = sum(
            map(
                count_words,
                texts(plan(name, content_id=f"id-{number}", title="The Lost City of Atlantis", target_duration=seconds)),
            )
        )
        assert said >= 0.6 * seconds * ARCHETYPES[name].words_per_second


@pytest.mark.parametrize("title", TITLES[:6])
@pytest.mark.parametrize("name", ARCHETYPES)
def test_the_first_segment_says_the_title(name: str, title: str) -> None:
    assert title.rstrip("?.") in texts(plan(name, title=title, target_duration=15))[0]


@pytest.mark.parametrize("name", ARCHETYPES)
def test_what_the_prompt_tells_is_said(name: str) -> None:
    said = " ".join(texts(plan(name, prompt=PROMPT, target_duration=60)))
    assert "Salt was once traded for gold." in said
    assert "salt pans" in said.lower()
    assert not re.search(r"upbeat|Mention|Focus on|Moody", said)


def test_wishes_for_look_and_voice_reach_the_look_and_the_voice() -> None:
    video = plan(prompt=PROMPT, style="watercolour").video_plan
    assert "Moody amber look" in video.visual_style
    assert "Keep it upbeat" in video.voice
    assert all(
        "Style: watercolour." in segment.visual_cue and "Moody amber look." in segment.visual_cue
        for segment in video.script_segments
    )


def test_each_fact_of_the_prompt_is_said_once_and_in_order() -> None:
    facts = [f"Tip number {letter} is quite simple." for letter in "ABCDE"]
    said = " ".join(texts(plan("quick_tips", title="5 ways to rest", prompt="\n".join(facts), target_duration=40)))
    assert [said.count(fact) for fact in facts] == [1] * 5
    assert [said.index(fact) for fact in facts] == sorted(said.index(fact) for fact in facts)


@pytest.mark.parametrize("name", ARCHETYPES)
def test_without_narration_every_segment_is_one_short_line(name: str) -> None:
    for title in TITLES:
        for line in texts(plan(name, title=title, narration=False, target_duration=30, prompt=PROMPT)):
            assert count_words(line) <= 12
            assert not re.search(r"[{}]|  |\.\.", line)


def test_no_variant_comes_twice_while_others_are_left() -> None:
    for name in ARCHETYPES:
        for narration in (True, False):
            said = texts(plan(name, title="Tokyo", target_duration=45, narration=narration))
            assert len(said) == len(set(said)), name


def test_a_very_long_video_says_that_the_templates_have_no_more_lines() -> None:
    long = plan(target_duration=600)
    assert any("no more lines" in warning for warning in long.warnings)
    assert len(set(long.fillers)) == len(long.fillers) > 20


# Pictures


def test_cues_are_short_enough_name_the_subject_and_share_one_look(grid: list[tuple[str, str, float, Blueprint]]) -> None:
    for name, title, _, blueprint in grid:
        subject = read_title(title).subject
        for segment in blueprint.video_plan.script_segments:
            assert len(segment.visual_cue) <= 600
            assert subject.lower() in segment.visual_cue.lower()
            assert ARCHETYPES[name].visual.palette in segment.visual_cue


def test_a_picture_that_is_paired_with_words_comes_with_them() -> None:
    seen = {}
    for number in range(40):
        segments = plan("daily_inspiration", content_id=f"id-{number}", target_duration=30).video_plan.script_segments
        segment = next(segment for segment in segments if segment.segment_type == "image")
        seen[segment.content.split(",")[0].split(".")[0]] = segment.visual_cue
    assert len(seen) >= 4
    assert "oak" in seen.get("A winter tree is packing for spring", "oak")
    assert "stream" in seen.get("A river wins by returning", "stream")
    assert "ocean" in seen.get("The tide goes out", "ocean")


def test_a_slice_stays_with_one_material() -> None:
    materials = ("coral block|coral loaf", "pistachio", "wax", "sand", "jelly")
    for number in range(10):
        cues = [
            segment.visual_cue.split(" Palette of ")[0]
            for segment in plan("satisfying_slice", content_id=f"id-{number}").video_plan.script_segments
        ]
        assert any(all(re.search(material, cue) for cue in cues) for material in materials), cues


# One id, one plan


def test_the_same_id_gives_the_same_plan_on_every_machine() -> None:
    first = plan("tech_news", content_id="demo-tech-news-16x9", title="The chip that thinks in light", target_duration=5)
    assert first == plan("tech_news", content_id="demo-tech-news-16x9", title="The chip that thinks in light", target_duration=5)
    assert first.video_plan.script_segments[0].visual_cue.startswith("A vast circuit landscape at night")


@pytest.mark.parametrize("name", ARCHETYPES)
def test_another_id_gives_another_plan(name: str) -> None:
    plans = {json.dumps(plan(name, content_id=f"id-{number}", target_duration=15).video_plan.model_dump()) for number in range(20)}
    assert len(plans) > 17  # a few may meet by chance


def test_a_plan_can_be_saved_and_read_again(grid: list[tuple[str, str, float, Blueprint]]) -> None:
    for _, _, _, blueprint in grid[::7]:
        assert parse_blueprint(blueprint.model_dump_json().encode(), "plan") == blueprint


def test_the_plan_says_who_made_it_and_why() -> None:
    blueprint = plan_locally(definition(title="Der Hafen", language="de"), ARCHETYPES["explainer"], "Vertex AI answered 429.")
    assert (blueprint.planner.name, blueprint.planner.reason, blueprint.planner.cost_usd) == (
        "archetype_templates",
        "Vertex AI answered 429.",
        "0",
    )
    assert "Vertex AI answered 429." in blueprint.warnings[0]
    assert "no texts in de" in blueprint.warnings[1]
    assert plan().warnings == []


def test_tags_are_distinct_lower_case_and_without_hashes(grid: list[tuple[str, str, float, Blueprint]]) -> None:
    for _, title, _, blueprint in grid:
        tags = blueprint.video_plan.tags
        assert 1 <= len(tags) <= 15 or title in ("!!!", "x" * 200)
        assert len(set(tags)) == len(tags)
        assert all("#" not in tag and tag == tag.lower() for tag in tags)


# Reading titles and prompts


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The Lost Colony of Roanoke", "the Lost Colony of Roanoke"),
        ("The vanished keepers of Eilean Mor", "the vanished keepers of Eilean Mor"),
        ("How to fold a fitted sheet", "folding a fitted sheet"),
        ("How to sharpen a knife", "sharpening a knife"),
        ("Why do cats purr?", "why cats purr"),
        ("How does a transistor work?", "how a transistor works"),
        ("What is quantum computing?", "quantum computing"),
        ("5 ways to save money", "saving money"),
        ("Top 10 facts about Saturn", "Saturn"),
        ("A Short History of Salt", "Salt"),
        ("Kintsugi: the art of golden repair", "Kintsugi"),
        ("iPhone 18 rumours", "iPhone 18 rumours"),
        ("TOKYO", "Tokyo"),
        ("日本の秋", "日本の秋"),
        ("Why Is the Sky Blue?", None),
        ("Scientists discover a new octopus", None),
        ("Don't panic", None),
        ("It's okay to start over", None),
        ("What is a black hole?", "a black hole"),
    ],
)
def test_a_title_gives_a_phrase_that_can_stand_after_about(title: str, name: str | None) -> None:
    assert read_title(title).name == name


def test_a_prompt_is_sorted_into_words_to_be_said_and_wishes_for_look_and_voice() -> None:
    wishes = read_prompt(PROMPT)
    assert wishes.said == (
        "Salt was once traded for gold.",
        "Roads were named after it.",
        "Salt pans, caravans and the old tax.",
        "How brine becomes crystals.",
    )
    assert (wishes.look, wishes.voice) == (("Moody amber look",), ("Keep it upbeat",))


@pytest.mark.parametrize("prompt", [None, "", "   ", "...", "#tag https://example.com", "🧼"])
def test_an_empty_prompt_wishes_for_nothing(prompt: str | None) -> None:
    assert read_prompt(prompt) == read_prompt(None)


# titles in other languages than English


@pytest.mark.case
@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize("most_words", [3, 5, 9])
def test_a_title_is_never_cut_inside_a_word(language: str, most_words: int) -> None:
    def letters(text: str) -> str:
        return "".join(letter for letter in text.lower() if unicodedata.category(letter)[0] in "LMN")

    title = SENTENCES[language].strip()
    cut = read_title(title).headline(most_words)
    whole = {letters(unit.text) for unit in units(tidy(title), 10_000)}
    assert letters(units(cut, 10_000)[-1].text) in whole


@pytest.mark.parametrize(
    ("title", "sentence"),
    [
        ("人工智能如何改变世界", "人工智能如何改变世界。"),
        ("潮はなぜ引くのか？", "潮はなぜ引くのか？"),
        ("ทำไมน้ำจึงลง", "ทำไมน้ำจึงลง"),
        ("समुद्र की कहानी", "समुद्र की कहानी।"),
        ("كيف يعمل العالم؟", "كيف يعمل العالم؟"),
        ("می\u200cخواهم", "می\u200cخواهم."),
        ("მოხუცი მცხობელი", "მოხუცი მცხობელი."),
        ("WATER AT 100°", "Water at 100°."),
        ("İSTANBUL NERESİ", "İstanbul Neresi."),
        ("👨\u200d👩\u200d👧 family", "Family."),
        ("Où va ce nuage ?", "Où va ce nuage ?"),
        ("Déjà vu\u00a0: la mer", "Déjà vu\u00a0: la mer."),
        ("Wow 🔥!", "Wow!"),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", "Ｆｕｌｌ　ｗｉｄｔｈ."),
    ],
)
def test_a_title_becomes_a_sentence_as_its_script_writes_one(title: str, sentence: str) -> None:
    assert read_title(title).headlines[0] == sentence


def test_tags_of_a_hindi_title_are_whole_words() -> None:
    assert {"समुद्र", "कहानी"} <= set(plan(title="समुद्र की कहानी").video_plan.tags)
