"""The prices of a clip's paid calls, and the services that bill them. templates/prices.json overrides what services declare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tenxsom import clock
from tenxsom.errors import BadSettings
from tenxsom.model import money
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import VideoJob
from tenxsom.model.sound_order import SoundOrder
from tenxsom.pipeline.routing import Route
from tenxsom.services import registry as services
from tenxsom.services.images import registry as stills
from tenxsom.services.music import registry as music
from tenxsom.settings import Settings
from tenxsom.voices import registry as voices

if TYPE_CHECKING:
    from tenxsom.store.templates import Templates


class Prices:
    """The price list of this installation. Raises BadSettings for a missing price."""

    def __init__(self, templates: Templates, settings: Settings) -> None:
        self._templates = templates
        self._settings = settings

    @cached_property
    def _list(self) -> dict[str, Any]:
        """Return templates/prices.json, with the published prices of services and sources that it does not name.

        A service without a published price must be named: only the user knows what it costs.
        """
        written = self._templates.prices
        of_services = {name: services.prices(name) for name in services.SERVICES if "models" in services.prices(name)}
        of_stills = {name: stills.prices(name) for name in stills.SOURCES if stills.prices(name)}
        of_voices = {name: voices.prices(name) for name in voices.VOICES if voices.prices(name)}
        of_music = {name: music.prices(name) for name in music.MUSIC}
        return written | {
            "services": of_services | written["services"],
            "stills": of_stills | written.get("stills", {}),
            "voices": of_voices | written.get("voices", {}),
            "music": of_music | written.get("music", {}),
        }

    def of_clip(self, job: VideoJob, clip: Clip) -> Decimal:
        """Return the price of a clip's video call."""
        service = job.service_of(clip)
        try:
            return money.clip_price(self._list, service, clip.model, clip.resolution, clip.seconds)
        except (KeyError, TypeError, ArithmeticError):
            raise _unknown(" ".join(filter(None, (service, clip.model, clip.resolution)))) from None

    def of_still(self, job: VideoJob, clip: Clip) -> Decimal:
        """Return the price of a clip's image call; 0 where the start frame is not ordered."""
        try:
            return money.still_price(
                self._list,
                clip.start_frame,
                billed_service(job, clip),
                stills.model_of(clip.start_frame, self._settings),
            )
        except (KeyError, TypeError, ArithmeticError):
            raise _unknown(f"start frames from {clip.start_frame}") from None

    def of_voice(self, service: str, text: str, usage: Mapping[str, int]) -> Decimal:
        """Return the price of a spoken text, with the tokens of text and sound that the voice counts, or that are expected."""
        model = voices.model_of(service, self._settings)
        tokens = {name: usage.get(name, 0) for name in ("input_tokens", "audio_tokens")}
        try:
            return money.voice_price(self._list, service, model, clock.day(), characters=len(text), **tokens)
        except (KeyError, TypeError, ArithmeticError):
            raise _unknown(f"the voice {service} {model}") from None

    def of_music(self, service: str) -> Decimal:
        """Return the price of a piece of music."""
        model = music.model_of(service, self._settings)
        try:
            return money.music_price(self._list, service, model)
        except (KeyError, TypeError, ArithmeticError):
            raise _unknown(f"music from {service} {model}") from None

    def of_seconds(self, route: Route, seconds: float) -> Decimal:
        """Return the price of a clip of so many seconds on a route, with its start frame."""
        prices = self._list
        billed, model = stills.billed_service(route.start_frame, route.service), stills.model_of(route.start_frame, self._settings)
        try:
            still = money.still_price(prices, route.start_frame, billed, model)
            return still + money.clip_price(prices, route.service, *route.variant, seconds)
        except (KeyError, TypeError, ArithmeticError):
            what = (route.service, *route.variant, f"with start frames from {route.start_frame}")
            raise _unknown(" ".join(filter(None, what))) from None

    def check(self, route: Route) -> None:
        """Raise BadSettings when a route's clips or stills have no price, before anything begins."""
        self.of_seconds(route, 1)

    def of_rest(self, job: VideoJob, unpaid: Sequence[Clip]) -> Decimal:
        """Return the price of clips that are not ordered yet, with the stills that they still need."""
        stills_too = [self.of_still(job, clip) for clip in unpaid if clip.step == Step.REQUEST_IMAGE]
        return sum((self.of_clip(job, clip) for clip in unpaid), sum(stills_too, money.ZERO))

    def of_job(self, job: VideoJob) -> Decimal:
        """Return the price of all paid calls for clips and music, including those already made."""
        paid_music = self.of_music(job.film.music) if job.film and job.film.music in music.MUSIC else money.ZERO
        return sum((self.of_still(job, clip) + self.of_clip(job, clip) for clip in job.clips), paid_music)


def billed_service(job: VideoJob, clip: Clip | SoundOrder, step: str | None = None) -> str:
    """Return who bills a step of a clip (default: the current one): the service, or the source of its start frame."""
    if isinstance(clip, SoundOrder):
        return clip.service
    service = job.service_of(clip)
    return service if (step or clip.step) == Step.REQUEST_VIDEO else stills.billed_service(clip.start_frame, service)


def _unknown(what: str) -> BadSettings:
    return BadSettings(f"templates/prices.json has no usable price for {what}; add it, 0 where nothing is charged.")
