"""Groups of settings: the declaration and reading of a setting, and the groups that belong to no vendor.

A setting is a field of a group: its name in capitals is the environment variable. Each vendor's file declares its own group;
`tenxsom.settings` combines them. This is the only module that reads the environment.
"""

from __future__ import annotations

import inspect
import io
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar

from dotenv.parser import parse_stream
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tenxsom import setting_values as values
from tenxsom.errors import BadSettings
from tenxsom.program import default_home
from tenxsom.safe_files import read_file
from tenxsom.setting_values import Secret, choice, number, several
from tenxsom.spelling import closest

MAX_ENV_FILE_BYTES = 1024 * 1024

OUR_PREFIXES = (
    "USEAPI_",
    "QUEUE_",
    "PLANNER_",
    "TENXSOM_",
    "LTX_API_",
    "VERTEX_VEO_",
    "VERTEX_IMAGE_",
    "VERTEX_TTS_",
    "VIDEO_SERVICE",
    "VOICE_",
    "REQUIRE_A",
    "VERTEX_MUSIC_",
    "MUSIC_SERVICE",
    "LOUDNESS_",
    "TRUE_PEAK_",
    "SPEECH_API_",
    "DASHBOARD_",
    "DAILY_BUD",
)
"""How our variables begin. In the environment, which other programs share, only names like these are checked for mistakes."""

SecretText = Annotated[Secret, BeforeValidator(values.secret)]
SecretAddresses = Annotated[Secret, BeforeValidator(values.notify_addresses)]
SecretKeys = Annotated[Secret, BeforeValidator(values.webhook_secret)]
HookAddress = Annotated[Secret, BeforeValidator(values.hook)]
PingAddress = Annotated[Secret, BeforeValidator(values.ping_address)]
WebAddress = Annotated[str, BeforeValidator(values.web_address)]
CloudFolder = Annotated[str, BeforeValidator(values.cloud_folder)]
DatabaseAddress = Annotated[Secret, BeforeValidator(values.database_address)]
Dollars = Annotated[Decimal, BeforeValidator(values.dollars)]
FilePath = Annotated[Path, BeforeValidator(values.path_in_home)]
NewFile = Annotated[Path, BeforeValidator(values.new_file)]
ExistingFile = Annotated[Path, BeforeValidator(values.existing_file)]
Certificates = Annotated[Path, BeforeValidator(values.certificates)]
OwnToken = Annotated[Secret, BeforeValidator(values.own_token)]
HostNames = Annotated[tuple[str, ...], BeforeValidator(values.host_names)]
Folders = Annotated[tuple[Path, ...], BeforeValidator(values.folders)]


class SettingsGroup(BaseModel):
    """Related settings. The settings of a process are all groups together, read at once (`load`)."""

    # Built on first use: a process validates all groups as one class, so that the validator of a single group is never needed.
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)

    section: ClassVar[str] = ""
    """The heading in production.env.example; empty where the group continues the previous section."""

    home: Path
    """TENXSOM_HOME, the folder of production.env, which therefore cannot contain it."""
    proxies: Mapping[str, str] = Field(default_factory=dict, repr=False)  # a proxy's address may contain a password


def setting(default: Any, meaning: str, *, allowed: str, comment: str) -> Any:
    """Return a field of a group, which is the environment variable of its name in capitals.

    `meaning` and `allowed` are for docs/reference/settings.md, `comment` for production.env.example.
    """
    return Field(default=default, description=meaning, json_schema_extra={"allowed": allowed, "comment": comment})


class CollectingSettings(SettingsGroup):
    """Settings of collecting."""

    section: ClassVar[str] = "Collecting"

    poll_concurrency: Annotated[int, number(1, 512, whole=True)] = setting(
        64,
        "How many questions one tick asks at the same time",
        allowed="a whole number from 1 to 512",
        comment="How many questions one tick asks at the same time.",
    )
    poll_time_limit_seconds: Annotated[float, number(1, 86_400)] = setting(
        110.0,
        "How long one tick may take",
        allowed="1 to 86,400",
        comment="How long one tick may take, in seconds; a little less than the two minutes between ticks.",
    )
    status_timeout_seconds: Annotated[float, number(0.1, 600)] = setting(
        15.0,
        "How long one status call may take",
        allowed="0.1 to 600",
        comment="How long one status call may take, in seconds.",
    )
    max_video_pixels: Annotated[int, number(64, 2_000_000_000, whole=True)] = setting(
        8192 * 4320,
        "Width × height of the largest pictures that are decoded",
        allowed="a whole number from 64 to 2,000,000,000; the default is 8192×4320",
        comment="Width times height of the largest pictures that are decoded; a clip with larger ones is refused.",
    )
    job_age_warning_minutes: Annotated[float, number(0, 100_000)] = setting(
        30.0,
        "When an unfinished job starts to warn",
        allowed="0 to 100,000",
        comment="When an unfinished job starts to warn, in minutes.",
    )
    job_deadline_hours: Annotated[float, number(0.01, 10_000)] = setting(
        24.0,
        "When an unfinished job is given up, with a failure report",
        allowed="0.01 to 10,000",
        comment="When an unfinished job is given up with a failure report, in hours.",
    )


