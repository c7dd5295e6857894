"""A canary in every place a secret can come from; then everything that was written or said is searched for it."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.belt import Belt, Ended, definition
from tests.crash import wire_proxy
from tests.crash.wire_proxy import Relay, Strike, WireProxy
from tests.stub_vertex import TOKEN as GOOGLE_TOKEN
from tests.stub_vertex import StubVertex, google_error

CANARY = f"user:{secrets.token_hex(12)}-canary"
REFUSALS = (400, 401, 402, 403, 404, 412, 422, 429, 500, 502, 503, 522, 596)


def forms(secret: str) -> set[bytes]:
    """The secret as it could be written: plain, percent-encoded, escaped, in hexadecimal and in base64 at any offset."""
    shifted = [base64.b64encode(b"\0" * offset + secret.encode())[4:-4] for offset in range(3)]
    plain = {secret, secret.lower(), quote(secret), quote(secret, safe=""), secret[len(secret) // 3 :], secret.encode().hex()}
    return {text.encode() for text in plain} | set(shifted)


def search(belt: Belt, said: list[Ended], *canaries: str, but: tuple[str, ...] = ()) -> None:
    """No file of the home (but those that the user put the secret into) and no output holds any form of the canaries."""
    places = {f"stdout or stderr of run {number}": (ended.out + ended.err).encode() for number, ended in enumerate(said)}
    for path in belt.home.rglob("*"):
        if path.is_file() and path.name not in but:
            places[str(path.relative_to(belt.home))] = path.read_bytes() + path.name.encode()
    assert len(places) > len(said)
    for canary in canaries:
        for form in forms(canary):
            found = [place for place, data in places.items() if form in data]
            assert not found, f"{form!r} is in {found}"


class Listener(WireProxy):
    """Remembers who was shown which Authorization header."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.shown: dict[str, str | None] = {}

    def strike_for(self, number: int, method: str) -> Strike:
        def listen(relay: Relay) -> None:
            self.shown[relay.path] = relay.headers["Authorization"]
            relay.pass_on()

        return listen


@pytest.fixture
def listener(studio) -> Iterator[Listener]:
    with wire_proxy.running(studio.url, Listener) as running:
        yield running  # type: ignore[misc]


@pytest.fixture
def belt(tmp_path: Path, listener: Listener) -> Belt:
    home = tmp_path / "home"
    home.mkdir()
    logging = {"LOG_LEVEL": "DEBUG", "LOG_FILE": str(home / "all.log")}
    return Belt(home, {"USEAPI_BASE_URL": f"{listener.url}/v1", "STATUS_TIMEOUT_SECONDS": "2", **logging})


def put_into_the_environment(belt: Belt) -> None:
    belt.environment["USEAPI_BEARER_TOKEN"] = CANARY


def put_into_the_settings_file(belt: Belt) -> None:
    (belt.home / "production.env").write_text(f"USEAPI_BEARER_TOKEN={CANARY}\n")


def put_into_a_file_of_its_own(belt: Belt) -> None:
    (belt.home / "token.txt").write_text(CANARY + "\n")
    belt.environment["USEAPI_BEARER_TOKEN_FILE"] = "token.txt"


SOURCES = {
    "environment": put_into_the_environment,
    "production.env": put_into_the_settings_file,
    "a_file_of_its_own": put_into_a_file_of_its_own,
}
KEPT_BY_THE_USER = ("production.env", "token.txt", "key.json")


def faults() -> list[dict[str, Any]]:
    """Every kind of failure, and every refusal with the token in its body, as a careless vendor would echo it."""
    echo = {"error": f"The token Bearer {CANARY} cannot do that.", "headers": {"Authorization": f"Bearer {CANARY}"}}
    creates: list[dict[str, Any]] = [
        {"on": "POST /images/flux-create", "do": "status", "status": status, "body": echo} for status in REFUSALS
    ]
    creates += [{"on": "POST /images/flux-create", "do": do} for do in ("accept_then_drop", "accept_then_status", "no_job_id")]
    creates += [{"on": "POST /videos/ltx-create", "do": "status", "status": status, "body": echo} for status in (422, 500)]
    checks: list[dict[str, Any]] = [
        {"on": "GET /assets/{jobId}", "do": "status", "status": status, "body": echo} for status in (401, 404, 500)
    ]
    checks += [{"on": "GET /assets/{jobId}", "do": "unknown_status", "type": f"token {CANARY}"}]
    checks += [{"on": "GET /assets/{jobId}", "kind": "video", "skip": 3, "do": "fail", "message": f"bad token {CANARY}"}]
    loads = [{"on": "GET /storage", "do": do} for do in ("expired", "truncate", "html", "wrong_content")]
    return [*creates, *checks, *loads]


