"""Free calls: when they are tried again, when they are not, and where the token goes."""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import random
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import responses

from tenxsom import clock
from tenxsom.errors import Interrupted, ServiceDown, ServiceRefused
from tenxsom.http import client as calls
from tenxsom.http.circuit import Circuit
from tenxsom.http.client import HttpClient
from tests import net_server
from tests.net_server import ScriptedServer, answer, raw

TOKEN = "user:12345-SECRETSECRETSECRET"


def client_of(url: str, **options: object) -> HttpClient:
    return HttpClient(url, headers={"Authorization": f"Bearer {TOKEN}"}, name="UseAPI", **options)  # type: ignore[arg-type]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made; none is."""
    made: list[float] = []
    monkeypatch.setattr(clock, "sleep", made.append)
    return made


PASSING = {
    "closed": net_server.close_at_once,
    "reset": raw(b"", then="reset"),
    "stalled": raw(b"", then="stall"),
    "cut off": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
    "garbage": raw(b"hello\r\n\r\n"),
} | {str(status): answer(status, Connection="close") for status in (408, 429, 500, 502, 503, 504, 522, 529, 599)}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
def test_a_passing_trouble_is_tried_again(trouble: net_server.Behaviour, pauses: list[float]) -> None:
    with ScriptedServer(trouble, trouble, answer(200, {"status": "fine"})) as server:
        with client_of(server.url) as client:
            assert client.get("/x", timeout=0.3).json() == {"status": "fine"}
    assert len(pauses) == 2
    assert 0 <= pauses[0] <= 0.5
    assert 0 <= pauses[1] <= 1.0


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
def test_a_trouble_that_does_not_pass_ends_in_service_down(trouble: net_server.Behaviour, pauses: list[float]) -> None:
    with ScriptedServer(trouble) as server, client_of(server.url, circuit=Circuit(99)) as client:
        with pytest.raises(ServiceDown, match=r"^UseAPI could not .* it will be asked again\.$"):
            client.get("/x", timeout=0.2, retries=1)
    assert len(pauses) == 1


@pytest.mark.parametrize("status", [200, 201, 204, 301, 302, 400, 401, 402, 403, 404, 409, 410, 412, 418, 422, 451, 596])
def test_every_final_status_is_returned_at_once(status: int, pauses: list[float]) -> None:
    with ScriptedServer(answer(status, b"" if status == 204 else b'{"error": "x"}', Location="/elsewhere")) as server:
        with client_of(server.url) as client:
            assert client.get("/x").status == status
        assert len(server.requests) == 1
    assert pauses == []


def test_the_wait_a_service_asks_for_is_kept(pauses: list[float]) -> None:
    with ScriptedServer(answer(503, Retry_After="7", Connection="close"), answer(200)) as server, client_of(server.url) as client:
        client.get("/x")
    assert pauses == [7.0]


def test_a_wait_longer_than_the_cap_is_left_to_the_caller(pauses: list[float]) -> None:
    with ScriptedServer(answer(503, Retry_After="600")) as server, client_of(server.url) as client:
        with pytest.raises(ServiceDown) as down:
            client.get("/x")
        assert len(server.requests) == 1
    assert (pauses, down.value.retry_after) == ([], 600.0)


def test_a_wait_past_the_deadline_is_not_begun(pauses: list[float]) -> None:
    with ScriptedServer(answer(503, Retry_After="20")) as server, client_of(server.url) as client:
        with pytest.raises(ServiceDown) as down:
            client.get("/x", deadline_seconds=10)
        assert len(server.requests) == 1
    assert (pauses, down.value.retry_after) == ([], 20.0)


def test_a_deadline_that_has_passed_asks_nobody() -> None:
    with ScriptedServer(answer()) as server, client_of(server.url) as client:
        with pytest.raises(ServiceDown, match="ran out"):
            client.get("/x", deadline_seconds=0)
        assert server.connections == 0


