"""The settings: read once, loudly, from the environment and production.env. The one place that looks at the environment.

The environment wins over the file. The file lies in TENXSOM_HOME, which is the repository's root unless the environment says
otherwise. A misspelt name, an impossible value, a secret's file that is not there: one sentence and exit code 2.
"""

from __future__ import annotations

import difflib
import io
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

from dotenv.parser import parse_stream
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tenxsom import setting_values as values
from tenxsom.errors import BadSettings
from tenxsom.safe_files import read_file
from tenxsom.setting_values import Secret, choice, number, several

ROOT = Path(__file__).resolve().parent.parent
"""The folder this program was installed in: its scripts and its templates."""

SERVICES = ("local_studio", "useapi_ltx", "ltx_api", "vertex_veo")
"""The video services, in the order of this list in messages; `auto` is resolved in `tenxsom.pipeline.routing`."""

MAX_ENV_FILE_BYTES = 1024 * 1024

OUR_PREFIXES = ("USEAPI_", "TENXSOM_", "LTX_API_", "VERTEX_VEO_", "VERTEX_IMAGE_", "VIDEO_SERVICE")
"""Variables of these names are for us; the environment holds many others that are not, so only these are looked at."""

SecretText = Annotated[Secret, BeforeValidator(values.secret)]
WebAddress = Annotated[str, BeforeValidator(values.web_address)]
CloudFolder = Annotated[str, BeforeValidator(values.cloud_folder)]
Dollars = Annotated[Decimal, BeforeValidator(values.dollars)]
FilePath = Annotated[Path, BeforeValidator(values.path_in_home)]
ExistingFile = Annotated[Path, BeforeValidator(values.existing_file)]
Certificates = Annotated[Path, BeforeValidator(values.certificates)]
Folders = Annotated[tuple[Path, ...], BeforeValidator(values.folders)]


