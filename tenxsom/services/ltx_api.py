"""The official LTX API of Lightricks, asynchronous v2: makes clips with sound from a prompt, with or without a picture.

Facts and their pages:

- orders, status, results that live 24 hours: https://docs.ltx.io/async-jobs
- models, lengths, resolutions: https://docs.ltx.io/models and https://docs.ltx.io/models/ltx-2-5
- what was removed on 15 August 2026: https://docs.ltx.io/ltx-2-deprecation
- uploads, kept for 24 hours: https://docs.ltx.io/input-formats
- errors, two clips at a time: https://docs.ltx.io/errors and https://docs.ltx.io/rate-limits

There is no idempotency key and no list of jobs: an order whose response was lost cannot be found.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from tenxsom.errors import AccountError, BadSettings, NotFound, ServiceDown, ServiceRetired
from tenxsom.http.answer import Answer, check_answers, field, inside, raise_for_answer, usable_id
from tenxsom.http.client import HttpClient
from tenxsom.http.downloads import Download, Downloader
from tenxsom.http.uploads import Uploader
from tenxsom.media.first_bytes import video_problem
from tenxsom.services.addresses import is_vendors
from tenxsom.services.base import NO_JOB, Capabilities, GenerationStatus, PriceEntry, StartFrames, Submitted, Variant, VideoOrder
from tenxsom.services.opening import open_client, open_downloader
from tenxsom.services.status_words import read_status, status_in, word_in
from tenxsom.setting_groups import SecretText, ServiceSettings, WebAddress, setting
from tenxsom.setting_values import choice
from tenxsom.spelling import closest


class LtxSettings(ServiceSettings):
    """The account at the LTX API, and its model and resolution."""

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


log = logging.getLogger(__name__)

NAME = "ltx_api"
MODELS = ("ltx-2-3-fast", "ltx-2-3-pro", "ltx-2-5-fast", "ltx-2-5-pro")
CONSOLE = "https://console.ltx.io"
FPS = 24

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "1440p": (2560, 1440), "4K": (3840, 2160)}
_SHORT, _LONG = (6, 8, 10), (6, 8, 10, 12, 14, 16, 18, 20)
_DURATIONS: dict[str, dict[str, tuple[int, ...]]] = {
    # LTX-2.3 at 720p is on the price list, but no page says its lengths: these three are offered everywhere.
    "ltx-2-3-fast": {"720p": _SHORT, "1080p": _LONG, "1440p": _SHORT, "4K": _SHORT},
    "ltx-2-3-pro": {"720p": _SHORT, "1080p": _SHORT, "1440p": _SHORT, "4K": _SHORT},
    "ltx-2-5-fast": {"720p": _LONG, "1080p": _LONG, "1440p": _SHORT, "4K": _SHORT},
    "ltx-2-5-pro": {"720p": _SHORT, "1080p": _SHORT},
}
"""Clip lengths in seconds at 24 frames a second, by model and resolution."""

PRICES: PriceEntry = {
    "image_usd": "0",
    "clip_usd": "0",
    "models": {
        "ltx-2-3-fast": {"720p": "0.03", "1080p": "0.06", "1440p": "0.12", "4K": "0.24"},
        "ltx-2-3-pro": {"720p": "0.04", "1080p": "0.08", "1440p": "0.16", "4K": "0.32"},
        "ltx-2-5-fast": {"720p": "0.09", "1080p": "0.13", "1440p": "0.19", "4K": "0.30"},
        "ltx-2-5-pro": {"720p": "0.12", "1080p": "0.17"},
    },
    "note": "USD per second of output, by model and resolution, as of 24 August 2026; uploads cost nothing.",
    "source": "https://docs.ltx.io/pricing",
}

_REMOVED = {"ltx-2-fast": "ltx-2-3-fast", "ltx-2-pro": "ltx-2-3-pro"}
_DEFAULT_RESOLUTION = "1080p"
_TEXT, _IMAGE = "/v2/text-to-video", "/v2/image-to-video"
_STATUS_PATH = re.compile(r"(?:/v2/text-to-video|/v2/image-to-video)/[^/?#\s]+")
_UPLOAD_TRIES = 2


class LtxApi:
    """The service over one HttpClient, which has the API key; Downloader and Uploader do not have it."""

    name = NAME

    def __init__(
        self, client: HttpClient, downloader: Downloader, uploader: Uploader, variant: Variant, status_timeout: float = 15.0
    ) -> None:
        """`variant` is the default for orders without a model or a resolution."""
        self._client, self._downloader, self._uploader = client, downloader, uploader
        self._variant = variant
        self._status_timeout = status_timeout

    def upload_image(self, picture: Path, mime_type: str) -> str:  # noqa: ARG002  (the link's own headers say what is sent)
        """Request an upload link and send the picture there; after a transient error retry once, with a new link."""
        data = picture.read_bytes()
        for _ in range(_UPLOAD_TRIES - 1):
            try:
                return self._upload(data)
            except ServiceDown as trouble:
                log.info("%s It is tried again with another link.", trouble)
        return self._upload(data)

    def request_video(self, order: VideoOrder, reference: str) -> Submitted:  # noqa: ARG002  (the vendor takes no reference)
        path, body = (_IMAGE, {"image_uri": order.start_file_id}) if order.start_file_id else (_TEXT, {})
        with _translate_errors(path):
            answer = self._client.post_paid(path, json=body | self._body(order))
        job_id = usable_id(inside(answer.json(), "id"))
        if job_id is None:
            raise answer.unclear(f"it names no id; {CONSOLE} lists what was accepted")
        return Submitted(job_id, endpoint=_status_path(path, job_id))

    def video_status(self, video: dict[str, Any], endpoint: str | None) -> GenerationStatus:
        """Return a clip's status, asked under the endpoint that took the order: under any other the API returns 404."""
        for candidate in _candidates(video, endpoint):
            timeout, about = self._status_timeout, (str(video["job_id"]),)
            answer = self._client.get(candidate, timeout=timeout, deadline_seconds=3 * timeout, about=about)
            if answer.status not in (404, 410):
                raise_for_answer(answer)
                return _status(answer)._replace(endpoint=candidate)
        raise NotFound(
            f"{NAME} knows no such job (HTTP 404): it never existed, or it ended more than 24 hours ago; the vendor keeps results"
            " for 24 hours.",
            404,
        )

    def find_submission(self, reference: str) -> Submitted | None:  # noqa: ARG002  (nothing can be found by it)
        """Return None: the vendor has no list of jobs, and takes no reference of ours."""
        return None

    def fetch(self, status: GenerationStatus, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        return self._downloader.fetch(
            str(status.url), part, max_bytes=max_bytes, deadline_seconds=deadline_seconds, find_problem=video_problem
        )

    def ping(self) -> None:
        """Request a job that does not exist, because the API has no list to request."""
        path = _status_path(_TEXT, NO_JOB)
        check_answers(lambda: self._client.get(path, timeout=self._status_timeout, retries=0))

    def settle(self, seconds: float) -> None:
        """Do nothing: a remote vendor runs no work in this process."""

    def close(self) -> None:
        self._client.close()
        self._downloader.close()

    def _upload(self, data: bytes) -> str:
        with _translate_errors("/v1/upload"):
            answer = self._client.post("/v1/upload", retries=2)
        document = answer.json()
        url, uri, headers = (inside(document, name) for name in ("upload_url", "storage_uri", "required_headers"))
        if not (isinstance(url, str) and isinstance(uri, str) and uri.startswith("ltx://") and isinstance(headers, dict | None)):
            raise ServiceDown(f"{NAME} gave no usable link for an upload; it will be asked for another one.")
        self._uploader.put(url, data, headers or {})
        return uri

    def _body(self, order: VideoOrder) -> dict[str, Any]:
        long, short = SIZES[order.variant.resolution or self._variant.resolution or _DEFAULT_RESOLUTION]
        width, height = (short, long) if order.aspect_ratio == "9:16" else (long, short)
        return {
            "prompt": order.prompt,
            "model": order.variant.model or self._variant.model or MODELS[0],
            "duration": int(order.seconds),
            "resolution": f"{width}x{height}",
            "fps": FPS,
            "generate_audio": True,
        }


def capabilities(variant: Variant) -> Capabilities:
    """Return what a model can make in a resolution. Raises BadSettings for a removed or unknown model, or resolution."""
    model = variant.model or MODELS[0]
    offered = _DURATIONS.get(model)
    if offered is None:
        raise BadSettings(_unknown(model))
    durations = offered.get(variant.resolution or _DEFAULT_RESOLUTION)
    if durations is None:
        raise BadSettings(f"{model} makes {', '.join(offered)}, not {variant.resolution}; change LTX_API_RESOLUTION.")
    return Capabilities(
        durations=durations,
        aspect_ratios=("16:9", "9:16"),
        resolutions=tuple(offered),
        # The vendor documents no limit. Resellers accept 5,000 characters; 2,000 was the limit of the earlier API, and our
        # prompts are shorter.
        prompt_limit=2000,
        start_frames=StartFrames.OPTIONAL,
        sound=True,
        concurrent_submissions=2,
        concurrent_jobs=2,  # the vendor's default for an account; further orders get 429 and wait in the queue
        first_check_seconds=20,  # a clip of 10 s takes about 24 s, as the vendor says
        longest_check_seconds=300,  # results expire after 24 hours, so they must not wait for long
        upload_hours=23.5,
        result_hours=24,
        can_reconcile=False,
    )


def default_variant(settings: LtxSettings) -> Variant:
    return Variant(settings.ltx_api_model, settings.ltx_api_resolution)


def missing_credentials(settings: LtxSettings) -> str | None:
    """Return what the API needs before it can be used with these settings; None if nothing is missing."""
    return None if settings.ltx_api_key else f"it needs LTX_API_KEY (from {CONSOLE}); put it into production.env"


def address(settings: LtxSettings) -> str:
    """Return the base address of the API."""
    return settings.ltx_api_base_url


def id_problem(job_id: str) -> str | None:  # noqa: ARG001  (every service is asked alike)
    """Return None: the vendor does not say what its ids look like (https://docs.ltx.io/async-jobs)."""
    return None


def is_rehearsal(settings: LtxSettings) -> bool:
    """Return whether the address is not the vendor's own: orders cost nothing there."""
    return not is_vendors(settings.ltx_api_base_url, "ltx.video")


def open_service(settings: LtxSettings, is_ours: Callable[[str], bool] | None = None) -> LtxApi:
    """Return the service with the API key in the settings. Raises BadSettings without one."""
    if settings.ltx_api_key is None:
        raise BadSettings(f"{NAME} cannot be used: {missing_credentials(settings)}.")
    variant = default_variant(settings)
    url = settings.ltx_api_base_url
    client, downloader = open_client(NAME, url, settings.ltx_api_key, settings, is_ours), open_downloader(NAME, url, settings)
    uploader = Uploader(settings.proxies, service_url=url, ca_file=settings.tls_ca_file)
    return LtxApi(client, downloader, uploader, variant, settings.status_timeout_seconds)


@contextmanager
def _translate_errors(path: str) -> Iterator[None]:
    """Translate a refusal of the API into an error that names the remedy."""
    try:
        yield
    except NotFound as error:
        raise ServiceRetired(
            f"{NAME} answers {path} with HTTP {error.status}: check LTX_API_BASE_URL; if it is right, the vendor has"
            " switched it off. See https://docs.ltx.io.",
            error.status,
            certain=False,
            answer=error.answer,
        ) from error
    except AccountError as error:
        raise AccountError(f"{error} Keys and credits: {CONSOLE}.", error.status, answer=error.answer) from error


def _status(answer: Answer) -> GenerationStatus:
    job = answer.job()
    return read_status(answer, word_in(status_in(job)), url=field(field(job, "result"), "video_url"), about=(job,))


def _unknown(model: str) -> str:
    if model in _REMOVED:
        return f"{model} was removed from the LTX API on 15 August 2026; set LTX_API_MODEL={_REMOVED[model]}."
    close = closest(model, MODELS)
    hint = f" (did you mean {close}?)" if close else ""
    return f"{model!r} is no model of the LTX API{hint}; set LTX_API_MODEL to one of {', '.join(MODELS)}."


def _candidates(video: Mapping[str, Any], endpoint: str | None) -> list[str]:
    """Return the endpoints to ask: the one that took the order, or both where that is unknown."""
    if endpoint and _STATUS_PATH.fullmatch(endpoint):
        return [endpoint]
    return [_status_path(path, str(video["job_id"])) for path in (_IMAGE, _TEXT)]


def _status_path(path: str, job_id: str) -> str:
    return f"{path}/{quote(job_id, safe='')}"
