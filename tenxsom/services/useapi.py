"""The calls shared by everything behind UseAPI.net's LTX Studio contract: create, status, find, download.

Facts and their pages:

- status; finished only when `completed` *and* `artifact.assetUrl`: https://useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets-jobId
- no idempotency key exists; jobs in progress can be found by `replyRef`: https://useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-scheduler
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from tenxsom.errors import AccountError, BadSettings, NotFound, ServiceDown, ServiceRetired
from tenxsom.http.answer import Answer, check_answers, field, inside, raise_for_answer, usable_id
from tenxsom.http.client import HttpClient
from tenxsom.http.downloads import Download, Downloader
from tenxsom.media.first_bytes import picture_problem, video_problem
from tenxsom.services.base import GenerationStatus, Submitted
from tenxsom.services.opening import open_client, open_downloader
from tenxsom.services.status_words import read_status, status_in, word_in
from tenxsom.setting_groups import SecretText, ServiceSettings, WebAddress, setting


class UseApiSettings(ServiceSettings):
    """The account at UseAPI.net."""

    section: ClassVar[str] = "UseAPI.net (its LTX Studio API was retired in March 2026, see docs/how-to/choose-a-service.md)"

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


PAGE_ITEMS = 20
"""Items of a page of the vendor's list; its own default, as no maximum is documented."""
MOST_PAGES = 10
"""How many pages are looked through for a call. A clip has up to three items: its still, its upload, itself."""

FIND_PROBLEM = {"image": picture_problem, "video": video_problem}

RETIRED = (
    "UseAPI.net retired its LTX Studio API in March 2026 and answers as a service that is gone. Living services: ltx_api (set"
    " LTX_API_KEY) and vertex_veo; rehearse with VIDEO_SERVICE=local_studio. See docs/how-to/choose-a-service.md."
)


class UseApi:
    """One account of the API: an HttpClient, which has the token, and a Downloader, which does not."""

    def __init__(
        self, name: str, client: HttpClient, downloader: Downloader, account_email: str | None, status_timeout: float
    ) -> None:
        self.name = name
        self.account = {"email": account_email} if account_email else {}
        self._client = client
        self._downloader = downloader
        self._status_timeout = status_timeout
        self._vendor_endpoint_answers = False
        self._references: dict[str, Any] = {}

    def create(self, path: str, body: Mapping[str, Any], reference: str) -> Submitted:
        """Send a paid call. A 2xx that is unreadable or names no job raises SubmitUnclear: it may have been accepted."""
        try:
            answer = self._client.post_paid(path, json={**body, "replyRef": reference, **self.account})
        except NotFound as error:
            raise ServiceRetired(RETIRED, error.status, certain=self.is_retired(), answer=error.answer) from error
        document = answer.json()
        job_id = usable_id(inside(document, "jobId"))
        if job_id is None:
            raise answer.unclear("it names no jobId")
        return Submitted(job_id, usable_id(inside(document, "generationId")))

    def upload(self, picture: Path, mime_type: str) -> str:
        """Upload a picture as an asset of type=image and return its fileId."""
        answer = self._client.post(
            "/ltxstudio/assets/",  # the vendor's page keeps the trailing slash
            params={"type": "image", **self.account},
            data=picture.read_bytes(),
            headers={"Content-Type": mime_type},
        )
        file_id = inside(answer.json(), "asset", "fileId")
        if not isinstance(file_id, str) or not file_id:
            raise ServiceDown(f"{self.name} took the upload but named no fileId; it will be uploaded again.")
        return file_id

    def endpoint_of(self, submitted: Submitted) -> str:
        """Return the first status endpoint of a new job: the specification's, until the vendor's own has responded."""
        return self.candidates(submitted.job_id, submitted.generation_id, None)[0]

    def status(self, job_id: str, generation_id: str | None, endpoint: str | None) -> GenerationStatus:
        """Return the status of a still or a clip with its endpoint. Raises NotFound when no endpoint knows the job."""
        for candidate in self.candidates(job_id, generation_id, endpoint):
            try:
                status = _status(self._get(candidate, about=(job_id, generation_id or "")))._replace(endpoint=candidate)
            except NotFound:
                continue
            self._vendor_endpoint_answers |= candidate.startswith("/ltxstudio/assets/")
            return status
        if self.is_retired():
            raise NotFound(RETIRED, 404)
        raise NotFound(f"{self.name} knows no such job any more, at none of its status endpoints.", 404)

    def candidates(self, job_id: str, generation_id: str | None, endpoint: str | None) -> list[str]:
        """Return the endpoints to try: the one that responded last, the specification's, the vendor's own; each once."""
        vendor = assets(job_id)
        asked = [_path_of(endpoint), _generations(generation_id) if generation_id else None, vendor]
        if self._vendor_endpoint_answers:
            asked.insert(0, vendor)
        return list(dict.fromkeys(path for path in asked if path))

    def find(self, reference: str) -> Submitted | None:
        """Find a job by our reference: among the running ones, then by status calls among the newest finished ones.

        A busy queue makes dozens of jobs between a call and its lookup, so that one page of the list is not enough.
        """
        running = self._get("/ltxstudio/scheduler").json()
        if not isinstance(running, list):
            raise ServiceDown(f"{self.name} gave no list of its running jobs; it will be asked again.")
        for job in running:
            if inside(job, "replyRef") == reference and (job_id := usable_id(inside(job, "jobId"))):
                return Submitted(job_id)
        for job_id in self._newest_jobs():
            if self._reply_ref(job_id) == reference:
                return Submitted(job_id)
        return None

    def fetch(self, url: str, part: Path, max_bytes: int, deadline_seconds: float, kind: str) -> Download:
        """Download a result (`kind`: image or video)."""
        return self._downloader.fetch(
            url, part, max_bytes=max_bytes, deadline_seconds=deadline_seconds, find_problem=FIND_PROBLEM[kind]
        )

    def ping(self) -> None:
        """Request the list of accounts. Raises ServiceDown, AccountError."""
        check_answers(lambda: self._client.get("/ltxstudio/accounts", timeout=self._status_timeout, retries=0))

    def is_retired(self) -> bool:
        """Return whether the vendor's lists are gone too (404 or 410). A web page with a 200 may be for maintenance."""
        return all(self._is_gone(path) for path in ("/ltxstudio/scheduler", "/ltxstudio/accounts"))

    def close(self) -> None:
        self._client.close()
        self._downloader.close()

    def _is_gone(self, path: str) -> bool:
        try:
            return self._client.get(path, timeout=self._status_timeout, retries=0).status in (404, 410)
        except ServiceDown:
            return False

    def _get(self, path: str, *, about: Collection[str] = (), **params: Any) -> Answer:
        timeout = self._status_timeout
        answer = self._client.get(path, params=params or None, timeout=timeout, deadline_seconds=3 * timeout, about=about)
        raise_for_answer(answer)
        return answer

    def _newest_jobs(self) -> Iterator[str]:
        before = None
        for page in range(1, MOST_PAGES + 1):
            items = inside(self._get("/ltxstudio/assets/", page=page, limit=PAGE_ITEMS, **self.account).json(), "items")
            if not isinstance(items, list):
                raise ServiceDown(f"{self.name} gave no list of its newest jobs; it will be asked again.")
            yield from filter(None, (usable_id(inside(item, "jobId")) for item in items))
            if len(items) < PAGE_ITEMS or items == before:  # a service that knows no pages sends the same one again
                return
            before = items

    def _reply_ref(self, job_id: str) -> Any:
        """Return the reference of a job, which never changes: several lookups ask for it once."""
        if job_id not in self._references:
            try:
                self._references[job_id] = inside(self._get(assets(job_id), about=(job_id,)).json(), "replyRef")
            except (NotFound, AccountError):
                return None
        return self._references[job_id]