class SettingsGroup(BaseModel):
    """Settings that belong together. The settings of a process are all groups together, read at once (`load`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    section: ClassVar[str] = ""
    """The heading in production.env.example; empty where the group belongs to the section before it."""


def setting(default: Any, meaning: str, *, allowed: str, comment: str) -> Any:
    """Return a field of a group, which is the environment variable of its name in capitals.

    `meaning` stands in the README, `allowed` in docs/reference/settings.md, `comment` in production.env.example.
    """
    return Field(default=default, description=meaning, json_schema_extra={"allowed": allowed, "comment": comment})


class UseApiSettings(SettingsGroup):
    section: ClassVar[str] = "UseAPI.net (its LTX Studio API was retired in March 2026, see README.md)"

    useapi_bearer_token: SecretText | None = setting(
        None,
        "Your UseAPI.net API token, with its user: prefix",
        allowed="one line of printable characters",
        comment=(
            "API token, with its user: prefix. Or put it into a file of its own and set USEAPI_BEARER_TOKEN_FILE to its path."
        ),
    )
    useapi_base_url: WebAddress = setting(
        "https://api.useapi.net/v1",
        "Where the UseAPI.net contract is served",
        allowed="an `https` address without query; `http` only for this machine (`127.0.0.1`, `localhost`)",
        comment="Where the UseAPI.net contract is served; the local studio over a socket is an http address on this machine.",
    )
    useapi_account_email: str | None = setting(
        None,
        "Which linked LTX Studio account to use; only needed with several",
        allowed="text",
        comment="Which linked LTX Studio account to use; only needed with several, for example channel@example.com",
    )


class ClaudeSettings(SettingsGroup):
    section: ClassVar[str] = "Planning with Claude on Vertex AI"

    google_application_credentials: ExistingFile | None = setting(
        None,
        "Google credentials file (ADC), as everywhere in Google Cloud",
        allowed="the path of a file that exists",
        comment=(
            "Credentials file (a service account's key, for example /path/to/service-account.json); empty: what `gcloud "
            "auth application-default login` has left."
        ),
    )
    vertex_ai_project_id: str | None = setting(
        None,
        "Google Cloud project; when it is set, Claude on Vertex AI does the planning",
        allowed="the id of a Google Cloud project",
        comment="Google Cloud project; as soon as it is set, Claude plans. Empty: plans come from templates/archetypes/.",
    )
    vertex_ai_location: str = setting(
        "global",
        "Vertex AI region; current Claude models need global, us or eu",
        allowed="`global`, `us`, `eu`, or a region; regions serve older models only",
        comment="Region; current Claude models are served in global, us and eu.",
    )
    vertex_ai_claude_model_id: str = setting(
        "claude-haiku-5-5",
        "The Claude model that plans",
        allowed="a model id of Vertex AI, such as `claude-haiku-5-5` or `claude-haiku-4-5@20251001`",
        comment="The Claude model that plans; `claude_video_service.py --check` says whether it still exists.",
    )
    vertex_ai_base_url: WebAddress | None = setting(
        None,
        "Another address for Vertex AI (a private endpoint, a stub), ending in /v1",
        allowed="as `USEAPI_BASE_URL`; ends in `/v1`",
        comment="Another address for Vertex AI, ending in /v1: a private endpoint, or a stub on this machine.",
    )


class VeoSettings(SettingsGroup):
    section: ClassVar[str] = "Veo and image models on Vertex AI (same credentials and project as above)"

    vertex_genai_base_url: WebAddress | None = setting(
        None,
        "Another address for Veo and Vertex images (the local studio)",
        allowed="as `USEAPI_BASE_URL`",
        comment="Another address for both: a private endpoint, or the local studio over a socket.",
    )
    vertex_veo_location: str = setting(
        "us-central1",
        "Vertex AI region of Veo",
        allowed="a region that serves Veo",
        comment="Region of Veo.",
    )
    vertex_veo_model_id: str = setting(
        "veo-3.1-fast-generate-001",
        "The Veo model that makes clips",
        allowed="`veo-3.1-generate-001`, `veo-3.1-fast-generate-001`, `veo-3.1-lite-generate-001`",
        comment="veo-3.1-generate-001, veo-3.1-fast-generate-001 or veo-3.1-lite-generate-001.",
    )
    vertex_veo_resolution: Annotated[str, choice("720p", "1080p", "4K")] = setting(
        "720p",
        "In which resolution Veo makes them",
        allowed="`720p`, `1080p`, `4K` (not with Lite)",
        comment="720p, 1080p or 4K.",
    )
    vertex_veo_output_uri: CloudFolder | None = setting(
        None,
        "A gs:// folder that Veo writes to; without it clips come in the answer",
        allowed="a `gs://bucket/folder` that the credentials may write to and read from",
        comment="Where Veo writes its clips, for example gs://my-bucket/veo; empty: they come within the answer.",
    )


class VertexImageSettings(SettingsGroup):
    section: ClassVar[str] = ""

    vertex_image_model_id: str | None = setting(
        None,
        "The image model on Vertex AI that makes start frames",
        allowed="an image model of Vertex AI",
        comment="The image model that makes start frames; only needed with START_FRAMES=vertex_image.",
    )
    vertex_image_location: str = setting(
        "global",
        "Vertex AI region of that image model",
        allowed="a region that serves it",
        comment="Region of that image model.",
    )


class LtxSettings(SettingsGroup):
    section: ClassVar[str] = "The official LTX API"

    ltx_api_key: SecretText | None = setting(
        None,
        "Your key of the official LTX API, from its console",
        allowed="one line of printable characters",
        comment="API key from its console. Or put it into a file of its own and set LTX_API_KEY_FILE to its path.",
    )
    ltx_api_base_url: WebAddress = setting(
        "https://api.ltx.video",
        "Where the official LTX API's contract is served",
        allowed="as `USEAPI_BASE_URL`",
        comment="Where the LTX API's contract is served; the local studio over a socket is an http address on this machine.",
    )
    ltx_api_model: str = setting(
        "ltx-2-3-fast",
        "The LTX model that makes clips",
        allowed="`ltx-2-3-fast`, `ltx-2-3-pro`, `ltx-2-5-fast`, `ltx-2-5-pro`",
        comment="ltx-2-3-fast, ltx-2-3-pro, ltx-2-5-fast or ltx-2-5-pro.",
    )
    ltx_api_resolution: Annotated[str, choice("720p", "1080p", "1440p", "4K")] = setting(
        "1080p",
        "In which resolution LTX makes them",
        allowed="`720p`, `1080p`, `1440p`, `4K`; `ltx-2-5-pro` goes up to `1080p`",
        comment="720p, 1080p, 1440p or 4K, as far as the model goes.",
    )


class MakingSettings(SettingsGroup):
    section: ClassVar[str] = "Making"

    video_service: Annotated[str, choice("auto", *SERVICES)] = setting(
        "auto",
        "Which video service makes the clips",
        allowed="`auto`, `local_studio`, `useapi_ltx`, `ltx_api`, `vertex_veo`",
        comment=(
            "auto, local_studio, useapi_ltx, ltx_api or vertex_veo. auto: the first of useapi_ltx and ltx_api whose key "
            "is set, else the local studio; Veo is used only when it is named."
        ),
    )
    video_service_fallback: Annotated[tuple[str, ...], several(*SERVICES)] = setting(
        (),
        "What to use, in this order, when that one is down or retired",
        allowed="none, one or several of these names, separated by commas",
        comment=(
            "What to use, in this order, when that service is down or retired, for example ltx_api,local_studio; empty: "
            "wait for it."
        ),
    )
    start_frames: Annotated[str, choice("auto", "flux", "vertex_image", "none")] = setting(
        "auto",
        "Where start frames come from",
        allowed="`auto`, `flux`, `vertex_image`, `none`",
        comment="Where start frames come from: auto (what the service needs), flux, vertex_image or none (text to video).",
    )
    start_image_folders: Folders = setting(
        (),
        "Where else than beside its definition a start_image may lie",
        allowed="absolute paths of folders that exist, with a colon between them",
        comment="Where else than beside its definition a start_image may lie, for example /srv/pictures:/home/me/brand",
    )


class CollectingSettings(SettingsGroup):
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


class MoneySettings(SettingsGroup):
    section: ClassVar[str] = "Money"

    daily_budget_usd: Dollars | None = setting(
        None,
        "At most this much is spent per UTC day; jobs over it wait",
        allowed="an amount from 0, such as `25` or `12.50`; `0` stops every paid call that costs anything",
        comment=(
            "At most this much is spent per UTC day, for example 25 or 12.50; empty: no limit. Jobs over it wait for the next day."
        ),
    )


class NetworkSettings(SettingsGroup):
    section: ClassVar[str] = "Network"

    tls_ca_file: Certificates | None = setting(
        None,
        "Also trust the certificate authorities in this PEM file (a company's proxy, a stub)",
        allowed="a file with certificates in PEM form",
        comment=(
            "Also trust the certificate authorities in this PEM file (a company's proxy, a stub), for example /path/to/ca.pem"
        ),
    )


class LoggingSettings(SettingsGroup):
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
        allowed="`text`, `json` (one object a line: time, level, message, logger, content_id)",
        comment="text or json.",
    )
    log_file: FilePath | None = setting(
        None,
        "Also append the log to this file",
        allowed="a path; its folder must exist",
        comment="Also append the log to this file, for example /path/to/logs/tenxsom.log",
    )


class Settings(
    UseApiSettings,
    ClaudeSettings,
    VeoSettings,
    VertexImageSettings,
    LtxSettings,
    MakingSettings,
    CollectingSettings,
    MoneySettings,
    NetworkSettings,
    LoggingSettings,
):
    """Every setting, typed."""

    home: Path
    """TENXSOM_HOME, which says where production.env lies and so cannot stand in it."""
    proxies: Mapping[str, str] = Field(default_factory=dict, repr=False)  # their addresses may hold a password

    def secrets(self) -> list[str]:
        """Return every secret's own text, for those who have to keep it out of what they write."""
        return [value.reveal() for _, value in self if isinstance(value, Secret)]

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
    def studio_folder(self) -> Path:
        """Where the local studio keeps its world; may be deleted between runs."""
        return self.home / ".local_studio"

    @property
    def private_places(self) -> tuple[Path, ...]:
        """Files and folders of the program's own, which no definition may name as a picture."""
        set_here = (self.google_application_credentials, self.tls_ca_file, self.log_file)
        ours = (self.home / "production.env", self.ledger_file, self.pending_folder, self.studio_folder)
        return (*ours, *(path for path in set_here if path))