def test_a_service_that_drips_is_given_up_in_time() -> None:
    with (
        ScriptedServer(net_server.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 500)) as server,
        client_of(server.url) as client,
    ):
        with pytest.raises(ServiceDown, match="too long"):
            client.get("/x", timeout=0.3, retries=0)


def test_a_429_holds_the_other_free_calls_back_but_opens_no_circuit(pauses: list[float]) -> None:
    circuit = Circuit(failures=1)
    with (
        ScriptedServer(answer(429, Retry_After="9", Connection="close"), answer(200)) as server,
        client_of(server.url, circuit=circuit) as client,
    ):
        with pytest.raises(ServiceDown):
            client.get("/x", retries=0)
        assert 8 < circuit.held_seconds() <= 9
        with pytest.raises(ServiceDown, match="asked for a pause") as held:
            client.get("/y", deadline_seconds=5)
        assert server.connections == 1
        assert client.get("/z").status == 200
    assert held.value.retry_after is not None
    assert held.value.retry_after > 8
    assert len(pauses) == 1
    assert pauses[0] > 8


def test_a_stop_request_ends_the_pause_between_two_tries() -> None:
    clock.request_stop()
    try:
        with ScriptedServer(answer(500)) as server, client_of(server.url) as client, pytest.raises(Interrupted):
            client.get("/x")
    finally:
        clock.forget_stop()


def test_a_free_post_is_tried_again_only_if_asked_to(pauses: list[float]) -> None:
    with ScriptedServer(answer(500)) as server, client_of(server.url, circuit=Circuit(99)) as client:
        with pytest.raises(ServiceDown):
            client.post("/assets/", data=b"x")
        with pytest.raises(ServiceDown):
            client.post("/assets/", data=b"x", retries=2)
        assert len(server.requests) == 1 + 3


def test_an_upload_sends_the_bytes_the_type_and_the_query() -> None:
    with ScriptedServer(answer(200, {"asset": {}})) as server, client_of(f"{server.url}/v1/") as client:
        client.post("/ltxstudio/assets/", data=b"\x89PNG", headers={"Content-Type": "image/png"}, params={"type": "image"})
        request = server.requests[0]
    assert request.target == "/v1/ltxstudio/assets/?type=image"
    assert (request.body, request.headers["content-type"]) == (b"\x89PNG", "image/png")


# --- The circuit -----------------------------------------------------------------------------------------------------------


def test_after_repeated_failures_the_circuit_opens_and_calls_fail_at_once(pauses: list[float]) -> None:
    with ScriptedServer(answer(500)) as server, client_of(server.url, circuit=Circuit(failures=3)) as client:
        with pytest.raises(ServiceDown):
            client.get("/x")
        with pytest.raises(ServiceDown, match="3 times in a row") as shut:
            client.get("/x")
        assert len(server.requests) == 3
    assert shut.value.retry_after is not None
    assert 29 < shut.value.retry_after <= 30


def test_a_half_open_circuit_lets_one_probe_through_which_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    circuit = Circuit(failures=2, open_seconds=30)
    circuit.failed()
    circuit.check("UseAPI")
    circuit.failed()
    with pytest.raises(ServiceDown):
        circuit.check("UseAPI")
    now[0] += 30
    circuit.check("UseAPI")  # the probe
    with pytest.raises(ServiceDown):
        circuit.check("UseAPI")
    circuit.failed()
    now[0] += 29
    with pytest.raises(ServiceDown):
        circuit.check("UseAPI")
    now[0] += 1
    circuit.check("UseAPI")  # the second probe
    circuit.succeeded()
    for _ in range(3):
        circuit.check("UseAPI")


def test_a_probe_that_never_reports_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    circuit = Circuit(failures=1, open_seconds=30)
    circuit.failed()
    now[0] += 30
    circuit.check("UseAPI")
    now[0] += 30
    circuit.check("UseAPI")


