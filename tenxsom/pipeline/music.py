"""Orders the music of a film where it is paid for: once, before its clips, and kept.

A piece that is refused, lost or broken is not ordered again by itself: the film gets music of this machine, with a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tenxsom.disk import disk_errors
from tenxsom.errors import BadSettings, BrokenMedia, BrokenState, ServiceRefused
from tenxsom.model import file_names
from tenxsom.model.job import VideoJob
from tenxsom.model.sound_order import SoundOrder, SoundStep
from tenxsom.pipeline.kept_sounds import KeptSound, KeptSounds
from tenxsom.pipeline.payment import PaidCalls
from tenxsom.pipeline.prices import Prices
from tenxsom.safe_files import write_file
from tenxsom.services.base import Submitted
from tenxsom.services.music import registry
from tenxsom.services.music.base import MusicOrder, MusicService
from tenxsom.store.base import Artifacts, Claim


class Composer:
    """Orders music with the services of the settings."""

    def __init__(
        self,
        settings: registry.MusicSettings,
        artifacts: Artifacts,
        paid_calls: PaidCalls,
        prices: Prices,
        open_music: Callable[[str], MusicService],
    ) -> None:
        """`open_music` opens a service, once for all jobs. Raises BadSettings when it cannot be used."""
        self._settings, self._artifacts, self._paid_calls = settings, artifacts, paid_calls
        self._prices, self._open_music = prices, open_music

    def problem(self, service: str) -> str | None:
        """Return why music from a service cannot be ordered here, as part of a sentence; None if it can."""
        if complaint := registry.missing(service, self._settings):
            return complaint
        try:
            self._prices.of_music(service)
        except BadSettings as error:
            return str(error).rstrip(".")
        return None

    def price_of(self, service: str) -> Decimal:
        """Return what a piece costs. Raises BadSettings without a price."""
        return self._prices.of_music(service)

    def compose(self, claim: Claim, service: str, description: str, seed: int | None = None) -> bool:
        """Order the music of a job unless it was ordered before; return whether it is there (`file_names.music_source`).

        Without it a warning is in the report, and the film gets other music. Raises OverBudget and SubmitUnclear when a user must
        decide, TryAgainLater when the service or the disk must be waited for, AccountError when the account is refused.
        """
        job, kept = claim.job, KeptSounds(self._artifacts, claim.job.content_id)
        if self._artifacts.exists(file_names.music_source(job.content_id)):
            _tidy(job, kept)
            return True
        order = job.sound_order(SoundStep.COMPOSE, 0, service, registry.model_of(service, self._settings))
        self._paid_calls.reconcile(claim, order, lambda _: kept)
        if order.step == SoundStep.COMPOSE:
            self._order(claim, order, MusicOrder(description, seed), kept)
        if order.step == SoundStep.DONE and order.reference is not None:
            self._publish(claim, order, order.reference, kept)
        if order.step == SoundStep.DONE:
            return True
        if job.warn(f"{service} made no music for this film, so it has music of this machine: {order.error}"):
            claim.save()
        return False

    def _order(self, claim: Claim, order: SoundOrder, wanted: MusicOrder, kept: KeptSounds) -> None:
        """Order a piece. Paid."""
        composer = self._open_music(order.service)

        def call(reference: str) -> Submitted:
            made = composer.compose(wanted)
            return kept.keep(reference, KeptSound(made.data, {"mime_type": made.mime_type}))

        try:
            self._paid_calls.pay(claim, order, self._prices.of_music(order.service), call)
        except ServiceRefused as error:
            if error.exit_code != 1:
                raise  # the account is refused, which a user can mend
            order.step, order.error = SoundStep.FAILED, str(error)
            claim.save()

    def _publish(self, claim: Claim, order: SoundOrder, reference: str, kept: KeptSounds) -> None:
        """Give a piece its name among the job's files; one that is broken is kept as it came, and given up."""
        from tenxsom.media.sound.reading import check_sound

        name = file_names.music_source(claim.job.content_id)
        part = self._artifacts.scratch(name)
        try:
            data = kept.read(reference).data
            with disk_errors(part):
                write_file(part, data)
            check_sound(part)
        except (BrokenMedia, BrokenState) as error:
            self._artifacts.discard(name)
            order.step, order.error = SoundStep.FAILED, f"it was paid for, but {error}"
            claim.save()
            return
        self._artifacts.publish(part, name)
        kept.remove(reference)


def _tidy(job: VideoJob, kept: KeptSounds) -> None:
    """Remove what a paid call returned where it is published already: a crash came between the two."""
    for order in job.sounds:
        if order.kind == SoundStep.COMPOSE and order.step == SoundStep.DONE and order.reference:
            kept.remove(order.reference)
