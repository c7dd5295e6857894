"""UseAPI.net's LTX Studio API v1: Flux stills, uploaded assets, LTX image-to-video.

The vendor put a notice of retirement on its pages dated 9 March 2026
(https://www.useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets.html). The contract is kept as documented, and the local
studio serves it for real. Facts and their pages:

- creates, ids, durations, aspect ratios: https://useapi.net/docs/api-ltxstudio-v1/post-ltxstudio-videos-ltx-create and
  …/post-ltxstudio-images-flux-create
- status; finished only when `completed` *and* `artifact.assetUrl`: https://useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-assets-jobId
- uploads keep their trailing slash; a generated artifact is refused as a start frame, an upload of `type=image` is taken:
  https://useapi.net/docs/api-ltxstudio-v1/post-ltxstudio-assets
- no idempotency key exists; jobs in progress can be found by `replyRef`: https://useapi.net/docs/api-ltxstudio-v1/get-ltxstudio-scheduler
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tenxsom.errors import AccountTrouble, BadSettings, NotFound, ServiceDown, ServiceRefused, SubmitUnclear
from tenxsom.net.client import Answer, HttpClient, raise_for_answer
from tenxsom.net.download import Download, Downloader
from tenxsom.services.base import Capabilities, ImageOrder, Progress, Status, Submitted, VideoOrder
from tenxsom.settings import Settings

log = logging.getLogger(__name__)

STYLES = frozenset({
    "cinematic", "vintage", "low_key", "indy", "y2k", "pop", "grunge", "dreamy",
    "hand_drawn", "2d_novel", "boost", "scribble", "film_noir", "anime", "3d_cartoon", "colored",
})  # fmt: skip
"""The styles that Flux knows by name; any other style is said in the prompt."""

CAPABILITIES = Capabilities(
    durations=(3, 5, 7, 9, 15, 30),
    aspect_ratios=("16:9", "9:16", "1:1"),
    prompt_limit=2000,
    concurrent_submissions=10,  # the accounts page: it slows down above roughly 10 jobs
    first_check_seconds=45,
    longest_check_seconds=600,
    image_check_seconds=3,  # what the vendor's own pollForResult waits between two looks
    image_wait_seconds=90,
)

RETIRED = (
    "UseAPI.net retired its LTX Studio API in March 2026 and answers as a service that is gone."
    " Rehearse with VIDEO_SERVICE=local_studio; see 'What the vendor retired' in README.md."
)


class UseApiLtx:
    """The service over one HttpClient (which holds the token) and one Downloader (which never sees it)."""

    name = "useapi_ltx"
    capabilities = CAPABILITIES

    def __init__(
        self, client: HttpClient, downloader: Downloader, account_email: str | None = None, status_timeout: float = 15.0
    ) -> None:
        self._client = client
        self._downloader = downloader
        self._account = {"email": account_email} if account_email else {}
        self._status_timeout = status_timeout
        self._vendor_endpoint_answers = False

    def request_image(self, order: ImageOrder, reference: str) -> Submitted:
        return self._create("/ltxstudio/images/flux-create", self._image_body(order, reference))

    def image_status(self, job_id: str) -> Status:
        return _status(self._get(_assets(job_id)))

    def upload_image(self, picture: Path, mime_type: str) -> str:
        answer = self._client.post(
            "/ltxstudio/assets/",
            params={"type": "image", **self._account},
            data=picture.read_bytes(),
            headers={"Content-Type": mime_type},
        )
        file_id = _at(answer.json(), "asset", "fileId")
        if not isinstance(file_id, str) or not file_id:
            raise ServiceDown(f"{self.name} took the upload but named no fileId; it will be uploaded again.")
        return file_id

    def request_video(self, order: VideoOrder, reference: str) -> Submitted:
        return self._create("/ltxstudio/videos/ltx-create", self._video_body(order, reference))

    def first_endpoint(self, submitted: Submitted) -> str:
        """The specification's endpoint where the create call named a generation, until the vendor's own one has answered."""
        if submitted.generation_id and not self._vendor_endpoint_answers:
            return _generations(submitted.generation_id)
        return _assets(submitted.job_id)

    def video_status(self, video: dict[str, Any], endpoint: str | None) -> Status:
        for candidate in self._candidates(video, endpoint):
            try:
                answer = self._get(candidate)
            except NotFound:
                continue
            self._vendor_endpoint_answers |= candidate.startswith("/ltxstudio/assets/")
            return _status(answer)._replace(endpoint=candidate)
        raise NotFound(f"{self.name} knows no such job any more, at none of its status endpoints.", 404)

    def find_submission(self, reference: str) -> Submitted | None:
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
        return self._downloader.fetch(
            url, part, max_bytes=max_bytes, deadline_seconds=deadline_seconds, looks_right=LOOKS_RIGHT[kind]
        )

    def settle(self, seconds: float) -> None:
        """Nothing of a remote vendor's runs in this process."""

    def close(self) -> None:
        self._client.close()
        self._downloader.close()

    def _image_body(self, order: ImageOrder, reference: str) -> dict[str, Any]:
        body: dict[str, Any] = {"prompt": order.prompt, "aspectRatio": order.aspect_ratio, "replyRef": reference, **self._account}
        if order.style in STYLES:
            body["style"] = order.style
        if order.seed is not None:
            body["seed"] = order.seed
        return body

    def _video_body(self, order: VideoOrder, reference: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "prompt": order.prompt,
            "duration": f"{order.seconds:g}",  # the vendor wants a text: "5"
            "aspectRatio": order.aspect_ratio,
            "replyRef": reference,
            **self._account,
        }
        if order.start_file_id:
            body["startAssetId"] = order.start_file_id
        if order.seed is not None:
            body["seed"] = order.seed
        return body

    def _create(self, path: str, body: Mapping[str, Any]) -> Submitted:
        """A paid call. A 2xx that names no job is as unclear as none: something may have been accepted."""
        try:
            answer = self._client.post_paid(path, json=body)
        except NotFound as error:
            raise ServiceRefused(RETIRED, error.status) from error
        try:
            document = answer.json()
        except ServiceDown as error:
            raise SubmitUnclear(
                f"{self.name} accepted {path} but its answer cannot be read, so nobody knows the job's id."
            ) from error
        job_id = _at(document, "jobId")
        if not isinstance(job_id, str) or not job_id:
            raise SubmitUnclear(
                f"{self.name} answered {path} with {answer.status} but named no jobId, so nobody knows what it accepted."
            )
        generation_id = _at(document, "generationId")
        return Submitted(job_id, generation_id if isinstance(generation_id, str) else None)

    def _get(self, path: str, **params: Any) -> Answer:
        answer = self._client.get(
            path, params=params or None, timeout=self._status_timeout, deadline_seconds=3 * self._status_timeout
        )
        raise_for_answer(answer, self.name)
        return answer

    def _candidates(self, video: Mapping[str, Any], endpoint: str | None) -> list[str]:
        """Where to ask, best first, each once: what answered last, the specification's endpoint, the vendor's own."""
        vendor = _assets(video["job_id"])
        specified = _generations(video["generation_id"]) if video.get("generation_id") else None
        asked = [_path_of(endpoint), specified, vendor]
        if self._vendor_endpoint_answers:
            asked.insert(0, vendor)
        return list(dict.fromkeys(path for path in asked if path))

    def _newest_jobs(self) -> list[str]:
        items = _at(self._get("/ltxstudio/assets/", limit=20, **self._account).json(), "items")
        return [item["jobId"] for item in items or [] if isinstance(item, dict) and isinstance(item.get("jobId"), str)]

    def _reply_ref(self, job_id: str) -> Any:
        try:
            return _at(self._get(_assets(job_id)).json(), "replyRef")
        except (NotFound, AccountTrouble):
            return None