def test_of_many_threads_exactly_one_is_the_probe() -> None:
    circuit = Circuit(failures=1, open_seconds=0.2)
    circuit.failed()
    time.sleep(0.25)
    circuit._open_seconds = 60
    through: list[int] = []

    def knock(number: int) -> None:
        try:
            circuit.check("UseAPI")
            through.append(number)
        except ServiceDown:
            pass

    threads = [threading.Thread(target=knock, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(through) == 1


@pytest.mark.parametrize("status", [200, 404, 429, 596])
def test_a_service_that_answers_is_well_whatever_it_says(status: int) -> None:
    circuit = Circuit(failures=2)
    circuit.failed()
    with ScriptedServer(answer(status)) as server, client_of(server.url, circuit=circuit) as client:
        try:
            client.get("/x", retries=0)
        except ServiceDown:
            assert status == 429
    circuit.failed()
    circuit.check("UseAPI")


# --- Where the token goes --------------------------------------------------------------------------------------------------


def test_the_token_goes_to_the_services_origin_and_nowhere_else() -> None:
    with ScriptedServer(answer(200)) as home, ScriptedServer(answer(200)) as other, client_of(f"{home.url}/v1") as client:
        for address in ("/a", f"{home.url}/b", f"{other.url}/c", f"http://localhost:{home.host.rpartition(':')[2]}/d"):
            client.get(address)
        assert [("authorization" in request.headers) for request in home.requests] == [True, True, False]
        assert [request.headers.get("authorization") for request in other.requests] == [None]


@pytest.mark.parametrize(
    "path", ["@evil.example.com/x", "//evil.example.com/x", "\\\\evil.example.com", ":80@evil.example.com/", "../../x", "?a=b"]
)
def test_no_path_leads_to_another_host(path: str) -> None:
    with ScriptedServer(answer(200)) as server, client_of(server.url) as client:
        client.get(path)
        assert len(server.requests) == 1


def test_a_redirect_is_not_followed_with_the_token() -> None:
    with ScriptedServer(answer(200)) as other, ScriptedServer(answer(302, Location=f"{other.url}/steal")) as server:
        with client_of(server.url) as client:
            assert client.get("/x").status == 302
        assert other.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://example.com/x",
        "http://user:pw@example.com/",
        "http:///x",
        "https://exa mple:x/",
        "javascript://x",
    ],
)
def test_an_address_that_is_no_plain_http_address_is_not_asked(address: str) -> None:
    with client_of("https://api.example.com") as client, pytest.raises(ServiceRefused, match="not asked"):
        client.get(address)


def test_a_post_never_leaves_the_origin() -> None:
    with client_of("https://api.example.com/v1") as client:
        with pytest.raises(ValueError, match="origin"):
            client.post_paid("https://evil.example.com/x", json={})


def test_cookies_are_neither_kept_nor_sent() -> None:
    with ScriptedServer(answer(200, {}, Set_Cookie="session=1; Path=/")) as server, client_of(server.url) as client:
        for _ in range(2):
            client.get("/x")
        assert all("cookie" not in request.headers for request in server.requests)


def test_neither_netrc_nor_a_proxy_variable_is_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    netrc = tmp_path / "netrc"  # type: ignore[operator]
    netrc.write_text("machine 127.0.0.1 login me password hidden\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with ScriptedServer(answer(200)) as server, HttpClient(server.url, name="UseAPI") as client:
        client.get("/x")
        assert "authorization" not in server.requests[0].headers


def test_the_token_is_in_no_message_no_repr_and_no_log(caplog: pytest.LogCaptureFixture, pauses: list[float]) -> None:
    caplog.set_level(logging.DEBUG)
    with ScriptedServer(answer(500, {"error": f"your token {TOKEN} is odd"})) as server, client_of(server.url) as client:
        with pytest.raises(ServiceDown) as down:
            client.get("/jobs/email:someone@example.com-job:1")
        told = str(down.value) + repr(down.value) + repr(client) + caplog.text
    assert "your token *** is odd" in told
    assert "SECRET" not in told
    assert "someone" not in told


@pytest.mark.parametrize("value", ["Bearer SECRET\r\nX: y", " SECRET", "SECRET\n", "SECRÉT…", "SECRET\x00"])
def test_a_header_that_cannot_work_is_refused_without_being_repeated(value: str) -> None:
    with pytest.raises(ValueError, match="Authorization") as refused:
        HttpClient("https://api.example.com", headers={"Authorization": value}, name="UseAPI")
    assert "SECR" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["", "api.example.com", "ftp://api.example.com", "https://", "https://me:pw@api.example.com", "https://a.example.com?x=1"],
)
def test_a_base_url_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        HttpClient(url, name="UseAPI")


