"""The calls that everything behind UseAPI.net's LTX Studio contract shares: create, ask, find again, download.

Facts and their pages:

- status; finished only when `completed` *and* `artifact.assetUrl`: https://useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets-jobId
- no idempotency key exists; jobs in progress can be found by `replyRef`: https://useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-scheduler
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tenxsom.errors import AccountTrouble, BadSettings, NotFound, ServiceDown, ServiceRetired, SubmitUnclear
from tenxsom.net.client import Answer, HttpClient, raise_for_answer
from tenxsom.net.download import Download, Downloader
from tenxsom.net.looks import looks_like_mp4, looks_like_picture
from tenxsom.services.base import Progress, Status, Submitted
from tenxsom.services.opening import open_client, open_downloader
from tenxsom.settings import Settings

log = logging.getLogger(__name__)

LOOKS_RIGHT = {"image": looks_like_picture, "video": looks_like_mp4}

RETIRED = (
    "UseAPI.net retired its LTX Studio API in March 2026 and answers as a service that is gone. Living services: ltx_api (set"
    " LTX_API_KEY) and vertex_veo; rehearse with VIDEO_SERVICE=local_studio. See 'What the vendor retired' in README.md."
)


class UseApi:
    """One account of the API: one HttpClient (which holds the token) and one Downloader (which never sees it)."""

    def __init__(
        self, name: str, client: HttpClient, downloader: Downloader, account_email: str | None, status_timeout: float
    ) -> None:
        self.name = name
        self.account = {"email": account_email} if account_email else {}
        self._client = client
        self._downloader = downloader
        self._status_timeout = status_timeout

    def create(self, path: str, body: Mapping[str, Any], reference: str) -> Submitted:
        """A paid call. A 2xx that names no job is as unclear as none: something may have been accepted."""
        try:
            answer = self._client.post_paid(path, json={**body, "replyRef": reference, **self.account})
        except NotFound as error:
            raise ServiceRetired(RETIRED, error.status) from error
        try:
            document = answer.json()
        except (ServiceDown, SubmitUnclear) as error:
            if self.is_retired():
                raise ServiceRetired(RETIRED, answer.status) from error
            raise SubmitUnclear(
                f"{self.name} accepted {path} but its answer cannot be read, so nobody knows the job's id."
            ) from error
        job_id = at(document, "jobId")
        if not isinstance(job_id, str) or not job_id:
            raise SubmitUnclear(
                f"{self.name} answered {path} with {answer.status} but named no jobId, so nobody knows what it accepted."
            )
        generation_id = at(document, "generationId")
        return Submitted(job_id, generation_id if isinstance(generation_id, str) else None)

    def upload(self, picture: Path, mime_type: str) -> str:
        """Upload a picture as an asset of type=image; returns its fileId."""
        answer = self._client.post(
            "/ltxstudio/assets/",  # the vendor's page keeps the trailing slash
            params={"type": "image", **self.account},
            data=picture.read_bytes(),
            headers={"Content-Type": mime_type},
        )
        file_id = at(answer.json(), "asset", "fileId")
        if not isinstance(file_id, str) or not file_id:
            raise ServiceDown(f"{self.name} took the upload but named no fileId; it will be uploaded again.")
        return file_id

    def status(self, endpoint: str) -> Status:
        """What an endpoint says about a job. Raises NotFound when it knows none."""
        return _status(self._get(endpoint))._replace(endpoint=endpoint)

    def prefetch_status(self, endpoint: str, answered: Callable[[], None]) -> bool:
        """Send off what `status` is going to ask; see `HttpClient.prefetch`."""
        timeout = self._status_timeout
        return self._client.prefetch(endpoint, answered, timeout=timeout, deadline_seconds=3 * timeout)

    def find(self, reference: str) -> Submitted | None:
        """Look among the running jobs first, then among the newest finished ones, which only their status call tells apart."""
        running = self._get("/ltxstudio/scheduler").json()
        for job in running if isinstance(running, list) else []:
            if isinstance(job, dict) and job.get("replyRef") == reference and job.get("jobId"):
                return Submitted(str(job["jobId"]))
        for job_id in self._newest_jobs():
            if self._reply_ref(job_id) == reference:
                return Submitted(job_id)
        return None

    def fetch(self, url: str, part: Path, max_bytes: int, deadline_seconds: float, kind: str) -> Download:
        """Download a result (`kind`: image or video)."""
        return self._downloader.fetch(
            url, part, max_bytes=max_bytes, deadline_seconds=deadline_seconds, looks_right=LOOKS_RIGHT[kind]
        )

    def is_retired(self) -> bool:
        """Whether the vendor answers as a service does that was switched off: 404, 410 or a web page where its lists should be."""
        return all(self._is_gone(path) for path in ("/ltxstudio/scheduler", "/ltxstudio/accounts"))

    def close(self) -> None:
        self._client.close()
        self._downloader.close()

    def _is_gone(self, path: str) -> bool:
        try:
            answer = self._client.get(path, timeout=self._status_timeout, retries=0)
        except ServiceDown:
            return False
        page = answer.status == 200 and "html" in answer.headers.get("Content-Type", "").lower()
        return page or answer.status in (404, 410)

    def _get(self, path: str, **params: Any) -> Answer:
        answer = self._client.get(
            path, params=params or None, timeout=self._status_timeout, deadline_seconds=3 * self._status_timeout
        )
        raise_for_answer(answer, self.name)
        return answer

    def _newest_jobs(self) -> list[str]:
        items = at(self._get("/ltxstudio/assets/", limit=20, **self.account).json(), "items")
        return [item["jobId"] for item in items or [] if isinstance(item, dict) and isinstance(item.get("jobId"), str)]

    def _reply_ref(self, job_id: str) -> Any:
        try:
            return at(self._get(assets(job_id)).json(), "replyRef")
        except (NotFound, AccountTrouble):
            return None


def missing(settings: Settings) -> str | None:
    """What keeps the API from being used with these settings; None if nothing does."""
    return None if settings.useapi_bearer_token else "it needs USEAPI_BEARER_TOKEN; put it into production.env"


def open_api(settings: Settings, name: str) -> UseApi:
    """The API with the account of the settings. Raises BadSettings when there is no token."""
    if settings.useapi_bearer_token is None:
        raise BadSettings(f"{name} cannot be used: {missing(settings)}.")
    url = settings.useapi_base_url
    client, downloader = open_client(name, url, settings.useapi_bearer_token, settings), open_downloader(url, settings)
    return UseApi(name, client, downloader, settings.useapi_account_email, settings.status_timeout_seconds)


def assets(job_id: str) -> str:
    """The vendor's status endpoint of a job."""
    return f"/ltxstudio/assets/{quote(job_id, safe='')}"


def _status(answer: Answer) -> Status:
    """What a status answer means. An unknown word means `still running`: the job's own deadline ends the wait."""
    document = answer.json()
    word = at(document, "status", "type")
    url = at(document, "status", "artifact", "assetUrl")
    message = answer.presentable(str(at(document, "status", "message") or ""))
    percent = at(document, "status", "progress")
    if word == "failed":
        return Status(Progress.FAILED, message=message or "the service gave no reason")
    if word == "completed" and isinstance(url, str) and url:
        return Status(Progress.READY, url=url)
    if word not in ("active", "completed"):
        log.warning("The service calls the job %r, which its documentation does not; it counts as running.", word)
    return Status(
        Progress.RUNNING, percent=min(100.0, max(0.0, percent)) if type(percent) in (int, float) else None, message=message
    )


def at(document: Any, *keys: str) -> Any:
    """A value inside nested objects; None wherever the way there is missing or of another kind."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document
