"""Who may come in, what another site can do, and what a page may load."""

from __future__ import annotations

import re
import socket

import pytest
from starlette.requests import Request

from tenxsom import clock
from tenxsom.app import App
from tenxsom.dashboard.doorkeeper import Attempts, Doorkeeper
from tenxsom.dashboard.guard import address_of
from tenxsom.dashboard.pages.login import safe_place
from tenxsom.errors import BadInput, BadSettings
from tenxsom.setting_values import Secret
from tenxsom.settings import load
from tests.unit.dashboard.conftest import TOKEN

PLACES = ("/", "/queue", "/library", "/costs", "/health", "/new", "/jobs/lake", "/nothing")


@pytest.mark.parametrize("place", PLACES)
def test_no_page_allows_inline_code_or_another_host(dashboard, place):
    answer = dashboard.client.get(place)
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|javascript:", answer.text)
    assert not re.search(r"(?:src|href|action)=\"(?!/|#|\?)", answer.text)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8766", "localhost.evil.example", "", "127.0.0.1.evil.example", "[::1"]
)
def test_a_foreign_name_that_leads_here_by_dns_is_refused(dashboard, host):
    answer = dashboard.client.get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "DASHBOARD_HOSTS" in answer.text


@pytest.mark.parametrize("host", ["localhost:8766", "127.0.0.1", "[::1]:8766", "192.168.1.5:8766", "films.example.com"])
def test_addresses_and_names_of_this_machine_and_of_the_settings_are_known(home, monkeypatch, host):
    from starlette.testclient import TestClient

    from tenxsom.dashboard.board import Board
    from tenxsom.dashboard.site import site

    monkeypatch.setenv("DASHBOARD_HOSTS", "films.example.com")
    with App(load()) as app:
        assert TestClient(site(Board(app))).get("/", headers={"Host": host}).status_code == 200


def test_without_the_token_every_page_leads_to_the_login_and_back(locked):
    answer = locked.client.get("/queue?state=waiting")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?to=/queue%3Fstate%3Dwaiting")
    assert locked.client.get("/events").status_code == 401
    assert locked.client.get("/jobs/lake/film").status_code == 303
    answer = locked.client.post("/login", data={"token": TOKEN, "to": "/queue?state=waiting"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue?state=waiting")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert TOKEN not in cookie
    assert locked.client.get("/queue").status_code == 200


@pytest.mark.parametrize("place", ["/login", "/static/nothing"])
def test_who_is_not_logged_in_sees_nothing_that_the_token_went_into(locked, place):
    text = locked.client.get(place).text
    assert "Log out" not in text
    assert not re.search(r"[0-9a-f]{64}", text)


def test_a_session_ends_with_the_log_out_and_its_cookie_is_worth_nothing_then(locked):
    locked.client.post("/login", data={"token": TOKEN})
    cookie = dict(locked.client.cookies)
    assert locked.post("/logout").headers["location"] == "/login"
    locked.client.cookies.update(cookie)
    assert locked.client.get("/").status_code == 303


def test_a_wrong_token_is_said_and_after_some_each_next_one_waits(locked):
    for _ in range(4):
        answer = locked.client.post("/login", data={"token": "wrong"})
        assert answer.status_code == 401
        assert "This is not the token" in answer.text
    answer = locked.client.post("/login", data={"token": TOKEN})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("host", "counted_as"),
    [
        ("192.168.1.5", "192.168.1.5"), ("::ffff:192.168.1.5", "192.168.1.5"), ("2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"), ("testclient", "testclient"),
    ],
)  # fmt: skip
def test_attempts_of_one_ipv6_network_are_counted_together(host, counted_as):
    assert address_of(Request({"type": "http", "client": (host, 1), "headers": []})) == counted_as
    assert address_of(Request({"type": "http", "headers": []})) == ""


def test_pauses_double_are_bounded_and_end_with_the_right_token(monkeypatch):
    monkeypatch.setattr(clock, "monotonic", lambda: 0.0)
    attempts = Attempts()
    pauses = []
    for _ in range(14):
        attempts.failed("10.0.0.1")
        pauses.append(attempts.pause_seconds("10.0.0.1"))
    assert pauses[:6] == [0.0, 0.0, 0.0, 2.0, 4.0, 8.0]
    assert pauses[-1] == 300.0
    assert attempts.pause_seconds("10.0.0.2") == 0.0
    attempts.succeeded("10.0.0.1")
    assert attempts.pause_seconds("10.0.0.1") == 0.0


@pytest.mark.parametrize("cookie", ["", "x", "x.y.z", "é", "a" * 5000])
def test_a_forged_cookie_is_no_session(cookie):
    assert Doorkeeper(Secret(TOKEN)).session_of(cookie) is None


def test_a_session_survives_a_restart_but_not_another_token():
    session, cookie = Doorkeeper(Secret(TOKEN)).new_session()
    assert Doorkeeper(Secret(TOKEN)).session_of(cookie) == session
    assert Doorkeeper(Secret(TOKEN + "2")).session_of(cookie) is None
    assert Doorkeeper(None).session_of(cookie) is None


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
def test_another_site_can_change_nothing(dashboard, headers):
    token = dashboard.form_token()
    answer = dashboard.client.post("/health", data={"form_token": token}, headers=headers)
    assert answer.status_code == 403
    assert dashboard.board.health._looking is None


def test_a_form_without_the_token_of_its_session_does_nothing(dashboard):
    for fields in ({}, {"form_token": "0" * 64}, {"form_token": Doorkeeper(None).form_token("another")}):
        answer = dashboard.client.post("/health", data=fields)
        assert answer.status_code == 403
        assert "load the page anew" in answer.text
    assert dashboard.board.health._looking is None


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "/\\evil.example", "", "evil", "/a\nb"])
def test_a_login_leads_to_no_other_site(to):
    assert safe_place(to) == "/"