# --- Living with others ----------------------------------------------------------------------------------------------------


def test_free_calls_work_with_the_responses_library() -> None:
    with responses.RequestsMock() as mock, client_of("https://api.example.com/v1") as client:
        mock.get("https://api.example.com/v1/a", json={"n": 1}, headers={"X-Id": "7"})
        found = client.get("a", params={"q": "x"})
        assert (found.status, found.json(), found.headers["x-id"]) == (200, {"n": 1}, "7")
        assert mock.calls[0].request.headers["Authorization"] == f"Bearer {TOKEN}"


def test_64_threads_share_one_client_and_its_connections() -> None:
    with ScriptedServer(answer(200, {"ok": True})) as server, client_of(server.url, pool_size=64) as client:
        results: list[int] = []

        def ask() -> None:
            for _ in range(5):
                results.append(client.get("/x").status)

        threads = [threading.Thread(target=ask) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [200] * 320
        assert server.connections <= 64


def test_compressed_answers_are_unpacked_and_never_beyond_the_limit(pauses: list[float]) -> None:
    small, bomb = gzip.compress(b'{"a": 1}'), gzip.compress(b" " * 50_000_000)
    with ScriptedServer(
        answer(200, small, Content_Encoding="gzip", Connection="close"), answer(200, bomb, Content_Encoding="gzip")
    ) as server:
        with client_of(server.url) as client:
            assert client.get("/x").json() == {"a": 1}
            with pytest.raises(ServiceDown, match="longer than any honest one"):
                client.get("/y", retries=0)


def test_early_hints_are_skipped_and_never_left_for_the_next_call() -> None:
    def hint_then_answer(visit: net_server.Visit) -> None:
        while request := visit.read_request():
            body = request.target.encode()
            visit.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2)
            visit.sock.sendall(net_server.head(200, {"Content-Length": str(len(body))}) + body)

    with ScriptedServer(hint_then_answer) as server, client_of(server.url) as client:
        assert [client.get(path).body for path in ("/a", "/b", "/c")] == [b"/a", b"/b", b"/c"]
        assert server.connections == 1


def test_the_cap_on_pauses_is_the_documented_one() -> None:
    assert calls.RETRY_AFTER_CAP_SECONDS == 30


# --- Answers over kept connections ------------------------------------------------------------------------------------------


WHOLE = net_server.head(200, {"Content-Type": "application/json", "Content-Length": "8"}) + b'{"a": 1}'


def in_pieces(data: bytes, size: int) -> net_server.Behaviour:
    """Answer every request of a connection with these bytes, so many at a time."""

    def behave(visit: net_server.Visit) -> None:
        while visit.read_request():
            for start in range(0, len(data), size):
                visit.sock.sendall(data[start : start + size])
                visit.server.over.wait(0.002)

    return behave


@pytest.mark.parametrize("size", [40, 64, 70])
def test_an_answer_in_pieces_is_put_together_and_its_connection_kept(size: int) -> None:
    with ScriptedServer(in_pieces(WHOLE, size)) as server, client_of(server.url) as client:
        assert [client.get("/x").json() for _ in range(3)] == [{"a": 1}] * 3
        assert server.connections == 1