@pytest.mark.parametrize("source", ["environment", *(pytest.param(each, marks=pytest.mark.slow) for each in list(SOURCES)[1:])])
def test_a_token_from_any_source_appears_nowhere(belt, listener, source):
    SOURCES[source](belt)
    said = [belt.submit(definition()), belt.poll("lake"), belt.run("manage_jobs.py", "show", "lake", "--json")]
    assert [ended.code for ended in said] == [0, 0, 0], said[0].err
    assert f"Bearer {CANARY}" in listener.shown.values(), "the token was not used, so the search would prove nothing"
    search(belt, said, CANARY, but=KEPT_BY_THE_USER)


@pytest.mark.slow
@pytest.mark.parametrize(("source", "style"), [("environment", "text"), ("production.env", "json")])
def test_a_token_appears_nowhere_whatever_succeeds_or_fails(belt, studio, listener, source, style):
    SOURCES[source](belt)
    belt.environment["LOG_FORMAT"] = style
    ids = [f"job-{number:02}" for number in range(len(REFUSALS) + 5)]
    said = [belt.submit(definition("fine"))]
    assert said[0].code == 0, said[0].err
    studio.write_faults(*faults())
    said.append(belt.submit(*[definition(content_id) for content_id in ids]))
    said += [belt.poll("fine", *ids) for _ in range(2)]
    said.append(belt.run("manage_jobs.py", "status"))
    assert f"Bearer {CANARY}" in listener.shown.values(), "the token was not used, so the search would prove nothing"
    assert any(belt.report(content_id) for content_id in ids)
    assert (belt.home / "all.log").stat().st_size > 1000
    search(belt, said, CANARY, but=KEPT_BY_THE_USER)


@pytest.mark.slow
def test_a_token_is_shown_to_the_api_alone_and_not_to_the_host_of_the_results(belt, listener):
    put_into_the_environment(belt)
    belt.submit(definition())
    belt.collect("lake")
    stored = {path for path in listener.shown if path.startswith("/storage")}
    assert stored
    assert {listener.shown[path] for path in stored} == {None}
    assert {shown for path, shown in listener.shown.items() if path not in stored} == {f"Bearer {CANARY}"}


@pytest.mark.slow
def test_a_token_is_in_no_process_title(belt, studio):
    put_into_the_environment(belt)
    studio.write_faults({"on": "POST /images/flux-create", "do": "slow", "seconds": 1})
    process = belt.start("master_orchestrator_v3.py", "--json", belt.write(definition()))
    while not studio.charges():
        assert process.poll() is None
        titles = b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "comm"))
        assert not any(form in titles for form in forms(CANARY))
    process.communicate(timeout=60)
    assert b"master_orchestrator" in titles


@pytest.mark.slow
@pytest.mark.parametrize("url", ["https://user:{}@api.example.com/v1", "https://api.example.com/v1?key={}"])
def test_an_address_with_a_secret_in_it_is_refused_without_repeating_it(belt, url):
    secret = secrets.token_hex(16)
    put_into_the_environment(belt)
    belt.environment["USEAPI_BASE_URL"] = url.format(secret)
    said = [belt.submit(definition()), belt.run("manage_jobs.py", "status")]
    assert [ended.code for ended in said] == [2, 2]
    search(belt, said, secret, CANARY)


def test_a_token_that_cannot_be_one_is_refused_without_repeating_it(belt):
    belt.environment["USEAPI_BEARER_TOKEN"] = f"{CANARY} and more"
    ended = belt.submit(definition())
    assert ended.code == 2
    search(belt, [ended], CANARY)


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["refused", "no_token"])
def test_a_service_accounts_key_and_its_access_token_appear_nowhere(belt, tmp_path, trouble):
    with StubVertex() as google:
        key_file = google.write_credentials(belt.home / "key.json")
        key = json.loads(key_file.read_text())["private_key"]
        google.script(google_error(403, f"Bearer {GOOGLE_TOKEN} may not do that; key {key}"))
        if trouble == "no_token":
            google.token_reply = google_error(401, f"invalid_grant for {key}")
        belt.environment |= {
            "USEAPI_BEARER_TOKEN": CANARY,
            "GOOGLE_APPLICATION_CREDENTIALS": str(key_file),
            "VERTEX_AI_PROJECT_ID": "demo-project",
            "VERTEX_AI_BASE_URL": google.base_url,
            "LOG_FORMAT": "json",
            "NO_GCE_CHECK": "true",
        }
        said = [belt.submit(definition())]
        assert said[0].code == 0, said[0].err
        assert belt.state("lake")["blueprint"]["planner"]["reason"], "Claude was not even asked"
        assert any(call.path == "/token" for call in google.calls)
    lines = [line for line in key.splitlines() if "PRIVATE" not in line]
    search(belt, said, CANARY, GOOGLE_TOKEN, *lines, but=KEPT_BY_THE_USER)


def test_the_search_finds_a_canary_in_every_form(belt):
    for number, form in enumerate(sorted(forms(CANARY))):
        (belt.home / f"planted-{number}").write_bytes(b"xx" + form + b"yy")
    for planted in belt.home.glob("planted-*"):
        kept = tuple(path.name for path in belt.home.glob("planted-*") if path != planted)
        with pytest.raises(AssertionError):
            search(belt, [], CANARY, but=kept)
        os.remove(planted)
