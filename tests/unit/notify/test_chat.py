"""Notifications by Apprise: what people read, what the target gets, and that no address is ever shown."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tenxsom.errors import BadSettings, ServiceDown
from tenxsom.notify.chat import Chat, addresses, check
from tenxsom.notify.message import Message, message
from tenxsom.setting_values import notify_addresses
from tests.hooks import Receiver, receiving

TOKEN = "t0ken-SECRET-of-the-address"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def told() -> Message:
    return message(
        "failed", ("lake",), '"The lake" (lake) has failed: out of paint.', "manage_jobs.py retry lake", content_id="lake"
    )


def chat(receiver: Receiver, scheme: str = "json") -> Chat:
    return Chat(1, f"{scheme}://127.0.0.1:{receiver.server_address[1]}/{TOKEN}", lambda _: None)


def test_a_notification_says_what_happened_and_what_to_type(receiver, told):
    chat(receiver).send(told, 5)
    (arrived,) = receiver.arrived
    document = json.loads(arrived.body)
    assert document["title"] == "TenxSOM: failed – lake"
    assert document["message"] == '"The lake" (lake) has failed: out of paint.\npython3 manage_jobs.py retry lake'
    assert document["type"] == "failure"


def test_a_film_is_shown_by_its_thumbnail_where_the_target_takes_pictures(receiver, tmp_path):
    (tmp_path / "lake.jpg").write_bytes(b"\xff\xd8 a picture")
    done = message("completed", ("lake",), "done", content_id="lake", thumbnail="lake.jpg")
    address = f"json://127.0.0.1:{receiver.server_address[1]}/"
    Chat(1, address, lambda name: tmp_path / name).send(done, 5)
    assert [each["filename"] for each in json.loads(receiver.arrived[0].body)["attachments"]] == ["lake.jpg"]


def test_a_thumbnail_that_is_gone_keeps_no_notification_back(receiver, tmp_path):
    done = message("completed", ("lake",), "done", content_id="lake", thumbnail="lake.jpg")
    Chat(1, f"json://127.0.0.1:{receiver.server_address[1]}/", lambda name: tmp_path / name).send(done, 5)
    assert receiver.arrived


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_target_that_refuses_is_an_error_without_its_address(receiver, told, status, caplog, capsys):
    receiver.status = status
    target = chat(receiver)
    with pytest.raises(ServiceDown) as refused:
        target.send(told, 5)
    assert str(status) in str(refused.value)
    everything = f"{refused.value}{target.place}{target.name}{caplog.text}{''.join(capsys.readouterr())}"
    assert TOKEN not in everything


@pytest.mark.parametrize("address", ["nosuchthing://somewhere/x", "discord://", "tgram://", "mailto://", "slack://x", "ntfy://"])
def test_an_address_that_cannot_work_is_refused_by_its_number_and_not_repeated(address):
    with pytest.raises(BadSettings) as refused:
        check(notify_addresses(f"json://127.0.0.1/a {address}{TOKEN if address.endswith('x') else ''}"))
    assert "address 2" in str(refused.value)
    assert TOKEN not in str(refused.value)


def test_addresses_are_divided_at_blanks_and_at_commas_before_another_one():
    given = notify_addresses("ntfy://ntfy.example.com/a,b, json://127.0.0.1/c\n  mailto://user:pass1234@example.com")
    assert addresses(given) == ["ntfy://ntfy.example.com/a,b", "json://127.0.0.1/c", "mailto://user:pass1234@example.com"]
    assert "pass1234" in given.texts()


def test_what_a_service_or_a_title_says_cannot_fake_a_line():
    told = message("failed", ("x",), "no\nTenxSOM: completed – sea\x1b[2J" + "x" * 5000)
    assert "\n" not in told.text
    assert len(told.text) == 1500
