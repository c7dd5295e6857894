"""The settings: read once, loudly, from the environment and production.env. The one place that looks at the environment.

The environment wins over the file. The file lies in TENXSOM_HOME, which is the repository's root unless the environment says
otherwise. A misspelt name, an impossible value, a secret's file that is not there: one sentence and exit code 2.
"""

import io
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tenxsom import setting_values as values
from tenxsom.errors import BadSettings
from tenxsom.safe_files import read_file
from tenxsom.setting_values import Secret

ROOT = Path(__file__).resolve().parent.parent
"""The folder this program was installed in: its scripts and its templates."""

SERVICES = ("local_studio", "useapi_ltx", "ltx_api", "vertex_veo")
"""The video services, in the order of this list in messages; `auto` is resolved in `tenxsom.app`."""


MAX_ENV_FILE_BYTES = 1024 * 1024

OUR_PREFIXES = ("USEAPI_", "TENXSOM_", "LTX_API_", "VERTEX_VEO_", "VERTEX_IMAGE_", "VIDEO_SERVICE")
"""Variables of these names are for us; the environment holds many others that are not, so only these are looked at."""


class Settings(NamedTuple):
    """Every setting, typed. See production.env.example for what each one means."""

    home: Path
    useapi_bearer_token: Secret | None = None
    useapi_base_url: str = "https://api.useapi.net/v1"
    useapi_account_email: str | None = None
    google_application_credentials: Path | None = None
    vertex_ai_project_id: str | None = None
    vertex_ai_location: str = "global"
    vertex_ai_claude_model_id: str = "claude-haiku-5-5"
    vertex_ai_base_url: str | None = None
    vertex_genai_base_url: str | None = None
    vertex_veo_location: str = "us-central1"
    vertex_veo_model_id: str = "veo-3.1-fast-generate-001"
    vertex_veo_resolution: str = "720p"
    vertex_veo_output_uri: str | None = None
    vertex_image_model_id: str | None = None
    vertex_image_location: str = "global"
    ltx_api_key: Secret | None = None
    ltx_api_base_url: str = "https://api.ltx.video"
    ltx_api_model: str = "ltx-2-3-fast"
    ltx_api_resolution: str = "1080p"
    video_service: str = "auto"
    video_service_fallback: tuple[str, ...] = ()
    start_frames: str = "auto"
    start_image_folders: tuple[Path, ...] = ()
    poll_concurrency: int = 64
    poll_time_limit_seconds: float = 110.0
    status_timeout_seconds: float = 15.0
    job_age_warning_minutes: float = 30.0
    job_deadline_hours: float = 24.0
    daily_budget_usd: Decimal | None = None
    log_level: str = "INFO"
    log_format: str = "text"
    log_file: Path | None = None
    tls_ca_file: Path | None = None
    proxies: Mapping[str, str] = MappingProxyType({})

    def __repr__(self) -> str:
        """Without the proxies, whose addresses may hold a password."""
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self._asdict().items() if name != 'proxies')})"

    def secrets(self) -> list[str]:
        """Every secret's own text, for those who have to keep it out of what they write."""
        return [value.reveal() for value in self if isinstance(value, Secret)]

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
    def private_places(self) -> tuple[Path, ...]:
        """Files and folders of the program's own, which no definition may name as a picture."""
        set_here = (self.google_application_credentials, self.tls_ca_file, self.log_file)
        ours = (self.home / "production.env", self.ledger_file, self.pending_folder, self.studio_folder)
        return (*ours, *(path for path in set_here if path))

    @property
    def studio_folder(self) -> Path:
        """Where the local studio keeps its world; may be deleted between runs."""
        return self.home / ".local_studio"


