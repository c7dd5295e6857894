"""Claude in a company's network: the proxies and authorities of our settings, and none of the process's environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.errors import BadSettings, PlanFailed
from tenxsom.pipeline.planner import ClaudeVideoService
from tenxsom.planning import claude_errors
from tenxsom.planning.model_garden import model_state
from tenxsom.store.templates import Templates
from tests.claude_world import archetype_of, claude, order
from tests.net_server import ScriptedServer, answer, certificate, unused_port
from tests.stub_vertex import TOKEN, StubVertex
from tests.stub_vertex import answer as plan

pytest_plugins = ["tests.claude_fixtures"]

VERTEX = "http://vertex.test/v1"
REFUSED = answer(403, {"error": {"message": "said through the proxy"}}, content_type="application/json")


@pytest.fixture(autouse=True)
def other_proxies(vertex_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names proxies and authorities that nothing may use: settings may also stand in production.env alone."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    monkeypatch.setenv("ANTHROPIC_VERTEX_BASE_URL", "http://127.0.0.1:9/v1")


def reason_of(environment: dict[str, str], plan_templates: Templates, **changes: object) -> str:
    with pytest.raises(PlanFailed) as caught:
        claude(environment, plan_templates, **changes).plan(order(plan_templates), archetype_of(plan_templates))
    return str(caught.value)


@pytest.mark.slow
def test_a_plan_is_asked_for_through_our_proxy(vertex_environment, plan_templates):
    with ScriptedServer(REFUSED) as proxy:
        told = reason_of(vertex_environment, plan_templates, base_url=VERTEX, proxies={"http": proxy.url})
        assert "said through the proxy" in told
        assert {request.target.split("/projects")[0] for request in proxy.requests} == {VERTEX}


def test_a_host_that_no_proxy_names_is_asked_directly(vertex_environment, plan_templates, google: StubVertex):
    google.script(plan(5, 5))
    with ScriptedServer(REFUSED) as proxy:
        proxies = {"http": proxy.url, "no_proxy": "127.0.0.0/8"}
        made = claude(vertex_environment, plan_templates, proxies=proxies)
        made.plan(order(plan_templates), archetype_of(plan_templates))
        assert proxy.requests == []


def test_a_proxy_that_is_not_there_is_named_without_its_password(vertex_environment, plan_templates):
    proxies = {"https": f"http://me:hush@127.0.0.1:{unused_port()}"}
    told = reason_of(vertex_environment, plan_templates, base_url=None, proxies=proxies)
    assert f"through the proxy {proxies['https'].partition('@')[2]}" in told
    assert "hush" not in told


def test_a_proxy_of_another_kind_says_what_to_install(vertex_environment, plan_templates):
    told = reason_of(vertex_environment, plan_templates, base_url=None, proxies={"https": "socks5h://127.0.0.1:1"})
    assert "pip install 'httpx2[socks]'" in told


def test_a_companys_authority_is_trusted_where_it_is_named(vertex_environment, plan_templates, tmp_path: Path):
    tls, trusted = certificate(tmp_path)
    with ScriptedServer(REFUSED, tls=tls) as server:
        url = f"{server.url}/v1"
        assert "certificate" in reason_of(vertex_environment, plan_templates, base_url=url)
        assert "said through the proxy" in reason_of(vertex_environment, plan_templates, base_url=url, ca_file=trusted)


@pytest.mark.slow
def test_the_settings_reach_the_planner_and_the_check(vertex_environment, plan_templates, tmp_path: Path):
    tls, trusted = certificate(tmp_path)
    with ScriptedServer(REFUSED, tls=tls) as server:
        changes = {"VERTEX_AI_BASE_URL": f"{server.url}/v1", "TLS_CA_FILE": str(trusted)}
        service = ClaudeVideoService(settings.load(vertex_environment | changes), plan_templates)
        assert "said through the proxy" in (service.plan(order(plan_templates)).planner.reason or "")
        asked = len(server.requests)
        checks = {check.name: check for check in service.check()}
        assert checks["credentials"].ok
        assert "said through the proxy" in checks["model"].message
        assert len(server.requests) == asked + 1


@pytest.mark.slow
def test_model_garden_is_asked_through_our_proxy():
    from google.oauth2.credentials import Credentials

    with ScriptedServer(REFUSED) as proxy, pytest.raises(PlanFailed, match="said through the proxy"):
        model_state(
            "demo-project",
            "global",
            "claude-haiku-5-5",
            Credentials(TOKEN),
            endpoint="http://garden.test",
            proxies={"http": proxy.url},
        )
    assert proxy.requests[0].target.startswith("http://garden.test/")


def test_an_authority_file_without_certificates_is_a_wrong_setting(vertex_environment, plan_templates, tmp_path: Path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(BadSettings, match="TLS_CA_FILE"):
        claude(vertex_environment, plan_templates, ca_file=empty).plan(order(plan_templates), archetype_of(plan_templates))


def test_a_network_error_without_a_proxy_names_none():
    assert "proxy" not in claude_errors.error_sentence(OSError("no route"), "p", "global", "m", None)
