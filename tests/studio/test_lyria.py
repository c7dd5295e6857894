"""The studio's music models: the program's own client finds them there, with Google's words and troubles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenxsom.errors import ServiceBusy, ServiceRefused, SubmitUnclear
from tenxsom.google.genai import GenAi
from tenxsom.media.sound.reading import check_sound
from tenxsom.services.music.base import MusicOrder
from tenxsom.services.music.lyria import Lyria

WORDS = "Felt piano and warm strings, hopeful."
LOCATIONS = {"lyria-002": "us-central1", "lyria-3-clip-preview": "global"}


@pytest.fixture(params=LOCATIONS)
def music(request, studio) -> Iterator[Lyria]:
    model = request.param
    made = Lyria(GenAi("lyria", "demo", LOCATIONS[model], base_url=studio.url), model)
    yield made
    made.close()


@pytest.mark.slow
def test_a_piece_is_half_a_minute_of_sound_and_is_charged(music, studio, tmp_path):
    made = music.compose(MusicOrder(WORDS, seed=3))
    (tmp_path / "piece").write_bytes(made.data)
    assert 29 < check_sound(tmp_path / "piece") < 34
    assert [(charge["service"], charge["kind"]) for charge in studio.charges()] == [("lyria", "music")]


def test_a_scripted_refusal_has_no_sound_and_costs_nothing(music, studio):
    studio.write_faults({"service": "lyria", "on": "POST *", "do": "fail", "times": 1})
    with pytest.raises(ServiceRefused, match="makes no music of these words"):
        music.compose(MusicOrder(WORDS))
    assert studio.charges() == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["accept_then_status", "accept_then_drop"])
def test_a_scripted_loss_is_charged_and_unclear(music, studio, fault):
    studio.write_faults({"service": "lyria", "on": "POST *", "do": fault, "times": 1})
    with pytest.raises(SubmitUnclear):
        music.compose(MusicOrder(WORDS))
    assert len(studio.charges()) == 1


def test_a_scripted_429_is_a_refusal_for_now(music, studio):
    studio.write_faults({"service": "lyria", "on": "POST *", "do": "status", "status": 429, "times": 1})
    with pytest.raises(ServiceBusy):
        music.compose(MusicOrder(WORDS))
    assert studio.charges() == []


@pytest.mark.parametrize(
    ("model", "location"), [("lyria-001", "us-central1"), ("lyria-3.5", "global"), ("lyria-3-pro-preview", "eu")]
)
def test_a_model_that_is_not_served_is_named_with_the_remedy(studio, model, location):
    made = Lyria(GenAi("lyria", "demo", location, base_url=studio.url), model)
    with pytest.raises(ServiceRefused, match="VERTEX_MUSIC_MODEL_ID"):
        made.compose(MusicOrder(WORDS))
    made.close()


def test_a_prompt_without_words_is_refused(studio):
    made = Lyria(GenAi("lyria", "demo", "us-central1", base_url=studio.url), "lyria-002")
    with pytest.raises(ServiceRefused, match="no prompt"):
        made.compose(MusicOrder(" "))
    made.close()
