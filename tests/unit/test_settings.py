"""The settings: read once, loudly; what the environment says wins; secrets show themselves to nobody."""

from __future__ import annotations

import copy
import errno
import importlib.util
import json
import os
import pickle
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import certifi
import pytest

from tenxsom import empty_tick, setting_groups, settings
from tenxsom.errors import BadSettings
from tenxsom.http.tls import tls_context
from tenxsom.setting_values import Secret
from tenxsom.settings import ROOT, SETTINGS, Settings, load
from tests import net_server

TOKEN = "user:1-SECRET"
"""What a token may look like; it opens nothing."""


def loaded(home: Path, file: str | bytes = "", **environ: str) -> Settings:
    if file:
        (home / "production.env").write_bytes(file if isinstance(file, bytes) else file.encode())
    return load({"TENXSOM_HOME": str(home), **environ})


def refusal(home: Path, file: str | bytes = "", **environ: str) -> str:
    with pytest.raises(BadSettings) as caught:
        loaded(home, file, **environ)
    assert caught.value.exit_code == 2
    assert TOKEN not in str(caught.value)
    return str(caught.value)


# where values come from


def test_without_anything_set_the_defaults_hold(home):
    assert loaded(home) == Settings(home=home)


def test_production_env_in_the_home_folder_is_read(home):
    assert loaded(home, "POLL_CONCURRENCY=7\nexport LOG_LEVEL='debug'\n# LOG_FORMAT=json\n").poll_concurrency == 7
    assert loaded(home).log_level == "DEBUG"
    assert loaded(home).log_format == "text"


def test_the_environment_wins_over_the_file(home):
    assert loaded(home, "POLL_CONCURRENCY=7\nLOG_LEVEL=ERROR", POLL_CONCURRENCY="9").poll_concurrency == 9
    assert loaded(home, POLL_CONCURRENCY="9").log_level == "ERROR"


def test_an_empty_variable_means_not_set(home):
    assert loaded(home, "POLL_CONCURRENCY=7", POLL_CONCURRENCY=" ", USEAPI_BEARER_TOKEN="").poll_concurrency == 7


@pytest.mark.parametrize("line", ["DAILY_BUDGET_USD: 5", "DAILY_BUDGET_USD 5", "DAILY_BUDGET_USD", "= 5", "LOG_LEVEL='INFO"])
def test_a_line_of_the_file_that_sets_nothing_is_refused_with_its_number(home, line):
    assert "line 2: this is no setting" in refusal(home, f"POLL_CONCURRENCY=7\n{line}\n")


def test_a_name_that_the_file_sets_twice_is_refused(home):
    assert "line 3: LOG_LEVEL is set for the second time" in refusal(home, "LOG_LEVEL=INFO\n\nLOG_LEVEL=DEBUG\n")


def token_of(given: Settings) -> str:
    assert given.useapi_bearer_token is not None
    return given.useapi_bearer_token.reveal()


def test_a_dollar_sign_in_the_file_is_only_a_dollar_sign(home):
    assert token_of(loaded(home, "USEAPI_BEARER_TOKEN=a$HOME${HOME}b")) == "a$HOME${HOME}b"


def test_a_file_saved_by_a_windows_editor_is_read(home):
    assert loaded(home, b"\xef\xbb\xbfPOLL_CONCURRENCY=7\r\nLOG_LEVEL=ERROR\r\n").poll_concurrency == 7


def test_a_file_that_is_no_utf_8_is_refused(home):
    assert "cannot be read" in refusal(home, b"USEAPI_BEARER_TOKEN=\xff" + TOKEN.encode())


