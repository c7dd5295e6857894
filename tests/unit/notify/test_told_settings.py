"""Settings of being told: wrong ones are one sentence and exit code 2, and none of them is repeated."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from tenxsom import settings
from tenxsom.errors import BadSettings
from tests.hooks import SECRET


def load(home: Path, **environment: str) -> settings.Settings:
    return settings.load({"TENXSOM_HOME": str(home), **environment})


def short(length: int) -> str:
    return f"whsec_{base64.b64encode(b'k' * length).decode()}"


@pytest.mark.parametrize(
    "secret",
    ["secret", "whsec_", "whsec_%%%", "whsec_YQ==", short(23), short(65), short(32)[:-1], short(32).lower()[6:], f"{SECRET} x"],
)
def test_a_malformed_webhook_secret_is_refused_and_not_repeated(home, secret):
    with pytest.raises(BadSettings) as refused:
        load(home, WEBHOOK_URL="https://example.com/hook", WEBHOOK_SECRET=secret)
    assert str(refused.value).startswith("WEBHOOK_SECRET: its value is no secret of Standard Webhooks")
    assert "openssl rand" in str(refused.value)
    assert len(secret) < 8 or secret not in str(refused.value)


@pytest.mark.parametrize("secret", [short(24), short(64), f"{short(24)} {SECRET}"])
def test_a_secret_of_standard_webhooks_is_accepted(home, secret):
    assert load(home, WEBHOOK_URL="https://example.com/hook", WEBHOOK_SECRET=secret).webhook_secret


def test_a_webhook_without_a_secret_is_refused_with_the_remedy(home):
    with pytest.raises(BadSettings, match="WEBHOOK_URL needs WEBHOOK_SECRET"):
        load(home, WEBHOOK_URL="https://example.com/hook")


@pytest.mark.parametrize("name", ["WEBHOOK_URL", "HEALTHCHECK_URL"])
@pytest.mark.parametrize(
    "address",
    ["ftp://example.com/T0KEN99", "example.com/T0KEN99", "https://", "https://me:T0KEN99@example.com/", "http://exa mple/"],
)
def test_an_address_that_cannot_work_is_refused_and_not_repeated(home, name, address):
    with pytest.raises(BadSettings) as refused:
        load(home, WEBHOOK_SECRET=SECRET, **{name: address})
    assert str(refused.value).startswith(f"{name}: its value ")
    assert "T0KEN99" not in str(refused.value)


def test_a_check_with_a_query_is_refused_because_paths_are_appended(home):
    with pytest.raises(BadSettings, match="HEALTHCHECK_URL: its value has a query"):
        load(home, HEALTHCHECK_URL="https://hc.example.com/id?x=1")


@pytest.mark.parametrize("text", ["not an address", "ntfy.sh/topic", ","])
def test_notification_addresses_that_are_none_are_refused(home, text):
    with pytest.raises(BadSettings, match="NOTIFY_URLS: its value is no list"):
        load(home, NOTIFY_URLS=text)


def test_notifications_without_their_package_are_refused_with_the_remedy(home, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadSettings, match=r"NOTIFY_URLS: its value needs one more package; run `pip install 'apprise"):
        load(home, NOTIFY_URLS="json://example.com")


def test_an_unknown_event_is_refused_with_the_known_ones(home):
    with pytest.raises(BadSettings, match=r"NOTIFY_ON: .* is not one of completed, failed.*did you mean completed"):
        load(home, NOTIFY_ON="failed,complete")


@pytest.mark.parametrize("name", ["nowhere/x.prom", ".", "device"])
def test_metrics_in_a_folder_that_is_not_there_or_in_the_place_of_a_device_are_refused(home, name):
    os.mkfifo(home / "device")
    with pytest.raises(BadSettings, match=r"METRICS_FILE: .* names no file in a folder that is there"):
        load(home, METRICS_FILE=name)


@pytest.mark.parametrize("name", ["NOTIFY_URLS", "WEBHOOK_URL", "WEBHOOK_SECRET", "HEALTHCHECK_URL"])
def test_each_secret_may_lie_in_a_file_of_its_own(home, name):
    values = {
        "NOTIFY_URLS": "json://example.com/a",
        "WEBHOOK_URL": "https://example.com/hook",
        "WEBHOOK_SECRET": SECRET,
        "HEALTHCHECK_URL": "https://hc.example.com/some-id",
    }
    (home / "secret.txt").write_text(values[name] + "\n")
    loaded = load(home, **{**values, name: "", f"{name}_FILE": "secret.txt"})
    assert getattr(loaded, name.lower()).reveal() == values[name]


def test_what_is_secret_in_an_address_is_masked_in_the_log_as_well(home):
    loaded = load(
        home,
        NOTIFY_URLS="discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        HEALTHCHECK_URL="https://hc.example.com/ping/5bf66975-d4c7",
    )
    assert {"JHMHI8qBe7bk2ZwO5U711o3dV_js", "5bf66975-d4c7"} <= {*loaded.secrets()}
    assert "ping" not in loaded.secrets()


def test_variables_of_systemd_and_others_are_left_alone(home):
    load(home, NOTIFY_SOCKET="/run/systemd/notify", WEBHOOK_TOKEN="x", METRICS_PORT="9100", NOTIFY_ACCESS="all")