class Setting(NamedTuple):
    """One environment variable, as the documents tell of it."""

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


def declared(kind: type[Settings] = Settings) -> Iterator[Setting]:
    """Yield every setting of the groups that `kind` is made of, group by group."""
    groups = [base for base in kind.__bases__ if issubclass(base, SettingsGroup)]
    for group in groups:
        for name, field in group.model_fields.items():
            extra = field.json_schema_extra
            texts = extra if isinstance(extra, dict) else {}
            yield Setting(
                name.upper(),
                group,
                field.default,
                field.description or "",
                str(texts.get("allowed", "")),
                str(texts.get("comment", "")),
                "Secret" in str(field.annotation),
            )


SETTINGS = tuple(declared())
"""Every setting there is, but TENXSOM_HOME."""


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process. Raises BadSettings with one sentence that names the variable and the remedy."""
    environ = os.environ if environ is None else environ
    home = home_folder(environ)
    given = {name: text for name, text in environ.items() if text.strip()}
    _refuse_misspelt_names("The environment", [name for name in given if name.startswith(OUR_PREFIXES)])
    texts = _without_overruled(_read_env_file(home / "production.env"), given) | given
    found = {setting.attribute: text for setting in SETTINGS if (text := _text_of(setting, texts, home))}
    try:
        return Settings.model_validate({**found, "home": home, "proxies": _proxies(texts)}, context={"home": home})
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> BadSettings:
    """The first thing that is wrong, as one sentence. A value that may hold a secret is not repeated."""
    first = error.errors(include_url=False, include_context=False)[0]
    name, text = str(first["loc"][0]).upper(), str(first["input"])
    is_address = Settings.model_fields[name.lower()].annotation in (WebAddress, WebAddress | None)
    is_secret = any(setting.is_secret for setting in SETTINGS if setting.name == name)
    shown = "its value" if is_secret or (is_address and {*text} & {*"@?#"}) else repr(text[:80])
    return BadSettings(f"{name}: {shown} {str(first['msg']).removeprefix('Value error, ')}.")


def warnings(settings: Settings) -> list[str]:
    """What is not wrong but should be known, a sentence each: that others than its owner can read or change production.env.

    A group may be how its owner hands it to this program: it counts only in a file of this program's own user.
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
    """Where the state folders live: TENXSOM_HOME, else the repository's root; never the current directory."""
    text = environ.get("TENXSOM_HOME", "").strip()
    home = values.path(text) if text else ROOT
    if text and not home.is_absolute():
        raise BadSettings(f"TENXSOM_HOME must be an absolute path, not {text!r}: cron starts in another folder than you do.")
    if not home.is_dir():
        raise BadSettings(f"TENXSOM_HOME names {home}, which is no folder; make it first (mkdir -p {home}).")
    return home