class FilmSettings(SettingsGroup):
    """Settings of the finished film."""

    section: ClassVar[str] = "Films"

    captions: Annotated[str, choice("both", "burned", "srt", "track", "none")] = setting(
        "both",
        "Where a film's words are shown, unless its definition says more than `true`",
        allowed="`both`, `burned`, `srt`, `track`, `none`",
        comment=(
            "Where a film's words are shown, unless its definition says more than true: both, burned (into the picture), srt "
            "(files beside the video), track (in the video file, to switch on) or none."
        ),
    )
    loudness_lufs: Annotated[float, number(-36, -6)] | None = setting(
        None,
        "How loud films are (integrated loudness by EBU R 128), in place of the platform's own figure, which is -14",
        allowed="a number from -36 to -6",
        comment="How loud films are, in LUFS; empty: as their platform plays them (templates/platforms.json), which is -14.",
    )
    true_peak_dbtp: Annotated[float, number(-9, 0)] | None = setting(
        None,
        "The highest true peak of a film's sound before it is compressed, in place of the platform's own, which is -1.5",
        allowed="a number from -9 to 0",
        comment="The highest true peak of a film's sound before AAC, in dBTP; empty: the platform's own, which is -1.5.",
    )
    keep_clips_days: Annotated[float, number(0, 3650)] = setting(
        30.0,
        "How long clips, voice and music are kept, so that a film can be made again without paying",
        allowed="0 to 3,650; `0` keeps nothing",
        comment="How many days clips, voice and music are kept, so that a film can be made again without paying; 0 keeps nothing.",
    )


class QueueSettings(SettingsGroup):
    """Settings of the queue."""

    section: ClassVar[str] = "Many machines"

    queue_url: DatabaseAddress | None = setting(
        None,
        "The PostgreSQL that keeps queue, money and reports for any number of machines; without it they are files of this one",
        allowed="`files`, or an address such as `postgresql://user:password@host:5432/name`, not of a pooler",
        comment=(
            "The PostgreSQL that keeps queue, money and reports for any number of machines, for example "
            "postgresql://tenxsom:password@db.example.com:5432/tenxsom; empty: files of this machine."
        ),
    )


class MoneySettings(SettingsGroup):
    """Settings of budgets."""

    section: ClassVar[str] = "Money"

    daily_budget_usd: Dollars | None = setting(
        None,
        "At most this much is spent per UTC day; jobs over it wait",
        allowed="an amount from 0, such as `25` or `12.50`; `0` stops every paid call that costs anything",
        comment=(
            "At most this much is spent per UTC day, for example 25 or 12.50; empty: no limit. Jobs over it wait for the next day."
        ),
    )
    require_approval: Annotated[str, choice("0", "1")] = setting(
        "0",
        "Whether every plan waits for your approval before anything else is paid for it, as with `approve` in its definition",
        allowed="`1`, `0`",
        comment="1: every plan waits for your approval (manage_jobs.py approve) before anything else is paid for it.",
    )


class NetworkSettings(SettingsGroup):
    """Settings of connections."""

    section: ClassVar[str] = "Network"

    tls_ca_file: Certificates | None = setting(
        None,
        "Also trust the certificate authorities in this PEM file (a company's proxy, a stub)",
        allowed="a file with certificates in PEM form",
        comment=(
            "Also trust the certificate authorities in this PEM file (a company's proxy, a stub), for example /path/to/ca.pem"
        ),
    )


class ServiceSettings(CollectingSettings, NetworkSettings):
    """What the group of a video service builds on: how services are reached, and how they are asked."""


