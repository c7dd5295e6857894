"""What a service answers to a paid call is kept: its status, its own words, every id in it, and none of our secrets."""

from __future__ import annotations

import json
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tenxsom import settings
from tenxsom.errors import ServiceRefused, SubmitUnclear, TenxsomError
from tenxsom.services import registry
from tenxsom.services.base import VideoOrder
from tenxsom.services.images import registry as stills
from tenxsom.services.images.base import ImageOrder
from tests.net_server import Behaviour, ScriptedServer, answer, head, raw

TOKEN = "user:1-canary"
SERVICES = {
    "useapi_ltx": ("USEAPI_BEARER_TOKEN", "USEAPI_BASE_URL"),
    "flux": ("USEAPI_BEARER_TOKEN", "USEAPI_BASE_URL"),
    "ltx_api": ("LTX_API_KEY", "LTX_API_BASE_URL"),
    "vertex_veo": ("VERTEX_AI_PROJECT_ID", "VERTEX_GENAI_BASE_URL"),
}
UNREADABLE = {
    "an id that is a number": ({"id": 918273645}, ["918273645"]),
    "an id in a wrapper": ({"data": {"task_id": "vid-7f3a91"}}, ["vid-7f3a91"]),
    "several ids": ({"job": {"uuid": "u-1"}, "requestId": "r-2", "items": [{"id": "i-3"}]}, ["u-1", "r-2", "i-3"]),
    "a sentence of refusal": ({"base_resp": {"status_code": 1008, "status_msg": "balance too low, top up"}}, []),
    "a web page": (b"<html><title>Back soon</title></html>", []),
    "nothing at all": (b"", []),
    "half an answer": (b'{"id": "vid-1', []),
}


def refused(name: str, behaviour: Behaviour, home: Path) -> TenxsomError:
    """What comes of an order that is answered like that."""
    with ScriptedServer(behaviour) as server:
        key, base = SERVICES[name]
        given = settings.load({"TENXSOM_HOME": str(home), key: "demo-project" if name == "vertex_veo" else TOKEN, base: server.url})
        service = registry.open_service("useapi_ltx" if name == "flux" else name, given)
        source = stills.open_source("flux", service, given, home, home.joinpath) if name == "flux" else None
        with closing(service), closing(source) if source else nullcontext(), pytest.raises(TenxsomError) as raised:
            _ = (
                source.request_image(ImageOrder("a lake", "16:9"), "ref")
                if source
                else service.request_video(VideoOrder("a lake", "16:9", 6, None), "ref")
            )
    return raised.value


@pytest.mark.case
@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("said", UNREADABLE)
def test_a_success_that_cannot_be_read_is_unclear_and_kept_whatever_it_looks_like(name, said, tmp_path):
    body, ids = UNREADABLE[said]
    if name == "ltx_api" and said == "an id in a wrapper":
        body = {"data": {"id": 7, "task_id": "vid-7f3a91"}}
        ids = ["7", "vid-7f3a91"]
    error = refused(name, answer(200, body), tmp_path)
    assert type(error) is SubmitUnclear
    assert error.answer is not None
    text = body.decode() if isinstance(body, bytes) else json.dumps(body)
    assert error.answer["status"] == 200
    assert json.loads(error.answer["text"]) == body if isinstance(body, dict) else error.answer["text"] == text
    assert error.answer["ids"] == ids
    for word in [*ids, "top up"] if "top up" in text else ids:
        assert word in str(error), "the screen says it as well"


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("status", [400, 402, 404, 410, 422, 429, 500, 502, 503, 529])
def test_a_refusal_is_kept_with_the_services_own_words(name, status, tmp_path):
    error = refused(name, answer(status, {"error": {"message": "Our own words."}, "request_id": "req-9"}), tmp_path)
    assert error.answer is not None
    assert error.answer["status"] == status
    assert "Our own words." in error.answer["text"]
    assert error.answer["ids"] == ["req-9"]


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "vertex_veo"])
def test_no_secret_is_kept_and_no_more_than_4_kb(name, tmp_path):
    body: dict[str, Any] = {"error": f"{TOKEN} may not", "id": f"x-{TOKEN}", "rest": "x" * 9000}
    error = refused(name, answer(422, body), tmp_path)
    assert isinstance(error, ServiceRefused)
    assert "canary" not in json.dumps(error.answer) + str(error)
    assert error.answer is not None
    assert len(error.answer["text"]) <= 4096


@pytest.mark.parametrize("name", SERVICES)
def test_what_came_of_a_success_before_it_broke_off_is_kept(name, tmp_path):
    beginning = b'{"id": "vid-7", "jobId": "vid-7", "name": "vid-7", "not'
    error = refused(name, raw(head(200, {"Content-Length": "400"}) + beginning), tmp_path)
    assert type(error) is SubmitUnclear
    assert error.answer == {"status": 200, "text": beginning.decode(), "ids": []}
    assert "vid-7" in str(error), "the screen says it as well"


@pytest.mark.parametrize("name", SERVICES)
def test_a_redirect_to_what_was_accepted_is_no_refusal_and_its_address_is_kept(name, tmp_path):
    error = refused(name, answer(303, b"", Location="/v2/jobs/vid-7"), tmp_path)
    assert type(error) is SubmitUnclear
    assert error.answer == {"status": 303, "text": "", "ids": ["/v2/jobs/vid-7"]}


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "vertex_veo"])
def test_an_id_that_no_address_can_hold_is_none_and_is_kept(name, tmp_path):
    error = refused(name, answer(200, b'{"id": "vid-\\ud800", "jobId": "vid-\\ud800"}'), tmp_path)
    assert type(error) is SubmitUnclear
    assert error.answer is not None
    assert error.answer["ids"] == ["vid-\ud800"] * 2