class Setting(NamedTuple):
    """One environment variable: its name, how its text becomes a value, what it is for."""

    name: str
    parse: Callable[[str], Any]
    meaning: str

    @property
    def attribute(self) -> str:
        return self.name.lower()

    @property
    def is_secret(self) -> bool:
        return self.parse is Secret


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises BadSettings with one sentence that names the variable and the remedy."""
    environ = os.environ if environ is None else environ
    home = home_folder(environ)
    given = {name: text for name, text in environ.items() if text.strip()}
    _refuse_misspelt_names("The environment", [name for name in given if name.startswith(OUR_PREFIXES)])
    texts = _without_overruled(_read_env_file(home / "production.env"), given) | given
    found: dict[str, Any] = {"home": home, "proxies": _proxies(texts)}
    for setting in SETTINGS:
        if text := _text_of(setting, texts, home):
            found[setting.attribute] = _parse(setting, text, home)
    return Settings(**found)


def load_ahead(begin: Callable[[Settings], None]) -> None:
    """Load the settings before the rest of a script is imported, and begin what takes its time beside that.

    What is wrong with them is told later, by `loaded_ahead`: whoever runs a script may have asked for JSON.
    """
    try:
        found = load()
    except BadSettings as error:
        _ahead.append(error)
    else:
        _ahead.append(found)
        begin(found)


def loaded_ahead() -> Settings | None:
    """What `load_ahead` has loaded, once; None where nobody did. Raises the BadSettings that it came upon."""
    found = _ahead.pop() if _ahead else None
    if isinstance(found, BadSettings):
        raise found
    return found


_ahead: list[Settings | BadSettings] = []


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
    from dotenv.parser import parse_stream  # costs 20 ms, and most machines in a test or a rehearsal have no such file

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


def _refuse_misspelt_names(where: str, names: Iterable[str]) -> None:
    files = [f"{setting.name}_FILE" for setting in SETTINGS if setting.is_secret]
    known = ["TENXSOM_HOME", *(setting.name for setting in SETTINGS), *files]
    for name in sorted({*names} - {*known}):
        import difflib  # most settings are spelt right

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
        text = (home / values.path(file_name)).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise BadSettings(f"{setting.name}_FILE names {file_name}, which cannot be read: {error.__class__.__name__}.") from None
    if not text:
        raise BadSettings(f"{setting.name}_FILE names {file_name}, which is empty; put the secret into it.")
    return text


def _parse(setting: Setting, text: str, home: Path) -> Any:
    try:
        if setting.is_secret and not (text.isascii() and text.isprintable() and " " not in text):
            raise ValueError("must be one word of plain characters, as the vendor shows it")
        is_path = setting.parse in (values.existing_file, values.certificates, values.path)
        return setting.parse(str(home / values.path(text)) if is_path else text)
    except ValueError as error:
        may_hold_a_secret = setting.is_secret or (setting.parse is values.web_address and {*text} & {*"@?#"})
        shown = "its value" if may_hold_a_secret else repr(text[:80])
        raise BadSettings(f"{setting.name}: {shown} {error}.") from None


def _proxies(texts: Mapping[str, str]) -> dict[str, str]:
    """HTTPS_PROXY and HTTP_PROXY, in either case, as every command-line program honours them."""
    named = {scheme: texts.get(f"{scheme}_proxy") or texts.get(f"{scheme.upper()}_PROXY") for scheme in ("https", "http")}
    return {scheme: address for scheme, address in named.items() if address}


SETTINGS = (
    Setting("USEAPI_BEARER_TOKEN", Secret, "Your UseAPI.net API token, with its user: prefix"),
    Setting("USEAPI_BASE_URL", values.web_address, "Where the UseAPI.net contract is served"),
    Setting("USEAPI_ACCOUNT_EMAIL", str, "Which linked LTX Studio account to use; only needed with several"),
    Setting("GOOGLE_APPLICATION_CREDENTIALS", values.existing_file, "Google credentials file (ADC), as everywhere in Google Cloud"),
    Setting("VERTEX_AI_PROJECT_ID", str, "Google Cloud project; when it is set, Claude on Vertex AI does the planning"),
    Setting("VERTEX_AI_LOCATION", str, "Vertex AI region; current Claude models need global, us or eu"),
    Setting("VERTEX_AI_CLAUDE_MODEL_ID", str, "The Claude model that plans"),
    Setting("VERTEX_AI_BASE_URL", values.web_address, "Another address for Vertex AI (a private endpoint, a stub), ending in /v1"),
    Setting("VERTEX_GENAI_BASE_URL", values.web_address, "Another address for Veo and Vertex images (the local studio)"),
    Setting("VERTEX_VEO_LOCATION", str, "Vertex AI region of Veo"),
    Setting("VERTEX_VEO_MODEL_ID", str, "The Veo model that makes clips"),
    Setting("VERTEX_VEO_RESOLUTION", values.choice("720p", "1080p", "4K"), "In which resolution Veo makes them"),
    Setting("VERTEX_VEO_OUTPUT_URI", values.cloud_folder, "A gs:// folder that Veo writes to; without it clips come in the answer"),
    Setting("VERTEX_IMAGE_MODEL_ID", str, "The image model on Vertex AI that makes start frames"),
    Setting("VERTEX_IMAGE_LOCATION", str, "Vertex AI region of that image model"),
    Setting("LTX_API_KEY", Secret, "Your key of the official LTX API, from its console"),
    Setting("LTX_API_BASE_URL", values.web_address, "Where the official LTX API's contract is served"),
    Setting("LTX_API_MODEL", str, "The LTX model that makes clips"),
    Setting("LTX_API_RESOLUTION", values.choice("720p", "1080p", "1440p", "4K"), "In which resolution LTX makes them"),
    Setting("VIDEO_SERVICE", values.choice("auto", *SERVICES), "Which video service makes the clips"),
    Setting("VIDEO_SERVICE_FALLBACK", values.several(*SERVICES), "What to use, in this order, when that one is down or retired"),
    Setting("START_FRAMES", values.choice("auto", "flux", "vertex_image", "none"), "Where start frames come from"),
    Setting("START_IMAGE_FOLDERS", values.folders, "Where else than beside its definition a start_image may lie"),
    Setting("POLL_CONCURRENCY", values.number(1, 512, whole=True), "How many questions one tick asks at the same time"),
    Setting("POLL_TIME_LIMIT_SECONDS", values.number(1, 86_400), "How long one tick may take"),
    Setting("STATUS_TIMEOUT_SECONDS", values.number(0.1, 600), "How long one status call may take"),
    Setting("JOB_AGE_WARNING_MINUTES", values.number(0, 100_000), "When an unfinished job starts to warn"),
    Setting("JOB_DEADLINE_HOURS", values.number(0.01, 10_000), "When an unfinished job is given up, with a failure report"),
    Setting("DAILY_BUDGET_USD", values.dollars, "At most this much is spent per UTC day; jobs over it wait"),
    Setting(
        "TLS_CA_FILE", values.certificates, "Also trust the certificate authorities in this PEM file (a company's proxy, a stub)"
    ),
    Setting("LOG_LEVEL", values.choice("DEBUG", "INFO", "WARNING", "ERROR"), "How much is logged to stderr"),
    Setting("LOG_FORMAT", values.choice("text", "json"), "How log lines look"),
    Setting("LOG_FILE", values.path, "Also append the log to this file"),
)
"""Every setting there is, but TENXSOM_HOME, which says where production.env lies and so cannot stand in it."""