class LoggingSettings(SettingsGroup):
    """Settings of logging."""

    section: ClassVar[str] = "Logging: logs go to stderr, results to stdout"

    log_level: Annotated[str, choice("DEBUG", "INFO", "WARNING", "ERROR")] = setting(
        "INFO",
        "How much is logged to stderr",
        allowed="`DEBUG`, `INFO`, `WARNING`, `ERROR`",
        comment="DEBUG, INFO, WARNING or ERROR.",
    )
    log_format: Annotated[str, choice("text", "json")] = setting(
        "text",
        "How log lines look",
        allowed="`text`, `json` (one object a line: [docs/reference/metrics-and-logs.md](metrics-and-logs.md))",
        comment="text or json.",
    )
    log_file: FilePath | None = setting(
        None,
        "Also append the log to this file, which may be rotated (logrotate) at any time",
        allowed="a path; its folder must exist",
        comment="Also append the log to this file, for example /path/to/logs/tenxsom.log",
    )


EVENTS = ("completed", "failed", "needs_decision", "budget_reached", "result_expiring", "queue_stuck", "published")
"""What notifications and webhooks are about."""


class NotifySettings(SettingsGroup):
    """Settings of notifications, the webhook and the dead-man's switch."""

    section: ClassVar[str] = "Being told"

    notify_urls: SecretAddresses | None = setting(
        None,
        "Whom to notify, by [Apprise](https://github.com/caronc/apprise): mail, Discord, Slack, Telegram, ntfy and a hundred more",
        allowed="addresses of Apprise with a blank between two; needs the package `apprise`",
        comment="Whom to notify: addresses of Apprise with a blank between two, for example ntfy://ntfy.sh/my-topic",
    )
    notify_on: Annotated[tuple[str, ...], several(*EVENTS)] = setting(
        EVENTS,
        "What notifications and the webhook are about",
        allowed="one or several of `completed`, `failed`, `needs_decision`, `budget_reached`, `result_expiring`, `queue_stuck`, "
        "`published`, separated by commas",
        comment="What to tell: completed, failed, needs_decision, budget_reached, result_expiring, queue_stuck, published.",
    )
    webhook_url: HookAddress | None = setting(
        None,
        "Where the same events are sent to as JSON, signed by the Standard Webhooks scheme, at least once each",
        allowed="an http or https address; needs `WEBHOOK_SECRET`",
        comment="Where the same events are sent to as JSON, for example https://example.com/hooks/tenxsom",
    )
    webhook_secret: SecretKeys | None = setting(
        None,
        "What webhooks are signed with",
        allowed="`whsec_` and 24 to 64 bytes in base64; two with a blank between them while you change it",
        comment='What webhooks are signed with: what `echo "whsec_$(openssl rand -base64 32)"` prints.',
    )
    healthcheck_url: PingAddress | None = setting(
        None,
        "A check of healthchecks.io (or of a server with its protocol), pinged at each tick's start, success and failure",
        allowed="an http or https address without a query",
        comment="A check of healthchecks.io, which alerts you when ticks fail or stop: https://hc-ping.com/ and its id",
    )

    @model_validator(mode="after")
    def _are_signed(self) -> Self:
        if self.webhook_url and not self.webhook_secret:
            raise BadSettings(
                "WEBHOOK_URL needs WEBHOOK_SECRET, with which webhooks are signed; set it to what "
                '`echo "whsec_$(openssl rand -base64 32)"` prints, here and at the receiver.'
            )
        return self


class MetricsSettings(SettingsGroup):
    """Settings of metrics."""

    section: ClassVar[str] = "Metrics"

    metrics_file: NewFile | None = setting(
        None,
        "Where metrics are written to for Prometheus, after each tick and each run that changed something",
        allowed="a path in a folder that exists; node_exporter reads names that end with `.prom`",
        comment="Where metrics are written to for Prometheus: a .prom file in node_exporter's textfile folder",
    )


class DashboardSettings(SettingsGroup):
    """Settings of the dashboard."""

    section: ClassVar[str] = "The dashboard"

    dashboard_token: OwnToken | None = setting(
        None,
        "What one types to log in to the dashboard, and what programs send to its API; needed where other machines reach it",
        allowed="one word of at least 16 plain characters",
        comment="What one types to log in to the dashboard: what `openssl rand -hex 24` prints. Needed for other machines.",
    )
    dashboard_hosts: HostNames = setting(
        (),
        "The names under which browsers know the dashboard, when a reverse proxy or a name in your network leads to it",
        allowed="none, one or several host names, separated by commas",
        comment="The names under which browsers know the dashboard, for example films.example.com",
    )