def test_lines_for_other_programs_are_left_alone(home):
    assert loaded(home, "LTX_API_KEY=x\nANYTHING_ELSE=1\nPATH=/bin").poll_concurrency == 64


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("USEAPI_BEARER_TOKN", "USEAPI_BEARER_TOKEN"), ("USEAPI_TOKEN", "USEAPI_BEARER_TOKEN"), ("VIDEO_SERVISE", "VIDEO_SERVICE"),
        ("daily_budget_usd", "DAILY_BUDGET_USD"), ("POLL_CONCURENCY", "POLL_CONCURRENCY"), ("TENXSOM_HOM", "TENXSOM_HOME"),
        ("USEAPI_BEARER_TOKEN_FILES", "USEAPI_BEARER_TOKEN_FILE"),
    ],
)  # fmt: skip
def test_a_misspelt_name_in_the_file_is_refused_with_the_right_one(home, wrong, right):
    assert f"sets {wrong}, which means nothing here. Did you mean {right}?" in refusal(home, f"{wrong}={TOKEN}")


@pytest.mark.parametrize("wrong", ["USEAPI_BEARER_TOKN", "USEAPI_TOKEN", "TENXSOM_HOM", "DAILY_BUDJET_USD"])
def test_a_misspelt_name_of_ours_in_the_environment_is_refused_too(home, wrong):
    assert f"The environment sets {wrong}" in refusal(home, **{wrong: TOKEN})


@pytest.mark.parametrize("name", ["LOGLEVEL", "LOG_LEVELS", "POLL_CONCURENCY", "VERTEX_AI_MODEL"])
def test_the_names_of_other_programs_in_the_environment_are_left_alone(home, name):
    assert loaded(home, **{name: "x"}) == Settings(home=home)


# the home folder


def test_without_a_variable_the_home_is_the_programs_own_folder(home):
    assert setting_groups.home_folder({}) == ROOT
    assert (ROOT / "tenxsom" / "settings.py").is_file()


def test_a_relative_home_is_refused(home, monkeypatch):
    monkeypatch.chdir(home.parent)
    with pytest.raises(BadSettings, match="must be an absolute path"):
        load({"TENXSOM_HOME": "home"})


@pytest.mark.parametrize("name", ["nowhere", "x" * 300])
def test_a_home_that_is_not_there_is_refused_with_the_remedy(home, name):
    with pytest.raises(BadSettings, match="mkdir -p"):
        load({"TENXSOM_HOME": str(home / name)})


def test_a_home_that_this_user_may_not_enter_is_refused(home, monkeypatch):
    """Its production.env would not be found, and a preview be made with what the environment happens to say."""
    monkeypatch.setattr("os.access", lambda path, right: path != home)
    with pytest.raises(BadSettings, match="may not enter"):
        load({"TENXSOM_HOME": str(home)})


def test_a_home_of_a_user_who_does_not_exist_is_refused(home):
    with pytest.raises(BadSettings, match="is not known"):
        load({"TENXSOM_HOME": "~nobody-of-that-name/x"})


def test_the_file_cannot_move_the_home_it_lies_in(home):
    assert "set it in the environment" in refusal(home, "TENXSOM_HOME=/tmp")


@pytest.mark.parametrize("name", ["LOG_FILE", "GOOGLE_APPLICATION_CREDENTIALS"])
def test_a_relative_path_starts_in_the_home_folder_wherever_the_program_was_started(home, monkeypatch, name):
    monkeypatch.chdir("/")
    (home / "there").write_text("x")
    assert getattr(loaded(home, f"{name}=there"), name.lower()) == home / "there"