def _read_env_file(path: Path) -> dict[str, str]:
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
        number = line.original.line + text[: len(text) - len(text.lstrip())].count("\n")  # empty lines before it belong to it
        if line.error or (line.key and line.value is None):
            raise BadSettings(f"{path}, line {number}: this is no setting; write NAME=value, or begin it with #.")
        if line.key in texts:
            raise BadSettings(f"{path}, line {number}: {line.key} is set for the second time; keep one.")
        if line.key and line.value:
            texts[line.key] = line.value.strip()
    if "TENXSOM_HOME" in texts:
        raise BadSettings(f"{path} sets TENXSOM_HOME, but it is itself looked for there: set it in the environment or the crontab.")
    _refuse_misspelt_names(str(path), texts)
    return texts


def _refuse_misspelt_names(where: str, names: Iterable[str]) -> None:
    files = [f"{setting.name}_FILE" for setting in SETTINGS if setting.is_secret]
    known = ["TENXSOM_HOME", *(setting.name for setting in SETTINGS), *files]
    for name in sorted({*names} - {*known}):
        cutoff = 0.6 if name.startswith(OUR_PREFIXES) else 0.85
        if close := difflib.get_close_matches(name.upper(), known, n=1, cutoff=cutoff):
            raise BadSettings(f"{where} sets {name}, which means nothing here. Did you mean {close[0]}?")


def _without_overruled(texts: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The file's texts but for the secrets that the environment sets in either form: NAME there overrules NAME_FILE here."""
    forms = [{setting.name, f"{setting.name}_FILE"} for setting in SETTINGS if setting.is_secret]
    return {name: text for name, text in texts.items() if not any(name in pair and pair & given.keys() for pair in forms)}


def _text_of(setting: Setting, texts: Mapping[str, str], home: Path) -> str:
    """The text of a setting; a secret may stand in a file of its own, named by NAME_FILE."""
    text, file_name = texts.get(setting.name, "").strip(), texts.get(f"{setting.name}_FILE", "").strip()
    if not setting.is_secret or not file_name:
        return text
    if text:
        raise BadSettings(f"{setting.name} and {setting.name}_FILE are both set; keep one.")
    try:
        text = (home / values.path(file_name)).read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError) as error:
        raise BadSettings(f"{setting.name}_FILE names {file_name}, which cannot be read: {error.__class__.__name__}.") from None
    if not text:
        raise BadSettings(f"{setting.name}_FILE names {file_name}, which is empty; put the secret into it.")
    return text


def _proxies(texts: Mapping[str, str]) -> dict[str, str]:
    """HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in either case, as every command-line program honours them.

    `https` and `http` hold addresses; `no_proxy` is the text as it is written.
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