class CoreSettings(
    FilmSettings,
    CollectingSettings,
    QueueSettings,
    MoneySettings,
    NetworkSettings,
    NotifySettings,
    MetricsSettings,
    DashboardSettings,
    LoggingSettings,
):
    """The settings that every part of the program may use; the groups of vendors add theirs."""

    groups: ClassVar[tuple[type[SettingsGroup], ...]] = ()
    """The groups of a kind in the order of the documents. `Settings` names them, and takes the bases of this class as they are."""

    def secrets(self) -> list[str]:
        """Return the text of every secret, so that logs and messages can mask it."""
        return [text for _, value in self if isinstance(value, Secret) for text in value.texts()]

    @property
    def pending_folder(self) -> Path:
        return self.home / "pending_video_jobs"

    @property
    def completed_folder(self) -> Path:
        return self.home / "completed_videos"

    @property
    def ledger_file(self) -> Path:
        return self.home / "spend_ledger.jsonl"

    @property
    def spool_file(self) -> Path:
        """Return the file that keeps what became of paid calls while the database of QUEUE_URL is away."""
        return self.home / ".spool" / "calls.jsonl"

    @property
    def channels_folder(self) -> Path:
        """Return the folder of the channels' recent stock sentences, which may be deleted."""
        return self.home / ".channels"

    @property
    def outbox_folder(self) -> Path:
        """Return the folder of notifications and webhooks that are not delivered yet."""
        return self.home / ".outbox"

    @property
    def studio_folder(self) -> Path:
        """Return the folder of the local studio's data, which may be deleted between runs."""
        return self.home / ".local_studio"


class Setting(NamedTuple):
    """The documentation of one environment variable."""

    name: str
    group: type[SettingsGroup]
    default: Any
    meaning: str
    allowed: str
    comment: str
    is_secret: bool

    @property
    def attribute(self) -> str:
        return self.name.lower()


def declared(kind: type[CoreSettings]) -> Iterator[Setting]:
    """Yield every setting of a kind's groups, group by group."""
    for group in kind.groups:
        for name in inspect.get_annotations(group):
            if name in group.model_fields:
                yield _setting(group, name)


def _setting(group: type[SettingsGroup], name: str) -> Setting:
    field = group.model_fields[name]
    texts = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return Setting(
        name.upper(),
        group,
        field.default,
        field.description or "",
        str(texts.get("allowed", "")),
        str(texts.get("comment", "")),
        "Secret" in str(field.annotation),
    )


Loaded = TypeVar("Loaded", bound=CoreSettings)


def load(kind: type[Loaded], environ: Mapping[str, str] | None = None) -> Loaded:
    """Return the settings of this process. Raises BadSettings with one sentence that names the variable and the remedy."""
    environ = os.environ if environ is None else environ
    home, known = home_folder(environ), tuple(declared(kind))
    given = {name: text for name, text in environ.items() if text.strip()}
    _refuse_misspelt_names(known, "The environment", [name for name in given if name.startswith(OUR_PREFIXES)])
    texts = _without_overruled(known, _read_env_file(known, home / "production.env"), given) | given
    found = {setting.attribute: text for setting in known if (text := _text_of(setting, texts, home))}
    try:
        return kind.model_validate({**found, "home": home, "proxies": _proxies(texts)}, context={"home": home})
    except ValidationError as error:
        raise _refusal(known, error) from None


def _refusal(known: Iterable[Setting], error: ValidationError) -> BadSettings:
    """Return the first problem as one sentence, without a value that may contain a secret."""
    first = error.errors(include_url=False, include_context=False)[0]
    name, text = str(first["loc"][0]).upper(), str(first["input"])
    is_secret = any(setting.is_secret for setting in known if setting.name == name)
    may_hold_one = name.endswith("_URL") and {*text} & {*"@?#"}
    shown = "its value" if is_secret or may_hold_one else repr(text[:80])
    return BadSettings(f"{name}: {shown} {str(first['msg']).removeprefix('Value error, ')}.")


def warnings(settings: CoreSettings) -> list[str]:
    """Return warnings, one sentence each: that other users than its owner can read or change production.env.

    Group access is a warning only in a file of this program's own user: an owner may share the file with this program by a group.
    """
    path = settings.home / "production.env"
    try:
        facts = path.stat()
    except OSError:
        return []
    others = stat.S_IRWXO | (stat.S_IRWXG if facts.st_uid == os.geteuid() else 0)
    if not stat.S_IMODE(facts.st_mode) & others & ~(stat.S_IXOTH | stat.S_IXGRP):
        return []
    return [f"{path} can be read or changed by other users of this machine, with the keys in it. Make it yours alone: chmod 600."]