# values


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("POLL_CONCURRENCY", "0"), ("POLL_CONCURRENCY", "513"), ("POLL_CONCURRENCY", "2.5"), ("POLL_CONCURRENCY", "many"),
        ("POLL_CONCURRENCY", "9" * 5000), ("POLL_TIME_LIMIT_SECONDS", "0"), ("POLL_TIME_LIMIT_SECONDS", "nan"),
        ("POLL_TIME_LIMIT_SECONDS", "inf"), ("STATUS_TIMEOUT_SECONDS", "-1"), ("JOB_DEADLINE_HOURS", "0"),
        ("JOB_AGE_WARNING_MINUTES", "soon"), ("DAILY_BUDGET_USD", "12,50"), ("DAILY_BUDGET_USD", "$5"), ("DAILY_BUDGET_USD", "-1"),
        ("DAILY_BUDGET_USD", "NaN"), ("DAILY_BUDGET_USD", "Infinity"), ("DAILY_BUDGET_USD", "1e500"),
        ("DAILY_BUDGET_USD", "1E+999999999999999999"), ("LOG_LEVEL", "LOUD"), ("LOG_FORMAT", "xml"), ("VIDEO_SERVICE", "sora"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "x" * 300), ("LOG_FILE", "~nobody-of-that-name/x"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_refused_by_name(home, name, text):
    message = refusal(home, **{name: text})
    assert name in message or "home folder of a user" in message
    assert len(message) < 300


def test_a_misspelt_choice_gets_a_suggestion(home):
    assert "did you mean local_studio?" in refusal(home, VIDEO_SERVICE="localstudio")


def test_a_file_of_certificates_is_taken(home, tmp_path):
    net_server.certificate(tmp_path)
    assert loaded(home, TLS_CA_FILE=str(tmp_path / "server.pem")).tls_ca_file == tmp_path / "server.pem"
    assert loaded(home, TLS_CA_FILE=certifi.where()).tls_ca_file == Path(certifi.where())


NO_CERTIFICATES = {
    "nothing": "",
    "words": "words",
    "no base64": "-----BEGIN CERTIFICATE-----\nwords, words\n-----END CERTIFICATE-----\n",
    "no structure": "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n",
    "a lost line": "-----BEGIN CERTIFICATE-----\nMIIACAAAAAA=\n-----END CERTIFICATE-----\n",
    "a key": "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("content", NO_CERTIFICATES.values(), ids=NO_CERTIFICATES)
def test_a_file_that_holds_no_certificates_is_refused(home, content):
    (home / "authorities.pem").write_text(content)
    assert "holds no certificates in PEM form" in refusal(home, TLS_CA_FILE="authorities.pem")


UNREADABLE = "-----BEGIN CERTIFICATE-----\nMIIABAAAAAA=\n-----END CERTIFICATE-----\n"
"""In the right envelope, and as long as it says."""


def test_comments_and_other_words_for_a_certificate_are_taken(home, tmp_path):
    net_server.certificate(tmp_path)
    pem = (tmp_path / "server.pem").read_text().replace("\n", "\r\n").replace(" CERTIFICATE", " X509 CERTIFICATE")
    (home / "authorities.pem").write_text("# between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----\n" + pem, newline="")
    context = tls_context(loaded(home, TLS_CA_FILE="authorities.pem").tls_ca_file)
    assert context.cert_store_stats()["x509"] == tls_context().cert_store_stats()["x509"] + 1


def test_a_certificate_that_only_tls_finds_wrong_stops_a_submission_before_anything_is_written(home):
    (home / "authorities.pem").write_text(UNREADABLE)
    page = next(iter((ROOT / "templates" / "jobs").glob("*.json")))
    before = sorted(home.rglob("*"))
    environ = {**os.environ, "TENXSOM_HOME": str(home), "TLS_CA_FILE": "authorities.pem"}
    command = [sys.executable, "master_orchestrator_v3.py", str(page)]
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "which holds no certificates in PEM form" in ended.stderr
    assert sorted(home.rglob("*")) == before


def test_choices_may_be_written_in_any_case(home):
    assert loaded(home, LOG_FORMAT="JSON", VIDEO_SERVICE="Local_Studio").video_service == "local_studio"


def test_a_budget_is_exact(home):
    assert loaded(home, DAILY_BUDGET_USD="0.1").daily_budget_usd == Decimal("0.1")
    assert loaded(home, DAILY_BUDGET_USD="0").daily_budget_usd == 0


# addresses


@pytest.mark.parametrize("url", ["https://api.example.com/v1", "http://localhost:8080", "http://127.0.0.1:1/v1", "http://[::1]:9"])
def test_an_https_address_or_one_on_this_machine_is_accepted(home, url):
    assert loaded(home, USEAPI_BASE_URL=url + "/").useapi_base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com", "http://10.0.0.1", "http://127.0.0.1.example.com", "http://localhost.example.com",
        "http://0.0.0.0",
        "http://2130706433", "ftp://example.com", "file:///etc/passwd", "example.com", "https://", "https://me:pw@example.com",
        "https://:pw@example.com", "https://@example.com", "https://example.com/?x=1", "https://example.com/#x",
        "https://exa mple.com",
        "https://example.com\\@localhost", "https://example.com:99999", "https://[::1", "javascript:alert(1)",
        "https://exämple.com",
        "http://localhost\n.example.com",
    ],
)  # fmt: skip
def test_an_address_that_could_leak_the_token_is_refused(home, url):
    assert "USEAPI_BASE_URL" in refusal(home, USEAPI_BASE_URL=url)