def test_programs_send_the_token_and_a_form_of_another_site_cannot(locked):
    client, header = locked.client, {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/api/v1/jobs").status_code == 401
    assert client.get("/api/v1/openapi.json").status_code == 401
    assert client.get("/api/v1/jobs", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/api/v1/jobs", headers=header).status_code == 200
    assert client.post("/api/v1/submit", headers=header, data={"content_id": "lake"}).status_code == 415
    client.post("/login", data={"token": TOKEN})
    assert client.get("/api/v1/jobs").status_code == 200  # a logged-in page may read
    assert client.post("/api/v1/submit", json={}).status_code == 401  # but a change needs the token


def test_another_host_needs_a_token(home, monkeypatch):
    from tenxsom.dashboard import server

    with App(load()) as app, pytest.raises(BadSettings, match="DASHBOARD_TOKEN"):
        server.serve(app, "0.0.0.0", 0, print)


@pytest.mark.parametrize("token", ["short", "with a blank in it, long enough", "ünïcode-is-not-plain"])
def test_a_token_that_could_be_guessed_is_refused(home, monkeypatch, token):
    monkeypatch.setenv("DASHBOARD_TOKEN", token)
    with pytest.raises(BadSettings, match="16 plain characters"):
        load()


@pytest.mark.parametrize("names", ["https://films.example.com", "films.example.com:8766", "a_b/c"])
def test_a_host_of_the_settings_is_a_name(home, monkeypatch, names):
    monkeypatch.setenv("DASHBOARD_HOSTS", names)
    with pytest.raises(BadSettings, match="DASHBOARD_HOSTS"):
        load()


def test_a_taken_port_and_a_host_that_is_not_here_are_one_sentence():
    from tenxsom.dashboard import server

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(BadInput, match="choose another with --port"):
        server.listening("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(BadInput, match="no address of this machine"):
        server.listening("no such host", 8766)
    with pytest.raises(BadInput, match=r"cannot listen on 192\.0\.2\.1"):
        server.listening("192.0.2.1", 8766)


def test_a_mistake_of_ours_shows_no_trace(dashboard, monkeypatch):
    from starlette.testclient import TestClient

    from tenxsom.dashboard.site import site

    monkeypatch.setattr(type(dashboard.board), "today", lambda _: 1 / 0)
    client = TestClient(site(dashboard.board), base_url="http://127.0.0.1", raise_server_exceptions=False)
    for place in ("/", "/api/v1/status"):
        answer = client.get(place)
        assert answer.status_code == 500
        assert "ZeroDivisionError" in answer.text
        assert "Traceback" not in answer.text
        assert "division by zero" not in answer.text