def open_service(settings: Settings) -> UseApiLtx:
    """The service with the account of the settings. Raises BadSettings when there is no token."""
    if settings.useapi_bearer_token is None:
        raise BadSettings("The service useapi_ltx needs USEAPI_BEARER_TOKEN; put it into production.env.")
    client = HttpClient(
        settings.useapi_base_url,
        headers={"Authorization": f"Bearer {settings.useapi_bearer_token.reveal()}"},
        name=UseApiLtx.name,
        proxies=settings.proxies,
        pool_size=settings.poll_concurrency,
        ca_file=settings.tls_ca_file,
    )
    downloader = Downloader(proxies=settings.proxies, service_url=settings.useapi_base_url, ca_file=settings.tls_ca_file)
    return UseApiLtx(client, downloader, settings.useapi_account_email, settings.status_timeout_seconds)


def _assets(job_id: str) -> str:
    return f"/ltxstudio/assets/{quote(job_id, safe='')}"


def _generations(generation_id: str) -> str:
    return f"/ltxstudio/generations/{quote(generation_id, safe='')}"


def _path_of(endpoint: str | None) -> str | None:
    """The part of a stored endpoint that follows the base URL; the original system stored whole addresses."""
    if endpoint and "/ltxstudio/" in endpoint:
        return "/ltxstudio/" + endpoint.split("/ltxstudio/", 1)[1]
    return None


def _status(answer: Answer) -> Status:
    """What a status answer means. An unknown word means `still running`: the job's own deadline ends the wait."""
    document = answer.json()
    word = _at(document, "status", "type")
    url = _at(document, "status", "artifact", "assetUrl")
    message = answer.presentable(str(_at(document, "status", "message") or ""))
    percent = _at(document, "status", "progress")
    if word == "failed":
        return Status(Progress.FAILED, message=message or "the service gave no reason")
    if word == "completed" and isinstance(url, str) and url:
        return Status(Progress.READY, url=url)
    if word not in ("active", "completed"):
        log.warning("The service calls the job %r, which its documentation does not; it counts as running.", word)
    return Status(
        Progress.RUNNING, percent=min(100.0, max(0.0, percent)) if isinstance(percent, int | float) else None, message=message
    )


def _at(document: Any, *keys: str) -> Any:
    """A value inside nested objects; None wherever the way there is missing or of another kind."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _looks_like_mp4(start: bytes) -> str | None:
    return None if start[4:8] in (b"ftyp", b"moov", b"free", b"skip", b"wide") else "it does not begin like an MP4 file"


def _looks_like_picture(start: bytes) -> str | None:
    known = start.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")
    return None if known else "it does not begin like a PNG, JPEG or WebP picture"


LOOKS_RIGHT = {"image": _looks_like_picture, "video": _looks_like_mp4}