def test_a_plain_http_address_is_refused_because_of_the_token(home):
    assert "unencrypted" in refusal(home, USEAPI_BASE_URL="http://api.example.com")


# secrets


def test_a_secret_may_stand_in_a_file_of_its_own(home, tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert token_of(loaded(home, USEAPI_BEARER_TOKEN_FILE=str(tmp_path / "token"))) == TOKEN


def test_a_secrets_file_is_looked_for_in_the_home_folder(home):
    (home / "token").write_text(TOKEN)
    assert token_of(loaded(home, "USEAPI_BEARER_TOKEN_FILE=token")) == TOKEN


def test_a_secret_file_may_begin_with_a_byte_order_mark(home):
    (home / "token").write_text(f"{TOKEN}\r\n", encoding="utf-8-sig")
    assert token_of(loaded(home, "USEAPI_BEARER_TOKEN_FILE=token")) == TOKEN


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", b"two\nlines", b"with blank", "\u201cquoted\u201d".encode()])
def test_a_secrets_file_that_holds_no_secret_is_refused_by_name(home, content):
    if content is not None:
        (home / "token").write_bytes(content)
    assert "USEAPI_BEARER_TOKEN" in refusal(home, USEAPI_BEARER_TOKEN_FILE=str(home / "token"))


def test_a_secret_and_its_file_together_are_refused(home):
    (home / "token").write_text(TOKEN)
    assert "are both set" in refusal(home, USEAPI_BEARER_TOKEN=TOKEN, USEAPI_BEARER_TOKEN_FILE=str(home / "token"))


def test_a_secret_of_the_environment_overrules_the_files_in_either_form(home):
    (home / "token").write_text("from-a-file")
    of_a_file = str(home / "token")
    assert token_of(loaded(home, f"USEAPI_BEARER_TOKEN_FILE={of_a_file}", USEAPI_BEARER_TOKEN=TOKEN)) == TOKEN
    assert token_of(loaded(home, f"USEAPI_BEARER_TOKEN={TOKEN}", USEAPI_BEARER_TOKEN_FILE=of_a_file)) == "from-a-file"


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}", f"{TOKEN}\x07", f"{TOKEN}\u200b", f"{TOKEN}é"])
def test_an_impossible_secret_is_refused_without_being_shown(home, value):
    assert "USEAPI_BEARER_TOKEN: its value must be one word" in refusal(home, USEAPI_BEARER_TOKEN=value)


def test_a_secret_is_in_no_text_that_python_makes_of_the_settings(home):
    mine = loaded(home, USEAPI_BEARER_TOKEN=TOKEN)
    assert "***" in repr(mine)
    texts = [repr(mine), str(mine), f"{mine}", f"{mine.useapi_bearer_token}", repr(mine.useapi_bearer_token)]
    texts.append(str(mine.model_dump()))
    assert all(TOKEN not in text for text in texts)
    assert token_of(mine) == TOKEN


@pytest.mark.parametrize("write", [pickle.dumps, json.dumps, copy.deepcopy, lambda secret: pickle.dumps(secret, 0)])
def test_a_secret_cannot_be_written_anywhere(write):
    with pytest.raises(TypeError) as caught:
        write(Secret(TOKEN))
    assert TOKEN not in str(caught.value)


