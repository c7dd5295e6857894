"""What an answer tells: its JSON, the vendor's sentence, the wait it asks for."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenxsom import clock
from tenxsom.errors import ServiceDown, SubmitUnclear
from tenxsom.http.answer import LONGEST_RETRY_AFTER_SECONDS, Answer
from tenxsom.http.paid import MAX_BODY_BYTES


def of(body: object, content_type: str = "application/json", **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(400, {"Content-Type": content_type} | headers, data, "UseAPI")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"error": "Not enough credits", "code": 412}, "Not enough credits"),
        ({"error": {"code": 8, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED", "details": []}}, "Quota exceeded"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "Overloaded"),
        ({"detail": "Unauthorized"}, "Unauthorized"),
        ({"detail": [{"loc": ["body", "prompt"], "msg": "field required"}]}, "field required"),
        ({"message": "no such job"}, "no such job"),
        ({"error": True, "message": "moderated"}, "moderated"),
        ({"error": {"error": {"error": {"error": {"error": "too deep"}}}}}, ""),
        ({"error": 17}, ""),
        ({}, ""),
        ([], ""),
        ("just text", "just text"),
        (None, ""),
        (b"", ""),
        (b"[" * 100_000, ""),
        (b"\xff\xfe", ""),
        ({"error": "two\nlines\x1b[31m and\ta tab"}, "two lines [31m and a tab"),
    ],
)
def test_the_vendors_sentence_is_found_in_every_envelope(body: object, sentence: str) -> None:
    assert of(body).error_text() == sentence


def test_of_a_web_page_only_the_title_is_told() -> None:
    page = b"<!DOCTYPE html><html><TITLE lang='en'>522: Connection\n timed&nbsp;out</TITLE></head><body>ray id 1234</body></html>"
    assert of(page, "text/html").error_text() == "522: Connection timed out"
    assert of(b"<html>no title</html>", "text/html").error_text() == ""
    assert of(b"slow down", "text/plain; charset=utf-8").error_text() == "slow down"


def test_an_e_mail_address_is_masked_also_inside_a_job_id() -> None:
    text = of({"error": "Job email:someone@example.com-job:1f3-type:video and email%3Asomeone%40example.com failed"}).error_text()
    assert "someone" not in text
    assert "example.com" not in text
    assert "-job:1f3-type:video" in text


def test_a_long_sentence_is_cut_at_300_characters() -> None:
    text = of({"error": "word " * 10_000}).error_text()
    assert len(text) <= 300
    assert text.endswith("…")


def test_secrets_that_the_service_repeats_are_masked() -> None:
    answer = Answer(401, {}, b'{"error": "bad token user:123-SECRET"}', secrets=("user:123-SECRET",))
    assert answer.error_text() == "bad token ***"
    assert "SECRET" not in repr(answer)


@given(
    st.binary(max_size=300)
    | st.text(max_size=300).map(str.encode)
    | st.recursive(
        st.none() | st.text(), lambda x: st.dictionaries(st.sampled_from(["error", "message", "detail", "msg"]), x) | st.lists(x)
    ).map(lambda x: json.dumps(x).encode())
)
def test_whatever_the_body_is_the_sentence_is_one_printable_line(body: bytes) -> None:
    for kind in ("text/html", "text/plain", "application/json"):
        text = Answer(500, {"Content-Type": kind}, body).error_text()
        assert len(text) <= 300
        assert text.isprintable() or not text


def test_hostile_texts_take_no_time() -> None:
    for body in (b"<title" * 20_000, b"a" * 8_000_000, json.dumps({"error": "a." * 1_000_000 + "@"}).encode()):
        of(body, "text/plain").error_text()


def test_headers_are_found_in_any_case() -> None:
    assert Answer(200, {"x-ReQuest-ID": "1"}, b"").headers["X-Request-Id"] == "1"


def test_a_body_that_is_no_json_means_ask_again_or_unclear_if_it_was_paid() -> None:
    for body in (b"", b"<html>", b"{", b"[" * 100_000, b" " * (MAX_BODY_BYTES + 1) + b"{}"):
        with pytest.raises(ServiceDown, match="UseAPI answered 200 with something that is no JSON"):
            Answer(200, {}, body, "UseAPI").json()
        with pytest.raises(SubmitUnclear, match="resolve"):
            Answer(200, {}, body, "UseAPI", paid=True).json()
    assert Answer(200, {}, b'{"a": 1}').json() == {"a": 1}
    assert Answer(200, {}, b"null").json() is None


@pytest.mark.case
def test_the_wait_is_read_from_seconds_from_a_date_and_from_the_body() -> None:
    date = "Sun, 22 Nov 2026 10:00:00 GMT"
    assert of({}, **{"Retry-After": "12"}).retry_after() == 12
    assert of({}, **{"Retry-After": "Sun, 22 Nov 2026 10:00:45 GMT", "Date": date}).retry_after() == 45
    assert of({}, **{"Retry-After": "Sun, 22 Nov 2026 09:00:00 GMT", "Date": date}).retry_after() == 0
    assert of({"error": "busy", "retryAfter": "2026-11-22T10:01:00.000Z"}, Date=date).retry_after() == 60
    assert of({}).retry_after() is None


def test_a_date_without_the_services_own_clock_counts_from_ours() -> None:
    moment = clock.now() + timedelta(seconds=1000)
    wait = of({"retryAfter": clock.stamp(moment)}).retry_after()
    assert wait is not None
    assert 900 < wait <= 1000


@pytest.mark.parametrize("value", ["soon", "-5", "1e9", "٣", "NaN", "inf", "Sun, 99 Nov 2026 10:00:00 GMT", "2026-13-01", ""])
def test_a_wait_that_is_none_is_ignored(value: str) -> None:
    assert of({"retryAfter": value}, **{"Retry-After": value}).retry_after() is None


def test_a_wait_for_ever_is_not_believed() -> None:
    assert of({}, **{"Retry-After": "999999999"}).retry_after() == LONGEST_RETRY_AFTER_SECONDS
    assert of({"retryAfter": "9999-12-31T23:59:59Z"}).retry_after() == LONGEST_RETRY_AFTER_SECONDS
