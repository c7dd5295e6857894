"""What a job definition may say, and what bad input gets: a sentence with the place, and nothing else happens."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tenxsom.errors import BadDefinition
from tenxsom.model.definition import MAX_PROBLEMS, JobDefinition, VoiceChoice, check_definition, definition_schema, parse_definition
from tenxsom.model.strict_json import MAX_BYTES, parse_object, pretty
from tenxsom.model.vocabulary import Vocabulary

VOCABULARY = Vocabulary(
    ["documentary_mystery", "tech_news", "daily_inspiration"],
    {"youtube": "16:9", "tiktok": "9:16", "instagram_feed": "1:1"},
    ("local_studio", "useapi_ltx"),
)
PAGE = {
    "content_id": "LAKE_001",
    "title": "The lake that glows at night",
    "archetype": "documentary_mystery",
    "tier": "premium",
    "target_duration": 20,
    "platform": "youtube",
}
EVERYTHING = {
    **PAGE,
    "prompt": "Divers, a lost lantern\nand blue algae",
    "aspect_ratio": "9:16",
    "service": "local_studio",
    "clips": "storyboard",
    "style": "Cinematic",
    "seed": 7,
    "language": "pt-BR",
    "narration": False,
    "script": [
        {"text": "Algae glow when they are touched.", "visual": "Blue sparks in black water", "seconds": 6.5},
        {"text": "Why?"},
    ],
    "voice": {"service": "gemini", "name": "Kore", "style": "calm", "speed": 1.1},
    "pronunciations": {"Noctiluca": "nok-ti-loo-ka"},
    "pace": "plan",
    "music": "sea.ogg",
    "clip_sound": "mute",
    "captions": "burned",
    "caption_style": "word_colour",
    "brand": "night_school",
    "thumbnail_title": "It glows",
    "transition": "crossfade",
    "length": "at_least",
    "max_cost_usd": 1.5,
    "approve": True,
    "not_before": "2026-12-01T09:00+01:00",
    "metadata": {"campaign": {"ids": [1, 2.5, None, True, "ü"]}},
}


def page(**changes: Any) -> dict[str, Any]:
    return {**PAGE, **changes}


def read(document: Any) -> JobDefinition:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_definition(data, "lake.json", VOCABULARY)


def problems_of(document: Any) -> dict[str, str]:
    with pytest.raises(BadDefinition) as caught:
        read(document)
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith("lake.json: ")
    return {problem.path: problem.message for problem in caught.value.problems}


def only_problem(document: Any) -> str:
    problems = problems_of(document)
    assert list(problems) == ["/"], problems
    return problems["/"]


# what is accepted


def test_the_six_fields_of_the_original_system_are_enough():
    definition = read(PAGE)
    assert definition.as_dict() == PAGE
    assert definition.shape(VOCABULARY) == "16:9"


def test_every_optional_field_is_accepted_and_kept_as_it_was_written():
    assert read(EVERYTHING).as_dict() == EVERYTHING


def test_an_aspect_ratio_of_its_own_wins_over_the_platforms():
    assert read(page(platform="tiktok")).shape(VOCABULARY) == "9:16"
    assert read(page(platform="tiktok", aspect_ratio="1:1")).shape(VOCABULARY) == "1:1"


@pytest.mark.parametrize("content_id", ["a", "7", "A" * 120, "a.b", "a..b", "a-b_c.d", "x.json", "2026-11-22_lake"])
def test_an_id_that_can_name_files_is_accepted(content_id):
    assert read(page(content_id=content_id)).content_id == content_id


@pytest.mark.parametrize("seconds", [1, 1.0, 2.5, 600, 6e2])
def test_durations_from_1_to_600_seconds_are_accepted(seconds):
    assert read(page(target_duration=seconds)).target_duration == float(seconds)


LETTERS = some.characters(exclude_categories=["Cs"])
NUMBERS = some.integers(-(2**63), 2**63 - 1) | some.floats(allow_nan=False, allow_infinity=False)
JSON = some.recursive(
    some.none() | some.booleans() | NUMBERS | some.text(LETTERS, max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(LETTERS, max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(some.dictionaries(some.text(LETTERS, max_size=8), JSON, max_size=4))
def test_metadata_is_carried_untouched(metadata):
    kept = read(page(metadata=metadata)).as_dict()["metadata"]
    assert kept == metadata
    assert json.dumps(kept) == json.dumps(metadata)


# words, voice and sound


def test_a_script_is_one_text_or_a_list_of_segments():
    assert read(page(script="Look at the water.\nIt glows.")).script == "Look at the water.\nIt glows."
    segments = read(page(script=[{"text": "Look at the water."}, {"text": "It glows.", "visual": "A shore", "seconds": 3}])).script
    assert isinstance(segments, list)
    assert [(segment.text, segment.visual, segment.seconds) for segment in segments] == [
        ("Look at the water.", None, None),
        ("It glows.", "A shore", 3.0),
    ]


@pytest.mark.parametrize("captions", [True, False, "burned", "srt", "both", "track"])
def test_captions_are_a_choice_or_true_and_false(captions):
    assert read(page(captions=captions)).captions == captions


def test_a_voice_is_a_name_or_says_more():
    assert read(page(voice="hibari")).voice == "hibari"
    assert read(page(voice={"name": "Kore", "speed": 1.25})).voice == VoiceChoice(name="Kore", speed=1.25)


@pytest.mark.parametrize(
    ("field", "value", "path", "sentence"),
    [
        ("script", 7, "script", "it must be one text, or a list of segments"),
        ("script", "", "script", "visible text"),
        ("script", " \n ", "script", "visible text"),
        ("script", [], "script", "it must not be empty"),
        ("script", ["Look."], "script.0", "it must be an object in braces"),
        ("script", [{"txt": "Look."}], "script.0.txt", "Did you mean 'text'?"),
        ("script", [{"visual": "A shore"}], "script.0.text", "it is required"),
        ("script", [{"text": "Look.", "seconds": 0}], "script.0.seconds", "it must be more than 0"),
        ("script", [{"text": "Look.", "seconds": True}], "script.0.seconds", "it must be a number, not True"),
        ("script", [{"text": "a\x1b[2J"}], "script.0.text", "control characters"),
        ("script", [{"text": "a"}] * 61, "script", "it has 61 entries; at most 60"),
        ("script", "a" * 20_001, "script", "at most 20000"),
        ("voice", ["Kore"], "voice", "it must be a name, or an object with service, name, style and speed"),
        ("voice", {"speed": 2}, "voice.speed", "the most is 1.25"),
        ("voice", {"speed": 0.5}, "voice.speed", "the least is 0.9"),
        ("voice", {"pitch": 2}, "voice.pitch", "there is no such field"),
        ("pronunciations", {"a": 1}, "pronunciations.a", "it must be a text"),
        ("pronunciations", {"a": " "}, "pronunciations.a", "visible text"),
        ("captions", "burnt", "captions", "is not one of 'burned', 'srt', 'both' or 'track'"),
        ("captions", 1, "captions", "it must be true, false, 'burned', 'srt', 'both' or 'track'"),
        ("caption_style", "box", "caption_style", "is not one of"),
        ("pace", "fast", "pace", "is not one of"),
        ("clip_sound", "loud", "clip_sound", "is not one of"),
        ("transition", "wipe", "transition", "is not one of"),
        ("length", "exactly", "length", "is not one of"),
        ("music", "a\nb", "music", "one line of visible text"),
        ("thumbnail_title", "", "thumbnail_title", "one line of visible text"),
        ("brand", "", "brand", "it must not be empty"),
    ],
)
def test_a_mistake_in_the_fields_of_a_film_is_named_with_its_place(field, value, path, sentence):
    problems = problems_of(page(**{field: value}))
    assert sentence in problems[path], problems


def test_a_definition_of_an_earlier_version_has_the_fingerprint_it_had():
    assert (
        read(page(captions=True, fit="keep", length="exact", pace="voice", pronunciations={})).fingerprint()
        == read(PAGE).fingerprint()
    )
    assert read(page(length="at_least")).fingerprint() != read(PAGE).fingerprint()


# ids

HOSTILE_IDS = [
    "", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", ".hidden", "-x", "_x", "~x", "A" * 121, "x\n", "\nx", "x\n\n", "x\r",
    "x\0",
    "x\0.json", " x", "x ", "a b", "ä", "\uff41", "x\u2028", "x\u0301", "${HOME}", "a:b", "a*", "x%2f", "😀",
]  # fmt: skip


@pytest.mark.parametrize("content_id", HOSTILE_IDS)
def test_an_id_that_could_not_name_files_safely_is_refused(content_id):
    problems = problems_of(page(content_id=content_id))
    assert "cannot name files" in problems["content_id"]


def test_the_refusal_of_an_id_shows_no_control_character():
    with pytest.raises(BadDefinition) as caught:
        read(page(content_id="x\x1b[2J\0"))
    assert caught.value.problems[0].message.isprintable()


# values


@pytest.mark.parametrize("field", list(PAGE))
def test_a_missing_field_is_named(field):
    document = {name: value for name, value in PAGE.items() if name != field}
    assert problems_of(document) == {field: "it is required; add it"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""), ("title", "   "), ("title", "x" * 201), ("title", "two\nlines"), ("title", "bell\x07"),
        ("title", "a\u2028b"),
        ("title", 5), ("title", None), ("title", ["x"]),
        ("tier", "gold"), ("tier", "Premium"), ("tier", None), ("tier", 1),
        ("target_duration", 0), ("target_duration", 0.99), ("target_duration", -5), ("target_duration", 600.001),
        ("target_duration", "20"), ("target_duration", None), ("target_duration", [20]), ("target_duration", 10**400),
        ("prompt", "x" * 2001), ("prompt", "nul\0"), ("prompt", 5),
        ("aspect_ratio", "4:3"), ("aspect_ratio", 1.7),
        ("clips", "many"), ("clips", None),
        ("style", ""), ("style", "x" * 121), ("style", "a\nb"), ("style", 3),
        ("seed", -1), ("seed", 2**31), ("seed", 1.5), ("seed", "7"), ("seed", 10**30),
        ("language", "english!"), ("language", ""), ("language", "en\n"), ("language", "e"),
        ("narration", "yes"), ("narration", 1), ("captions", 0), ("captions", None),
        ("max_cost_usd", -0.01), ("max_cost_usd", 10_001), ("max_cost_usd", "5"),
        ("metadata", []), ("metadata", "x"), ("metadata", None),
    ],
)  # fmt: skip
def test_a_value_outside_the_rules_is_refused_at_its_place(field, value):
    assert list(problems_of(page(**{field: value}))) == [field]


@pytest.mark.parametrize("field", ["target_duration", "seed", "max_cost_usd"])
@pytest.mark.parametrize("value", [True, False])
def test_true_and_false_are_no_numbers(field, value):
    assert list(problems_of(page(**{field: value}))) == [field]


def test_null_for_an_optional_text_means_that_it_is_not_given():
    assert read(page(prompt=None, service=None)).fingerprint() == read(PAGE).fingerprint()


# names


@pytest.mark.parametrize(
    ("field", "wrong", "right"),
    [
        ("archetype", "documentary_mistery", "documentary_mystery"),
        ("archetype", "TECH_NEWS", "tech_news"),
        ("platform", "you_tube", "youtube"),
        ("service", "local_studo", "local_studio"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_and_all_known_ones(field, wrong, right):
    message = problems_of(page(**{field: wrong}))[field]
    assert f"Did you mean {right!r}?" in message
    assert "Known: " in message


def test_a_name_near_nothing_gets_no_suggestion():
    assert "Did you mean" not in problems_of(page(archetype="zzzzzzzz"))["archetype"]


@pytest.mark.parametrize(
    ("wrong", "right"), [("platfrom", "platform"), ("Title", "title"), ("contentId", "content_id"), ("meta", "metadata")]
)
def test_an_unknown_field_is_refused_with_the_nearest_known_one(wrong, right):
    assert problems_of(page(**{wrong: "x"}))[wrong] == f"there is no such field. Did you mean {right!r}?"


def test_all_problems_of_a_file_are_reported_together_with_their_places():
    document = page(content_id="../x", tier="gold", target_duration=0, archetype="nope", tilte="x", seed=True)
    del document["title"]
    problems = problems_of(document)
    assert set(problems) == {"content_id", "tier", "target_duration", "archetype", "tilte", "seed"}, (
        "a misspelt field is one problem"
    )
    with pytest.raises(BadDefinition, match="6 problems"):
        read(document)


def test_a_trailing_comma_is_found_where_it_is():
    with pytest.raises(BadDefinition, match=r"a comma stands behind the last entry; remove it in line 2, column 19$"):
        parse_definition(b'{\n  "title": "Tides",\n}', "lake.json", VOCABULARY)


def test_a_number_in_quotation_marks_is_told_as_one():
    (message,) = problems_of(page(target_duration="30")).values()
    assert message == "it must be a number, not '30'; leave out the quotation marks"


def test_thousands_of_problems_are_cut_to_a_readable_number():
    with pytest.raises(BadDefinition) as caught:
        read(page(**{f"x{number}": 1 for number in range(20_000)}))
    problems = caught.value.problems
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].message == f"and {20_000 - MAX_PROBLEMS} problems more"


@pytest.mark.parametrize("name", ["x" * 5000, "a\nb", "\x1b[2J"])
def test_the_name_of_an_unknown_field_is_shown_shortened_and_harmless(name):
    (place,) = problems_of(page(**{name: 1}))
    assert len(place) <= 60
    assert place.isprintable()


# documents


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"), (b" \n\t ", "empty"), (b"[]", "a list"), (b'"x"', "a text"), (b"null", "null"), (b"true", "true or false"),
        (b"7", "a number"), (b"{", "column"), (b"{'a': 1}", "column"), (b'{"a": 1} {"b": 2}', "column"), (b'{"a": 1,}', "column"),
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_refused_with_what_it_is(data, word):
    assert word in only_problem(data)


@pytest.mark.case
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_what_windows_saves_is_read(encoding):
    text = json.dumps(page(title="Über 東京"), ensure_ascii=False, indent=2).replace("\n", "\r\n")
    assert read(text.encode(encoding)).title == "Über 東京"


@pytest.mark.case
@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u200b", "\u2028", "\u2003", "\ufeff", "\u200e", "\x0c", "\x1a", "\u2060"])
def test_a_blank_that_json_does_not_know_counts_as_one_between_texts_and_stays_in_them(blank):
    text = json.dumps(page(prompt="ten\u00a0miles\u3000off"), ensure_ascii=False)
    spaced = text.replace('": ', f'":{blank} ').replace("{", "{" + blank) + blank
    assert read(spaced.encode()).prompt == "ten\u00a0miles\u3000off"


@pytest.mark.case
@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{“title”: “Tides”}", "curly quote “"),
        ('{"title”: "Tides"}', "curly quote"),
        ('{"title": "Tides”, "tier": "volume"}', "curly quote"),
        ("{„title“: „Tides“}", "curly quote „"),
        ("{«title»: 1}", "curly quote «"),
        ("{‘title’: 1}", "curly quote ‘"),
        ('{"title"： 1}', "full-width ："),
        ('｛"title": 1｝', "full-width ｛"),
        ("{'title': 1}", "single quote"),
        ('{"title": 1,}', "comma stands behind the last"),
        ('{"tags": [1, 2, ]}', "comma stands behind the last"),
        ('{"a": 1 // what it is\n}', "comment"),
        ('{"a": True}', "true, false or null"),
        ('{"a": None}', "true, false or null"),
        ('{"a": "two\nlines"}', "line break"),
        ('{"a": "C:\\Users"}', "single backslash"),
        ("{\\rtf1\\ansi {\\fonttbl}}", "rich-text document"),
        ("PK\x03\x04\x14\x00word/document.xml", "word processor"),
        ("%PDF-1.7", "PDF"),
        ("<html><body>", "web page"),
        ("content_id: lake\ntitle: The lake\n", "this is YAML"),
        ("---\n# a film\ncontent_id: lake\n", "this is YAML"),
        ('content_id = "lake"\n', "this is TOML"),
        ('[job]\ncontent_id = "lake"\n', "this is TOML"),
        ('```json\n{"title": "Tides"}\n```', "this is Markdown"),
        ('callback({"title": "Tides"})', "JSONP"),
        ("\x89PNG\r\n\x1a\n", "this is a picture"),
        ("\x7fELF\x02\x01", "this is a program"),
        *((f'{{"a": {number}, "b": 1}}', "a number is written") for number in ("+15", "015", "0x1F", ".5", "15.", "1_000")),
        ('{"a": 15,5}', "a number is written"),
        ('{"a": [1, 2_000]}', "a number is written"),
        ('{"a": [1,2,3}', "a comma or a closing bracket is missing"),
        ('{"title": "Tides"', "ends too early"),
        ('{"title": "Tides', "no quote at its end"),
        ('{"a": "b" "c": 1}', "a comma or a closing bracket is missing"),
        ('{"a": [1, 2] "c": 1}', "a comma or a closing bracket is missing"),
    ],
)
def test_what_is_no_json_is_named_by_the_mistake_that_was_made(text, word):
    assert word in only_problem(text.encode("latin-1" if text[0] in "\x89\x7f" else "utf-8"))


@pytest.mark.parametrize(("encoding", "name"), [("latin-1", "UTF-8"), ("cp1251", "UTF-8"), ("shift_jis", "UTF-8")])
def test_another_encoding_is_refused_with_the_one_that_is_wanted(encoding, name):
    title = {"latin-1": "Über", "cp1251": "Тишина", "shift_jis": "東京"}[encoding]
    assert f"is not {name}" in only_problem(json.dumps(page(title=title), ensure_ascii=False).encode(encoding))


@pytest.mark.parametrize("title", ["\u200b", "\u200f\u200e", "\u00a0\u3000", "\u2060", "\u202e \u202c"])
def test_a_title_of_which_nothing_can_be_seen_is_refused(title):
    assert problems_of(page(title=title)) == {"title": "it must be one line of visible text"}


@pytest.mark.case
@pytest.mark.parametrize(
    "title", ["🔥🔥🔥", "\u200fمرحبا\u200f", "👨‍👩‍👧‍👦", "x" * 200, "می‌خواهم", "100% {headline} <b>--></b>", "\u202eabc\u202c"]
)
def test_an_odd_title_is_a_title(title):
    assert read(page(title=title)).title == title


@pytest.mark.parametrize("letter", ["\x80", "\x85", "\x9b"])
def test_control_characters_of_the_second_kind_are_refused_too(letter):
    assert set(problems_of(page(title=f"a{letter}b", prompt=f"a{letter}b"))) == {"title", "prompt"}


def test_half_a_surrogate_pair_in_utf_16_is_no_text():
    data = json.dumps(page(title="tide")).encode("utf-16").replace("d".encode("utf-16-le"), b"\x3d\xd8", 1)
    assert "UTF-16" in only_problem(data)


def test_the_place_of_a_byte_that_is_not_utf_8_is_named():
    assert "byte 11 " in only_problem(b'{"title": "\xff"}')


@pytest.mark.parametrize(
    "data", [b'{"title": "a", "title": "b"}', b'{"metadata": {"x": 1, "x": 1}}', b'{"metadata": {"y": [{"x": 1, "x": 2}]}}']
)
def test_a_key_that_appears_twice_is_refused_at_any_depth(data):
    assert "appears twice" in only_problem(data)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("template", ['{"target_duration": %s}', '{"metadata": {"x": [%s]}}'])
def test_a_number_without_a_value_is_refused(number, template):
    only_problem((template % number).encode())


@pytest.mark.parametrize("digits", [5000, -5000])
def test_a_number_of_thousands_of_digits_is_refused(digits):
    only_problem(b'{"metadata": {"x": [%s]}}' % (b"-" * (digits < 0) + b"9" * abs(digits)))


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**30])
def test_a_whole_number_that_readers_would_round_is_refused_with_its_place(number):
    with pytest.raises(BadDefinition) as caught:
        read(page(metadata={"ids": [{"of": 1}, {"of": number}]}))
    assert [problem.path for problem in caught.value.problems] == ["metadata.ids.1.of"]
    assert "write it as a text" in str(caught.value)


def test_a_long_number_that_was_accepted_by_an_earlier_version_is_carried_on():
    document = page(metadata={"id": 10**30})
    assert check_definition(document, "lake", VOCABULARY).metadata == {"id": 10**30}


@pytest.mark.parametrize("half", ["\\ud800", "\\udfff", "\\udc00\\ud800", "ab\\uD834"])
@pytest.mark.parametrize(
    "template", ['{"title": "%s"}', '{"%s": 1}', '{"metadata": {"x": ["%s"]}}', '{"metadata": {"x": [{"%s": 1}]}}']
)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(half, template):
    assert "surrogate" in only_problem((template % half).encode())


def test_a_whole_surrogate_pair_is_a_letter_like_any_other():
    assert read(json.dumps(page(title="😀")).encode()).title == "😀"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [33, 1000, 40_000])
def test_endless_nesting_is_refused(opening, depth):
    closing = b"]" if opening == b"[" else b"}"
    data = b'{"metadata": ' + opening * depth + b"1" + closing * depth + b"}"
    message = only_problem(data)
    assert "nested too deeply" in message or "larger than" in message


def test_a_file_that_is_larger_than_any_page_is_refused_before_it_is_parsed():
    assert "larger than 256 KiB" in only_problem(b"[" * (MAX_BYTES + 1))


def test_a_file_of_exactly_the_largest_size_is_read():
    data = json.dumps(PAGE).encode()
    assert read(data + b" " * (MAX_BYTES - len(data))).title == PAGE["title"]


@given(some.binary(max_size=200))
def test_no_bytes_at_all_get_anything_but_a_definition_or_a_sentence(data):
    with suppress(BadDefinition):
        parse_object(data, "x")


@given(some.dictionaries(some.sampled_from([*EVERYTHING, "other"]), JSON, max_size=6))
def test_no_document_at_all_gets_anything_but_a_definition_or_a_sentence(changes):
    with suppress(BadDefinition):
        check_definition({**PAGE, **changes}, "x", VOCABULARY)


def test_what_we_write_ourselves_survives_a_text_that_utf_8_cannot_hold():
    assert json.loads(pretty({"message": "\ud800 ü"})) == {"message": "\ud800 ü"}
    pretty({"message": "\ud800"}).decode("utf-8")


# fingerprints


def test_the_order_of_keys_does_not_change_the_fingerprint():
    assert read(dict(reversed(EVERYTHING.items()))).fingerprint() == read(EVERYTHING).fingerprint()


def test_spelled_out_defaults_do_not_change_the_fingerprint():
    spelled = page(clips="auto", language="en", narration=True, captions=True, metadata={}, prompt=None, seed=None)
    assert read(spelled).fingerprint() == read(PAGE).fingerprint()


def test_20_and_20_point_0_are_the_same_duration():
    assert read(page(target_duration=20.0)).fingerprint() == read(page(target_duration=20)).fingerprint()


@pytest.mark.parametrize("field", list(EVERYTHING))
def test_every_field_changes_the_fingerprint(field):
    other = {
        "content_id": "LAKE_002", "title": "x", "archetype": "tech_news", "tier": "volume", "target_duration": 21,
        "platform": "tiktok",
        "prompt": "x", "aspect_ratio": "1:1", "service": "useapi_ltx", "clips": "single", "style": "x", "seed": 8, "language": "de",
        "narration": True, "captions": True, "max_cost_usd": 2, "metadata": {"campaign": {"ids": [1, 2.5, None, True, "u"]}},
        "script": "Algae glow.", "voice": "Kore", "pronunciations": {"Noctiluca": "x"}, "pace": "voice", "music": "none",
        "clip_sound": "keep", "caption_style": "line", "brand": "x", "thumbnail_title": "x", "transition": "cut", "length": "exact",
        "approve": False, "not_before": "2026-12-02T09:00Z",
    }  # fmt: skip
    assert read(EVERYTHING | {field: other[field]}).fingerprint() != read(EVERYTHING).fingerprint()


def test_the_fingerprint_is_the_same_in_every_version():
    assert read(PAGE).fingerprint() == "f34131de67aa6e68247b28fa457c0438e30993c58b80fe225524cb53deafe30c"


# the schema for editors

VALIDATOR = jsonschema.Draft202012Validator(definition_schema(VOCABULARY))


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("document", [PAGE, EVERYTHING])
def test_the_schema_accepts_what_the_program_accepts(document):
    VALIDATOR.validate(document)


@pytest.mark.parametrize(
    "document",
    [
        page(content_id="../x"), page(content_id="A" * 121), page(title=""), page(tier="gold"), page(target_duration=0),
        page(target_duration="20"), page(platform="you_tube"), page(archetype="nope"), page(seed=-1), page(clips="many"),
        page(surprise=1), page(metadata=[]), {},
    ],
)  # fmt: skip
def test_the_schema_refuses_what_the_program_refuses(document):
    assert problems_of(document)
    assert not VALIDATOR.is_valid(document)


def test_a_file_that_is_no_definition_at_all_is_not_quoted():
    """A wrong path may lead to a key file."""
    key = b'{"type": "service_account", "private_key": "-----BEGIN canary", "canary_name": 1}'
    with pytest.raises(BadDefinition) as caught:
        parse_definition(key, "key.json", VOCABULARY)
    assert "it is no job definition" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["2026-12-01T09:00+01:00", "2026-12-01 09:00:00Z", "20261201T0900Z", "2026-12-01T09:00:00.5-03:30", "9999-12-31T00:00Z"]
)
def test_a_time_with_a_zone_is_a_beginning(text):
    assert check_definition(PAGE | {"not_before": text}, "lake.json", VOCABULARY).not_before == text


@pytest.mark.parametrize("value", ["2026-12-01T09:00", "2026-12-01", "tomorrow", "", "9999-12-31T23:00-05:00", "25:00", 5, True])
def test_a_beginning_without_a_zone_is_refused_with_an_example(value):
    with pytest.raises(BadDefinition) as caught:
        check_definition(PAGE | {"not_before": value}, "lake.json", VOCABULARY)
    assert [problem.path for problem in caught.value.problems] == ["not_before"]
    assert "2026-12-01T09:00+01:00" in str(caught.value) or "must be a text" in str(caught.value)