def test_the_settings_cannot_be_written_anywhere_together_with_their_secrets(home):
    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            write(loaded(home, USEAPI_BEARER_TOKEN=TOKEN))


# proxies


PROXY = "http://proxy.example.com:3128"


@pytest.mark.parametrize(
    ("given", "proxies"),
    [
        ({"HTTPS_PROXY": PROXY}, {"https": PROXY}),
        ({"https_proxy": PROXY}, {"https": PROXY}),
        ({"HTTP_PROXY": PROXY}, {"http": PROXY}),
        ({"http_proxy": PROXY}, {"http": PROXY}),
        ({"ALL_PROXY": PROXY}, {"https": PROXY, "http": PROXY}),
        ({"all_proxy": PROXY, "https_proxy": "http://other.example.com"}, {"https": "http://other.example.com", "http": PROXY}),
        ({"HTTPS_PROXY": "proxy.example.com:3128"}, {"https": PROXY}),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "localhost,.corp"}, {"https": PROXY, "no_proxy": "localhost,.corp"}),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "*"}, {"https": PROXY, "no_proxy": "*"}),
        ({"NO_PROXY": "*"}, {}),
        ({"ALL_PROXY": "socks://gate:1080/", "HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY}, {"https": PROXY, "http": PROXY}),
    ],
    ids=str,
)
def test_proxies_are_taken_as_other_programs_take_them(home, given, proxies):
    assert loaded(home, **given).proxies == proxies


def test_a_socks_proxy_needs_its_package_and_says_which(home, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "socks" else find(name, *rest))
    assert "pip install 'requests[socks]'" in refusal(home, ALL_PROXY="socks5://gate.example.com:1080")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: object())
    assert loaded(home, ALL_PROXY="socks5://gate:1080").proxies["https"] == "socks5://gate:1080"
    assert loaded(home, ALL_PROXY="socks://gate:1080").proxies["https"] == "socks5h://gate:1080"


@pytest.mark.parametrize(
    "address", ["http://", "gopher://proxy", "http://me:geheim@proxy:port", "http://[::1", "me:1@geheim#2@proxy:3128"]
)
def test_a_proxy_that_is_no_address_is_refused_without_its_password(home, address):
    sentence = refusal(home, HTTPS_PROXY=address)
    assert "is no address of a proxy" in sentence
    assert "geheim" not in sentence


@pytest.mark.parametrize("url", ["https://user:geheim@api.example.com/v1", "https://api.example.com/v1?key=geheim"])
def test_an_address_that_may_hold_a_secret_is_refused_without_being_repeated(home, url):
    assert refusal(home, USEAPI_BASE_URL=url).startswith("USEAPI_BASE_URL: its value is no plain https address")


def test_a_proxys_password_is_not_shown(home):
    mine = loaded(home, HTTPS_PROXY="http://me:geheim@proxy.example.com")
    assert "geheim" not in f"{mine!r} {mine} {mine.model_copy(update={'proxies': dict(mine.proxies)})}"


# the table


def test_every_setting_has_a_field_of_the_same_name_and_a_meaning():
    assert [setting.attribute for setting in SETTINGS if setting.attribute not in Settings.model_fields] == []
    assert {*Settings.model_fields} - {setting.attribute for setting in SETTINGS} == {"home", "proxies"}
    assert all(setting.meaning and setting.allowed and setting.comment for setting in SETTINGS)


# the look at the queue before anything is imported


def test_an_empty_queue_is_seen_before_anything_is_imported(home):
    (home / "pending_video_jobs").mkdir()
    (home / "pending_video_jobs" / ".locks").touch()
    (home / "pending_video_jobs" / "quarantine").mkdir()
    assert empty_tick.queue_is_empty(str(home))


def test_the_first_look_sees_a_pending_job(home):
    (home / "pending_video_jobs").mkdir()
    (home / "pending_video_jobs" / "lake.json").touch()
    assert not empty_tick.queue_is_empty(str(home))