def missing_credentials(settings: UseApiSettings) -> str | None:
    """Return what the API needs before it can be used with these settings; None if nothing is missing."""
    return None if settings.useapi_bearer_token else "it needs USEAPI_BEARER_TOKEN; put it into production.env"


def open_api(settings: UseApiSettings, name: str, is_ours: Callable[[str], bool] | None = None) -> UseApi:
    """Return the API with the account in the settings. Raises BadSettings without a token."""
    if settings.useapi_bearer_token is None:
        raise BadSettings(f"{name} cannot be used: {missing_credentials(settings)}.")
    url = settings.useapi_base_url
    client = open_client(name, url, settings.useapi_bearer_token, settings, is_ours)
    downloader = open_downloader(name, url, settings)
    return UseApi(name, client, downloader, settings.useapi_account_email, settings.status_timeout_seconds)


def kind_problem(job_id: str, kind: str) -> str | None:
    """Return why an id cannot be that of an image or a video; None if it can. The vendor's ids end with `-type:<kind>`
    (https://www.useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets-jobId.html).
    """
    other = {"image": "video", "video": "image"}[kind]
    return f"is an id of the {other} kind, but the unclear call is of the {kind} kind" if f"-type:{other}" in job_id else None


def assets(job_id: str) -> str:
    """Return the vendor's status endpoint of a job."""
    return f"/ltxstudio/assets/{quote(job_id, safe='')}"


def _generations(generation_id: str) -> str:
    """Return the specification's status endpoint of a job."""
    return f"/ltxstudio/generations/{quote(generation_id, safe='')}"


def _path_of(endpoint: str | None) -> str | None:
    """Return a stored endpoint without its base URL; the original system stored whole addresses."""
    if endpoint and "/ltxstudio/" in endpoint:
        return "/ltxstudio/" + endpoint.split("/ltxstudio/", 1)[1]
    return None


def _status(answer: Answer) -> GenerationStatus:
    job = answer.job()
    found = status_in(job)
    beside = {key: value for key, value in job.items() if value is not found} if isinstance(job, dict) else {}
    about = ("" if isinstance(found, str) else found, beside)
    url = field(field(found, "artifact"), "assetUrl")
    return read_status(answer, word_in(found), url=url, about=about, percent=field(found, "progress"))
