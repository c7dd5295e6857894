"""Chooses the service, the model and the source of start frames of a job, before anything is paid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tenxsom.errors import BadSettings
from tenxsom.model.clip import START_FRAME_OF_OLD
from tenxsom.model.job import VideoJob
from tenxsom.model.parts import RouteRecord
from tenxsom.services import registry as services
from tenxsom.services.base import Capabilities, StartFrames, Variant
from tenxsom.services.images import registry as stills
from tenxsom.services.images.base import NONE, OWN_PICTURE
from tenxsom.settings import SERVICES, Settings

if TYPE_CHECKING:
    from tenxsom.model.definition import JobDefinition
    from tenxsom.store.templates import Templates


class Route(NamedTuple):
    """A service, its model and resolution, and the source of start frames."""

    service: str
    variant: Variant
    start_frame: str
    reason: str
    """The reason for this service, in a few words."""
    start_image: str | None = None
    """The user's own picture: an https address or the name of an artifact; a path until its job is accepted."""

    @property
    def capabilities(self) -> Capabilities:
        return services.capabilities(self.service, self.variant)

    def record(self) -> RouteRecord:
        """Return the route without its service, for a job's state file."""
        return RouteRecord(
            model=self.variant.model,
            resolution=self.variant.resolution,
            start_frame=self.start_frame,
            start_image=self.start_image,
            reason=self.reason,
        )

    def describe(self) -> str:
        """Return the route as text for messages."""
        words = " ".join(filter(None, (self.service, *self.variant)))
        return f"{words} ({self.reason})" if self.reason else words


def route_of(job: VideoJob) -> Route:
    """Return the route of an accepted job; jobs of earlier versions have one fixed route for each service."""
    return kept_route(job.service, job.route.as_dict())


def kept_route(service: str, kept: Mapping[str, Any]) -> Route:
    """Return the route in a state file or a report."""
    variant = Variant(str(kept.get("model", "")), str(kept.get("resolution", "")))
    return Route(
        service,
        variant,
        str(kept.get("start_frame", START_FRAME_OF_OLD)),
        str(kept.get("reason", "")),
        kept.get("start_image") or None,
    )


class Chooser:
    """Chooses routes that this installation can use. Every method raises BadSettings, which names the remedy."""

    def __init__(self, settings: Settings, templates: Templates) -> None:
        self._settings = settings
        self._templates = templates

    def choose(self, definition: JobDefinition, wanted: str | None = None, *, usable: bool = True) -> Route:
        """Return the route of a definition: over the `wanted` service, else the definition's, else VIDEO_SERVICE.

        An estimate needs no credentials: with `usable=False` the route may lack them.
        """
        settings = self._settings
        if wanted:
            name, reason = wanted, "asked for with --service"
        elif definition.service:
            name, reason = definition.service, "named by the definition"
        elif settings.video_service != "auto":
            name, reason = settings.video_service, "VIDEO_SERVICE"
        else:
            name, reason = self._automatic()
        return self.route(name, services.default_variant(name, settings), definition.start_image, reason, usable=usable)

    def by_tier(self, tier: str, start_image: str | None = None, *, usable: bool = True) -> Route:
        """Return the route over the first usable service of the tier in templates/tiers.json."""
        reasons = []
        for entry in self._tier_entries(tier):
            name = str(entry.get("service"))
            trouble = services.missing_credentials(name, self._settings)
            if trouble is None or not usable:
                default = services.default_variant(name, self._settings)
                variant = Variant(entry.get("model", default.model), entry.get("resolution", default.resolution))
                return self.route(name, variant, start_image, f"tier {tier}", usable=usable)
            reasons.append(f"{name}: {trouble}")
        raise BadSettings(
            f"No service of the tier {tier!r} can be used ({'; '.join(reasons) or 'templates/tiers.json names none'})."
        )

    def route(self, name: str, variant: Variant, start_image: str | None, reason: str, *, usable: bool = True) -> Route:
        """Return the route over a service, with the source of start frames from the settings."""
        trouble = services.missing_credentials(name, self._settings)
        if usable and trouble:
            raise BadSettings(f"The service {name} cannot be used: {trouble}. ({services.PREVIEW} needs no account.)")
        source = self._start_frame(name, services.capabilities(name, variant), start_image)
        trouble = stills.missing_credentials(source, name, self._settings)
        if usable and trouble:
            raise BadSettings(f"Start frames from {source} cannot be made: {trouble}.")
        return Route(name, variant, source, reason, start_image)

    def fallbacks(self, route: Route) -> Iterator[Route]:
        """Yield the usable routes of VIDEO_SERVICE_FALLBACK for a route, best first."""
        for name in self._settings.video_service_fallback:
            if name == route.service:
                continue
            try:
                variant = services.default_variant(name, self._settings)
                yield self.route(name, variant, route.start_image, "VIDEO_SERVICE_FALLBACK")
            except BadSettings:
                continue

    def every(self, definition: JobDefinition) -> Iterator[tuple[str, Route | BadSettings]]:
        """Yield every service with its route for a definition, usable or not, or with the error."""
        for name in SERVICES:
            try:
                variant = services.default_variant(name, self._settings)
                yield name, self.route(name, variant, definition.start_image, "", usable=False)
            except BadSettings as error:
                yield name, error

    def missing_credentials(self, route: Route) -> str | None:
        """Return what a route needs before it can be used; None if nothing is missing."""
        return services.missing_credentials(route.service, self._settings) or stills.missing_credentials(
            route.start_frame, route.service, self._settings
        )

    def _automatic(self) -> tuple[str, str]:
        for name in services.AUTOMATIC:
            if services.missing_credentials(name, self._settings) is None:
                return name, "the first with credentials"
        return services.PREVIEW, "no vendor's credentials are set"

    def _start_frame(self, name: str, capabilities: Capabilities, start_image: str | None) -> str:
        wanted = self._settings.start_frames
        if start_image:
            return OWN_PICTURE
        if wanted == "auto":
            return stills.default_source(capabilities)
        if wanted == NONE and capabilities.start_frames == StartFrames.NEEDED:
            raise BadSettings(
                f"START_FRAMES=none cannot work with {name}, which needs a start frame;"
                f" use auto or {stills.default_source(capabilities)}."
            )
        return wanted

    def _tier_entries(self, tier: str) -> list[Mapping[str, Any]]:
        entry = self._templates.tiers.get(tier)
        routes = entry.get("routes") if isinstance(entry, dict) else None
        if not isinstance(routes, list) or not all(isinstance(item, dict) for item in routes):
            raise BadSettings(f"templates/tiers.json gives the tier {tier!r} no list of routes; restore the program's own copy.")
        return routes