def home_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the state folders: TENXSOM_HOME, else the default; never the current directory."""
    text = environ.get("TENXSOM_HOME", "").strip()
    home = values.path(text) if text else _made_home()
    if text and not home.is_absolute():
        raise BadSettings(f"TENXSOM_HOME must be an absolute path, not {text!r}: cron starts in another folder than you do.")
    if not os.path.isdir(home):
        raise BadSettings(f"TENXSOM_HOME names {home}, which is no folder; make it first (mkdir -p {home}).")
    if not os.access(home, os.X_OK):
        raise BadSettings(f"TENXSOM_HOME names {home}, which user {os.geteuid()} may not enter; run this as its owner.")
    return home


def _made_home() -> Path:
    """Return the default home, which an installed program makes on its first run, for this user alone."""
    try:
        home = default_home()
        home.mkdir(mode=0o700, exist_ok=True)
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else "this user has no home folder"
        raise BadSettings(f"There is no folder for jobs and films ({why}); make one, and name it in TENXSOM_HOME.") from None
    return home


def _read_env_file(known: Iterable[Setting], path: Path) -> dict[str, str]:
    if not os.path.lexists(path):
        return {}
    try:
        text = read_file(path, MAX_ENV_FILE_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadSettings(
            f"{path} is there but cannot be read ({why}). Make it a UTF-8 text that you own, with mode 600, or remove it."
        ) from None
    lines = list(parse_stream(io.StringIO(text)))
    texts: dict[str, str] = {}
    for line in lines:
        text = line.original.string
        number = line.original.line + text[: len(text) - len(text.lstrip())].count("\n")  # it includes preceding empty lines
        if line.error or (line.key and line.value is None):
            raise BadSettings(f"{path}, line {number}: this is no setting; write NAME=value, or begin it with #.")
        if line.key in texts:
            raise BadSettings(f"{path}, line {number}: {line.key} is set for the second time; keep one.")
        if line.key and line.value:
            texts[line.key] = line.value.strip()
    if "TENXSOM_HOME" in texts:
        raise BadSettings(f"{path} sets TENXSOM_HOME, but it is itself looked for there: set it in the environment or the crontab.")
    _refuse_misspelt_names(known, str(path), texts)
    return texts


def _refuse_misspelt_names(settings: Iterable[Setting], where: str, names: Iterable[str]) -> None:
    files = [f"{setting.name}_FILE" for setting in settings if setting.is_secret]
    known = ["TENXSOM_HOME", *(setting.name for setting in settings), *files]
    for name in sorted({*names} - {*known}):
        cutoff = 0.6 if name.startswith(OUR_PREFIXES) else 0.85
        if close := closest(name, known, cutoff):
            raise BadSettings(f"{where} sets {name}, which means nothing here. Did you mean {close}?")


def _without_overruled(known: Iterable[Setting], texts: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the file's texts without secrets that the environment sets in either form: its NAME overrides our NAME_FILE."""
    forms = [{setting.name, f"{setting.name}_FILE"} for setting in known if setting.is_secret]
    return {name: text for name, text in texts.items() if not any(name in pair and pair & given.keys() for pair in forms)}


def _text_of(setting: Setting, texts: Mapping[str, str], home: Path) -> str:
    """Return the text of a setting; a secret may be in its own file, named by NAME_FILE."""
    text, file_name = texts.get(setting.name, "").strip(), texts.get(f"{setting.name}_FILE", "").strip()
    if not setting.is_secret or not file_name:
        return text
    if text:
        raise BadSettings(f"{setting.name} and {setting.name}_FILE are both set; keep one.")
    try:
        text = (home / values.path(file_name)).read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadSettings(f"{setting.name}_FILE names {file_name}, which cannot be read ({why}).") from None
    if not text:
        raise BadSettings(f"{setting.name}_FILE names {file_name}, which is empty; put the secret into it.")
    return text


def _proxies(texts: Mapping[str, str]) -> dict[str, str]:
    """Read HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in upper or lower case.

    `https` and `http` are addresses; `no_proxy` is the unparsed text.
    """
    named = {
        kind: texts.get(f"{kind}_proxy") or texts.get(f"{kind.upper()}_PROXY") or "" for kind in ("https", "http", "all", "no")
    }
    found = {scheme: named[scheme] or named["all"] for scheme in ("https", "http")}
    try:
        found = {scheme: values.proxy_address(text) for scheme, text in found.items() if text}
    except ValueError as error:
        raise BadSettings(f"HTTPS_PROXY, HTTP_PROXY or ALL_PROXY: its value {error}.") from None
    return found | ({"no_proxy": named["no"]} if found and named["no"] else {})