def test_the_first_look_leaves_everything_unusual_to_the_full_program(home, monkeypatch):
    assert not empty_tick.ran_empty_tick([], str(home))  # no folder yet
    (home / "pending_video_jobs").mkdir()
    monkeypatch.chdir(home.parent)
    for unusual in ("home", "~/home", str(home / "nowhere")):
        monkeypatch.setitem(os.environ, "TENXSOM_HOME", unusual)
        assert not empty_tick.ran_empty_tick([], str(home))


def test_a_note_that_a_file_system_refuses_keeps_no_file_open(home, monkeypatch):
    def refused(descriptor: int) -> None:
        raise PermissionError(errno.EPERM, f"{descriptor}: Operation not permitted")

    monkeypatch.setattr(os, "utime", refused)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        empty_tick.note(home)
    assert len(os.listdir("/proc/self/fd")) == before


def test_lines_of_a_log_have_the_time_of_the_clock_that_counts(home, monkeypatch):
    with (home / "poll.log").open("w") as log:
        monkeypatch.setattr(sys, "stdout", log)
        assert empty_tick.as_log("one\n\ntwo", "2030-01-01T00:00:00.000Z").splitlines() == [
            "2030-01-01T00:00:00.000Z one", "", "2030-01-01T00:00:00.000Z two",
        ]  # fmt: skip


def test_the_note_of_a_tick_waits_for_no_pipe_and_changes_no_file_behind_a_link(home):
    note = home / empty_tick.LAST_TICK
    os.mkfifo(note)
    empty_tick.note(home)
    note.unlink()
    (home / "film.mp4").write_bytes(b"film")
    note.symlink_to("film.mp4")
    empty_tick.note(home)
    assert (home / "film.mp4").read_bytes() == b"film"
    note.unlink()
    empty_tick.note(home)
    assert note.is_file()


# the file itself


def not_there(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.case
@pytest.mark.parametrize("make", [not_there, a_folder, a_pipe, a_loop])
def test_a_production_env_that_is_there_but_no_file_stops_the_program(home, make):
    """Without its keys and its budget the program would go on with other ones than somebody meant."""
    make(home / "production.env")
    assert "production.env is there but cannot be read" in refusal(home)


def test_a_production_env_that_cannot_be_read_stops_the_program(home, monkeypatch):
    def refuses(*_: object) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(setting_groups, "read_file", refuses)
    assert "Permission denied" in refusal(home, "LOG_LEVEL=INFO\n")


def test_a_link_to_a_file_is_a_file(home, tmp_path):
    (tmp_path / "shared.env").write_text("POLL_CONCURRENCY=7\n")
    (home / "production.env").symlink_to(tmp_path / "shared.env")
    assert loaded(home).poll_concurrency == 7


@pytest.mark.parametrize(
    ("mode", "is_said"), [(0o600, False), (0o400, False), (0o644, True), (0o604, True), (0o640, True), (0o602, True)]
)
def test_a_file_with_keys_that_others_can_read_or_change_is_warned_of(home, mode, is_said):
    found = loaded(home, "LOG_LEVEL=INFO\n")
    (home / "production.env").chmod(mode)
    assert bool(settings.warnings(found)) == is_said
    assert all("chmod 600" in sentence for sentence in settings.warnings(found))


def test_a_file_that_its_owner_hands_over_by_its_group_is_not_warned_of(home, monkeypatch):
    found = loaded(home, "LOG_LEVEL=INFO\n")
    (home / "production.env").chmod(0o640)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert settings.warnings(found) == []


def test_without_a_file_nothing_is_warned_of(home):
    assert settings.warnings(loaded(home)) == []


def test_folders_of_pictures_are_absolute_and_there(home, tmp_path):
    assert loaded(home, START_IMAGE_FOLDERS=f"{tmp_path}:{home}").start_image_folders == (tmp_path, home)
    for text in ("pictures", f"{tmp_path}/nowhere", f"{tmp_path}:nowhere"):
        assert "START_IMAGE_FOLDERS" in refusal(home, START_IMAGE_FOLDERS=text)
