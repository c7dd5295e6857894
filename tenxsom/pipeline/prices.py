"""What the paid calls of a clip cost, and who is paid: from templates/prices.json."""

from __future__ import annotations

from decimal import Decimal

from tenxsom.errors import BadSettings
from tenxsom.model import money
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import VideoJob
from tenxsom.pipeline.routing import Route
from tenxsom.services.images.base import FLUX, VERTEX_IMAGE
from tenxsom.settings import Settings
from tenxsom.store.templates import Templates


class Prices:
    """The price list of this installation. Raises BadSettings when templates/prices.json does not know what is asked for."""

    def __init__(self, templates: Templates, settings: Settings) -> None:
        self._templates = templates
        self._image_model = settings.vertex_image_model_id

    def of_clip(self, job: VideoJob, clip: Clip) -> Decimal:
        """The paid video call of a clip."""
        service = job.service_of(clip)
        try:
            return money.clip_price(self._templates.prices, service, clip.model, clip.resolution, clip.seconds)
        except (KeyError, TypeError, ArithmeticError):
            raise _unknown(" ".join(filter(None, (service, clip.model, clip.resolution)))) from None

    def of_still(self, job: VideoJob, clip: Clip) -> Decimal:
        """The paid image call of a clip; 0 for one whose start frame is not ordered."""
        try:
            return money.still_price(self._templates.prices, clip.start_frame, payee(job, clip), self._image_model)
        except (KeyError, TypeError, ArithmeticError):
            raise _unknown(f"start frames from {clip.start_frame}") from None

    def check(self, route: Route) -> None:
        """Raise BadSettings when a route's clips or stills have no price, before anything is begun with it."""
        prices = self._templates.prices
        try:
            money.clip_price(prices, route.service, *route.variant, seconds=1)
            money.still_price(prices, route.start_frame, _painter(route.service, route.start_frame), self._image_model)
        except (KeyError, TypeError, ArithmeticError):
            raise _unknown(
                " ".join(filter(None, (route.service, *route.variant, f"with start frames from {route.start_frame}")))
            ) from None

    def of_job(self, job: VideoJob) -> Decimal:
        """All paid calls of all clips, as if none had been made."""
        return sum((self.of_still(job, clip) + self.of_clip(job, clip) for clip in job.clips), money.ZERO)


def payee(job: VideoJob, clip: Clip, step: str | None = None) -> str:
    """Who is paid for a step of a clip, the present one by default: the service, or the source of its start frame."""
    service = job.service_of(clip)
    return service if (step or clip.step) == Step.REQUEST_VIDEO else _painter(service, clip.start_frame)


def _painter(service: str, start_frame: str) -> str:
    """Who is paid for a start frame."""
    if start_frame == FLUX:
        return service if service == "local_studio" else "useapi_ltx"
    return VERTEX_IMAGE if start_frame == VERTEX_IMAGE else service


def _unknown(what: str) -> BadSettings:
    return BadSettings(f"templates/prices.json has no usable price for {what}; add it, 0 where nothing is charged.")