@pytest.mark.parametrize("late", [False, True])
def test_bytes_that_nobody_asked_for_are_never_the_next_answer(late: bool) -> None:
    sent = threading.Event()

    def answer_twice(visit: net_server.Visit) -> None:
        visit.read_request()
        if late:
            visit.sock.sendall(WHOLE)
            visit.server.over.wait(0.05)
            visit.sock.sendall(WHOLE)
        else:
            visit.sock.sendall(WHOLE * 2)
        sent.set()
        visit.read_request()

    with ScriptedServer(answer_twice, answer(200, {"b": 2})) as server, client_of(server.url) as client:
        assert client.get("/x").json() == {"a": 1}
        assert sent.wait(5)
        assert client.get("/y").json() == {"b": 2}
        assert server.connections == 2


def test_a_connection_that_the_service_closes_is_not_used_again() -> None:
    with ScriptedServer(answer(200, {"a": 1}, Connection="close")) as server, client_of(server.url) as client:
        assert [client.get("/x", retries=0).status for _ in range(3)] == [200] * 3
        assert server.connections == 3


@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_refusal_without_its_whole_text_is_a_refusal_and_a_success_without_it_is_none(then: str) -> None:
    cut = {status: net_server.head(status, {"Content-Length": "50"}) + b'{"error": ' for status in (404, 200)}
    for status, answered in cut.items():
        with ScriptedServer(raw(answered, then)) as server, client_of(server.url) as client:
            if status == 404:
                assert client.get("/x", retries=0).status == 404
            else:
                with pytest.raises(ServiceDown):
                    client.get("/x", retries=0)


