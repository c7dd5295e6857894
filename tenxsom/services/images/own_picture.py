"""Uses the user's own picture as a start frame: a local file or an https address. Nothing is ordered or paid."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from tenxsom import atomic
from tenxsom.disk import disk_errors, is_there
from tenxsom.errors import NotFound, ServiceRefused
from tenxsom.http.downloads import Download, Downloader
from tenxsom.media.first_bytes import picture_problem
from tenxsom.services.base import GenerationState, GenerationStatus, PriceEntry, Submitted
from tenxsom.services.images.base import OWN_PICTURE, ImageOrder, PollPolicy
from tenxsom.services.images.picture_place import MAX_BYTES, is_address, read_picture
from tenxsom.setting_groups import NetworkSettings

PRICES: PriceEntry | None = None


class OwnPicture:
    """Fetches the user's pictures; `job_id` and `url` are both the address, or the name of the stored picture."""

    name = OWN_PICTURE
    poll_policy = PollPolicy(check_seconds=1, wait_seconds=1)
    can_reconcile = False

    def __init__(self, downloader: Downloader, local: Callable[[str], Path]) -> None:
        """`local` returns the path of a stored picture on this machine (`Artifacts.local`)."""
        self._downloader = downloader
        self._local = local

    def request_image(self, order: ImageOrder, reference: str) -> NoReturn:  # noqa: ARG002  (nothing is ever ordered)
        raise ServiceRefused("A picture of your own is fetched, not ordered.")  # its clips begin at FETCH_IMAGE

    def image_status(self, image: Mapping[str, Any], endpoint: str | None) -> GenerationStatus:  # noqa: ARG002  (it is a file or an address)
        job_id = image["job_id"]
        if not is_address(job_id):
            path = self._path_of(job_id)
            with disk_errors(path, "read"):
                if not is_there(path, stat.S_ISREG):
                    raise NotFound(f"The start_image {job_id} is not there any more.")
        return GenerationStatus(GenerationState.READY, url=job_id)

    def fetch_image(self, url: str, part: Path, max_bytes: int, deadline_seconds: float) -> Download:
        """Copy or download the picture. Raises BrokenMedia for a file that is too large or not a picture."""
        if is_address(url):
            most = min(max_bytes, MAX_BYTES)
            return self._downloader.fetch(
                url, part, max_bytes=most, deadline_seconds=deadline_seconds, find_problem=picture_problem
            )
        data = read_picture(self._path_of(url))
        atomic.write(part, data)
        return Download(part, len(data), hashlib.sha256(data).hexdigest(), "")

    def find_submission(self, reference: str) -> Submitted | None:  # noqa: ARG002  (nothing is ever submitted)
        return None

    def ping(self) -> None:
        """Do nothing: there is no service to check."""

    def discard(self, job_id: str) -> None:
        """Do nothing: the picture stays until the job ends, because another clip may begin with it."""

    def close(self) -> None:
        self._downloader.close()

    def _path_of(self, name: str) -> Path:
        """Return the path of a stored picture; states of earlier versions have an absolute path. Raises NotFound."""
        if Path(name).is_absolute():
            return Path(name)
        try:
            path = self._local(name)
        except FileNotFoundError:
            raise NotFound(f"The start_image {name} is not there any more.") from None
        return path.parent.resolve() / path.name


def billed_service(service: str) -> str:
    """Return the service of the clips: nothing is billed for a picture of the user."""
    return service


def model_of(settings: NetworkSettings) -> str | None:  # noqa: ARG001  (every source is asked alike)
    return None


def missing_credentials(settings: NetworkSettings) -> str | None:  # noqa: ARG001  (every source is asked alike)
    return None


def id_problem(job_id: str) -> str:  # noqa: ARG001  (every source is asked alike)
    """Return that there is no such id: a picture of the user is never ordered."""
    return "is no order: a picture of your own is fetched, not ordered"


def open_source(settings: NetworkSettings, local: Callable[[str], Path]) -> OwnPicture:
    return OwnPicture(Downloader(proxies=settings.proxies, ca_file=settings.tls_ca_file), local)