@pytest.mark.parametrize(
    "behave",
    [
        answer(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"),
        in_pieces(net_server.head(200, {"Transfer-Encoding": "chunked"}) + b'8\r\n{"a": 1}\r\n0\r\n\r\n', 1000),
        in_pieces(net_server.head(200, {"Transfer-Encoding": "chunked"}) + b'3\r\n{"a\r\n5\r\n": 1}\r\n0\r\n\r\n', 9),
    ],
    ids=["packed", "chunked", "chunked, in pieces"],
)
def test_packed_and_chunked_answers_are_read_and_their_connection_kept(behave: net_server.Behaviour) -> None:
    with ScriptedServer(behave) as server, client_of(server.url) as client:
        assert [client.get("/x").json() for _ in range(5)] == [{"a": 1}] * 5
        assert server.connections == 1


def test_a_connection_that_went_stale_is_replaced(pauses: list[float]) -> None:
    def once(visit: net_server.Visit) -> None:
        visit.read_request()
        visit.sock.sendall(WHOLE)

    with ScriptedServer(once) as server, client_of(server.url) as client:
        assert [client.get("/x").json() for _ in range(3)] == [{"a": 1}] * 3
        assert server.connections == 3


def test_over_tls_free_calls_share_a_connection(tmp_path: Path) -> None:
    tls, trusted = net_server.certificate(tmp_path)
    with ScriptedServer(answer(200, {"a": 1}), tls=tls) as server, client_of(server.url, ca_file=trusted) as client:
        assert [client.get("/x").json() for _ in range(3)] == [{"a": 1}] * 3
        assert server.connections == 1


def test_a_certificate_that_is_not_trusted_ends_a_free_call_and_its_reason_is_told(tmp_path: Path) -> None:
    tls, _ = net_server.certificate(tmp_path)
    with ScriptedServer(answer(), tls=tls) as server, client_of(server.url) as client:
        with pytest.raises(ServiceDown, match="its certificate could not be verified: self-signed certificate; TLS_CA_FILE"):
            client.get("/x", retries=0)
        assert server.requests == []


@pytest.mark.parametrize(
    ("base_url", "host"),
    [("http://api.example.com/v1", "api.example.com"), ("http://api.example.com:8080", "api.example.com:8080")],
)
def test_a_free_call_through_a_proxy_names_the_service_and_the_proxys_password(base_url: str, host: str) -> None:
    with ScriptedServer(answer(200, {"a": 1})) as proxy:
        with client_of(base_url, proxies={"http": f"http://user:pw@{proxy.host}"}) as client:
            assert [client.get("/x").json() for _ in range(2)] == [{"a": 1}] * 2
        request = proxy.requests[1]
    assert request.target == f"{base_url}/x"
    assert request.headers["proxy-authorization"] == "Basic dXNlcjpwdw=="
    assert request.headers["host"] == host


@pytest.mark.parametrize("name", ["X Y", "X:", "", "X\r\nY", "Ä"])
def test_a_header_name_that_cannot_work_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name of a header"):
        HttpClient("https://api.example.com", headers={name: "x"}, name="UseAPI")


# --- Whose answer it is ----------------------------------------------------------------------------------------------------


def echo(visit: net_server.Visit, times: int = 1) -> None:
    """Answer with the last part of the path as `jobId`."""
    while request := visit.read_request():
        body = json.dumps({"jobId": request.target.rpartition("/")[2]}).encode()
        visit.sock.sendall((net_server.head(200, {"Content-Length": str(len(body))}) + body) * times)


def told_of(job_id: str, **more: str) -> net_server.Behaviour:
    return answer(200, {"jobId": job_id, **more})


@pytest.mark.case
def test_an_answer_left_on_a_kept_connection_is_not_the_next_jobs() -> None:
    """What a connection delivers a second time, a moment late, would be read as the answer to the next question."""

    def twice(visit: net_server.Visit) -> None:
        visit.read_request()
        body = net_server.head(200, {"Content-Length": "14"}) + b'{"jobId": "a"}'
        visit.sock.sendall(body)
        visit.read_request()
        visit.sock.sendall(body)

    with ScriptedServer(twice, echo) as server, client_of(server.url) as client:
        assert client.get("/jobs/a", about=["a"]).json() == {"jobId": "a"}
        assert client.get("/jobs/b", about=["b"]).json() == {"jobId": "b"}
        assert client.get("/jobs/c", about=["c"]).json() == {"jobId": "c"}
        assert server.connections == 3, "the connection that was out of step is not used again"


@pytest.mark.parametrize("key", ["jobId", "id", "name"])
def test_an_answer_that_names_another_job_of_ours_never_counts(key: str, pauses: list[float]) -> None:
    with ScriptedServer(answer(200, {key: "a", "status": "completed"})) as server, client_of(server.url) as client:
        with pytest.raises(ServiceDown, match="another job"):
            client.get("/jobs/b", about=["b"], retries=1)
        assert len(server.requests) == 4


def test_an_answer_counts_whose_job_is_named_in_another_spelling_or_by_one_of_its_ids() -> None:
    with ScriptedServer(told_of("job:1/é"), told_of("gen_1")) as server:
        with client_of(server.url) as client:
            assert client.get("/x", about=["job%3A1%2F%C3%A9"]).status == 200
        with client_of(server.url) as client:
            assert client.get("/x", about=["job-1", "gen_1"]).status == 200
        assert len(server.requests) == 2


@pytest.mark.case
@pytest.mark.parametrize("name", ["jobId", "job_id", "JobID", "job-id"])
def test_an_answer_about_another_job_does_not_count_however_it_spells_the_name_of_the_id(name: str) -> None:
    with ScriptedServer(answer(200, {name: "a", "id": "request-1"}), answer(200, {name: "b", "id": "request-2"})) as server:
        with client_of(server.url) as client:
            assert client.get("/jobs/b", about=["b"]).json() == {name: "b", "id": "request-2"}
        assert len(server.requests) == 2


@pytest.mark.parametrize("document", [{}, {"status": "active"}, {"jobId": None, "id": 7}, [], None, "text"])
def test_an_answer_that_names_no_job_counts(document: object) -> None:
    with ScriptedServer(answer(200, document)) as server, client_of(server.url) as client:
        assert client.get("/x", about=["b"]).json() == document
        assert len(server.requests) == 1


def test_a_refusal_that_carries_an_id_of_its_own_is_a_refusal() -> None:
    with ScriptedServer(answer(404, {"id": "request-17", "error": "unknown"})) as server, client_of(server.url) as client:
        assert client.get("/x", about=["b"]).status == 404
        assert len(server.requests) == 1


@pytest.mark.parametrize("is_ours", [False, True])
def test_a_name_of_the_services_own_for_a_job_counts_unless_it_is_a_job_of_ours(is_ours: bool, pauses: list[float]) -> None:
    with ScriptedServer(told_of("vendor-1")) as server, client_of(server.url, is_ours=lambda _: is_ours) as client:
        if is_ours:
            with pytest.raises(ServiceDown, match="another job"):
                client.get("/x", about=["b"])
        else:
            assert client.get("/x", about=["b"]).json() == {"jobId": "vendor-1"}
            assert server.connections == 2


def test_questions_to_a_server_that_frames_its_answers_wrongly_get_their_own_answers_or_none(pauses: list[float]) -> None:
    """The kinds of misframing that proxies are known for, many times over, by several threads."""
    chance = random.Random(17)

    def misframe(visit: net_server.Visit) -> None:
        while request := visit.read_request():
            body = json.dumps({"id": request.target.rpartition("/")[2]}).encode()
            good = net_server.head(200, {"Content-Length": str(len(body))}) + body
            kinds = [
                good,
                good * 2,
                b"HTTP/1.1 100 Continue\r\n\r\n" + good,
                b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + good,
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
                % (len(body), body),
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Length: 3\r\n\r\n%b" % (len(body), body),
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body) - 4, body),
                b"HTTP/1.1 204 No Content\r\n\r\n" + body,
                b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" + body,
                b"",
            ]
            visit.sock.sendall(kinds[chance.randrange(len(kinds))])

    found: list[tuple[str, object]] = []

    def ask(client: HttpClient, first: int) -> None:
        for number in range(first, first + 40):
            with contextlib.suppress(ServiceDown):
                found_answer = client.get(f"/jobs/{number}", timeout=0.3, about=[str(number)])
                if found_answer.status == 200:
                    found.append((str(number), found_answer.json()["id"]))

    with ScriptedServer(misframe) as server, client_of(server.url, circuit=Circuit(10**6)) as client:
        threads = [threading.Thread(target=ask, args=(client, 100 * number)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) > 60
    assert [asked for asked, told in found if asked != told] == []


def test_a_token_that_the_service_repeats_is_in_no_id_and_no_link() -> None:
    quoted = TOKEN.replace(":", "%3A")
    document = {"jobId": f"job-{TOKEN}", "links": [{"url": f"https://cdn.example.com/x?token={quoted}"}], TOKEN: 1}
    with ScriptedServer(answer(200, document)) as server, client_of(server.url) as client:
        for told in (client.get("/x").json(), client.post_paid("/y", json={}).json()):
            assert told == {"jobId": "job-***", "links": [{"url": "https://cdn.example.com/x?token=***"}], "***": 1}


# --- TLS of companies ------------------------------------------------------------------------------------------------------


def test_a_ca_file_works_under_the_strictness_of_python_3_13(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.13 turns VERIFY_X509_STRICT on, which certificates of many companies' authorities do not bear."""
    tls, trusted = net_server.company_certificate(tmp_path)
    lax = ssl.create_default_context

    def strict(**options: Any) -> ssl.SSLContext:
        context = lax(**options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    with ScriptedServer(answer(200, {"a": 1}), tls=tls) as server:
        host, _, port = server.host.partition(":")
        with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection((host, int(port))) as sock:
            strict(cafile=str(trusted)).wrap_socket(sock, server_hostname=host)
        with client_of(server.url, ca_file=trusted) as client:
            assert client.get("/x").json() == {"a": 1}
            assert client.post_paid("/y", json={}).json() == {"a": 1}
