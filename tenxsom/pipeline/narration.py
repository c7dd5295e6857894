"""Makes the narration of a job, before its clips: one call of the voice per segment, checked and saved one by one.

A paid voice is paid for through `PaidCalls`: once, within the budget, its sound kept. A voice that fails is not paid again by
itself: the next free voice of this machine takes over from the first segment, so that one voice speaks the whole film, or the
film has captions only. Both are warnings in the report. What a user must decide, and what is only a matter of time, is raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from tenxsom import clock
from tenxsom.errors import BadInput, BadSettings, BrokenState, Problem, ServiceRefused
from tenxsom.model import file_names, money
from tenxsom.model.blueprint import Blueprint
from tenxsom.model.definition import JobDefinition
from tenxsom.model.job import VideoJob
from tenxsom.model.narration import SILENT, Narration, SpokenSegment, SpokenWord
from tenxsom.model.sound_order import SoundOrder, SoundStep
from tenxsom.pipeline.kept_sounds import KeptSound, KeptSounds
from tenxsom.pipeline.payment import PaidCalls
from tenxsom.pipeline.prices import Prices
from tenxsom.services.base import Submitted
from tenxsom.store.base import Artifacts, Claim
from tenxsom.voices import registry
from tenxsom.voices.base import Line, Speech, Voice, WordTime
from tenxsom.voices.pronunciation import as_said
from tenxsom.voices.registry import Wish
from tenxsom.voices.syllables import syllables

FREE_TRIES = 2
"""How often a free voice says a line whose sound is refused; the second time with another seed."""
SYLLABLES_A_SECOND = 4.2
"""A usual speed, for estimates."""
MOST_SECONDS_MORE = 2.0
"""The factor of the usual length for which money is reserved."""
MOST_COUNTED_TOKENS = 10_000_000
"""A service that counts more tokens in a sentence, or fewer than none, has miscounted: the reserved price stays."""
READING_SYLLABLES_A_SECOND = 4.5
"""How fast words are read on a screen."""


class Script(NamedTuple):
    """What is to be said, and how."""

    definition: JobDefinition
    blueprint: Blueprint
    wish: Wish

    @property
    def language(self) -> str:
        return self.definition.language

    @property
    def texts(self) -> list[str]:
        return [segment.content for segment in self.blueprint.video_plan.script_segments]

    def line(self, index: int, attempt: int = 0) -> Line:
        """Return a segment as the voice is given it."""
        said = as_said(self.texts[index], self.definition.pronunciations or {})
        style = self.wish.style or self.blueprint.video_plan.voice
        seed = (self.definition.seed or 0) + index + 1000 * attempt
        return Line(said, self.language, self.wish.speed, style, seed)


class _VoiceFailed(Exception):  # an end of this voice for this job, not of the job
    """The voice cannot speak a segment; the reason is a sentence without its full stop."""


class Narrator:
    """Makes narrations with the voices of the settings."""

    def __init__(
        self,
        settings: registry.VoiceSettings,
        artifacts: Artifacts,
        paid_calls: PaidCalls,
        prices: Prices,
        open_voice: Callable[[str, str | None], Voice],
    ) -> None:
        """`open_voice` opens a voice service with a speaker, once for all jobs. Raises BadSettings when it cannot be used."""
        self._settings, self._artifacts, self._paid_calls = settings, artifacts, paid_calls
        self._prices, self._open_voice = prices, open_voice

    def problems(
        self, definition: JobDefinition, brand_voice: str | Mapping[str, Any] | None = None, *, usable: bool = True
    ) -> list[Problem]:
        """Return why a definition's voice cannot be used here, before anything begins; empty if it can.

        Without `usable` the voice may lack what it needs, such as credentials and a price.
        """
        if not definition.narration:
            return []
        wish = self._wish(definition, brand_voice)
        found = registry.problems(wish, definition.language, self._settings, usable=usable)
        if usable and not found and wish.service in registry.VOICES and registry.is_paid(wish.service, self._settings):
            found = self._price_problems(wish.service)
        return [Problem("voice", sentence) for sentence in found]

    def paid_service(self, definition: JobDefinition, brand_voice: str | Mapping[str, Any] | None = None) -> str | None:
        """Return the service that bills the voice of a definition; None for a free one."""
        if not definition.narration:
            return None
        found = registry.candidates(self._wish(definition, brand_voice), definition.language, self._settings)
        return found[0] if found and registry.is_paid(found[0], self._settings) else None

    def warnings(self, definition: JobDefinition, brand_voice: str | Mapping[str, Any] | None = None) -> list[str]:
        """Return what the user should know about the voice before anything is paid, such as that none speaks the language."""
        if not definition.narration:
            return []
        wish = self._wish(definition, brand_voice)
        found = registry.candidates(wish, definition.language, self._settings)
        return self._warnings(found[0] if found else SILENT, wish, definition.language)

    def price_of(
        self, definition: JobDefinition, blueprint: Blueprint, brand_voice: str | Mapping[str, Any] | None = None
    ) -> Decimal:
        """Return about what the voice of a plan costs; 0 for a free one. Raises BadSettings without a price."""
        service = self.paid_service(definition, brand_voice)
        if service is None:
            return money.ZERO
        script = Script(definition, blueprint, self._wish(definition, brand_voice))
        return sum((self._price(service, script.line(index).text, 1.0) for index in range(len(script.texts))), money.ZERO)

    def narrate(
        self,
        claim: Claim,
        definition: JobDefinition,
        deadline: clock.Deadline | None = None,
        brand_voice: str | Mapping[str, Any] | None = None,
    ) -> bool:
        """Make what is missing of a job's narration; return whether it is complete. After `deadline` the next run goes on.

        Raises OverBudget and SubmitUnclear when a user must decide, TryAgainLater when a service or the disk must be waited for,
        AccountError when a service refuses the account. Everything before is saved.
        """
        job = claim.job
        if job.narration and job.narration.complete:
            return True
        if job.blueprint is None:
            raise BadInput(f"{job.content_id} has no plan yet; it has no words to say.")
        script = Script(definition, job.blueprint, self._wish(definition, brand_voice))
        while True:
            narration = self._begun(claim, script)
            try:
                return self._continue(claim, script, narration, deadline)
            except _VoiceFailed as failure:
                self._give_up_voice(claim, narration, str(failure))

    def _continue(self, claim: Claim, script: Script, narration: Narration, deadline: clock.Deadline | None) -> bool:
        """Make the missing segments of one voice."""
        for index in range(len(narration.segments), len(script.texts)):
            clock.check_stop()
            if deadline is not None and deadline.passed():
                return False
            segment = _read(script, index) if narration.is_silent else self._spoken(claim, script, narration, index)
            narration.segments.append(segment)
            claim.save()
        self._tidy(claim.job, narration)
        narration.complete = True
        claim.job.record("narrated", f"{narration.voice}, {narration.seconds:.1f} s", timing=narration.timing)
        claim.save()
        return True

    def _begun(self, claim: Claim, script: Script) -> Narration:
        """Return the job's narration, which is begun with the best voice that has not failed for it."""
        job, kept = claim.job, claim.job.narration
        given_up = kept.given_up if kept else []
        found = self._candidates(script, given_up)
        self._check_wish(script, given_up)
        voice = found[0] if found else SILENT
        if kept and (kept.voice == voice or kept.segments) and kept.voice not in given_up:
            return kept  # what is begun goes on, although another voice was installed meanwhile
        name = self._open(voice, script.wish).name if voice != SILENT else ""
        narration = Narration(voice=voice, name=name, language=script.language, given_up=given_up)
        narration.warnings = [*(kept.warnings if kept else []), *self._warnings(voice, script.wish, script.language, given_up)]
        for sentence in narration.warnings if script.definition.narration else ():
            job.warn(sentence)
        job.narration = narration
        claim.save()
        return narration

    def _candidates(self, script: Script, given_up: list[str]) -> list[str]:
        if not script.definition.narration:
            return []
        found = registry.candidates(script.wish, script.language, self._settings)
        return [name for name in found if name not in given_up]

    def _check_wish(self, script: Script, given_up: list[str]) -> None:
        """Raise BadSettings when the wished voice is not there any more: another one must not take its place by itself."""
        service = script.wish.service
        if script.definition.narration and service in registry.VOICES and service not in given_up:
            speaker = registry.speaker_of(service, script.wish, self._settings)
            if complaint := registry.missing(service, self._settings, speaker):
                raise BadSettings(f"{complaint[0].upper()}{complaint[1:]}.")

    def _give_up_voice(self, claim: Claim, narration: Narration, reason: str) -> None:
        """Note that a voice cannot speak this job; another begins from the first segment."""
        narration.given_up.append(narration.voice)
        for warnings in (narration.warnings, claim.job.warnings):  # what is told of a voice is no news of a film without it
            warnings[:] = [sentence for sentence in warnings if sentence != registry.WARNINGS.get(narration.voice)]
        narration.warnings.append(f"{reason}. {narration.voice} is not asked again, and nothing is paid for it twice.")
        for index in range(len(narration.segments)):
            self._artifacts.remove(file_names.voice(claim.job.content_id, index))
        narration.segments = []
        claim.job.record("voice_given_up", reason)
        claim.save()

    def _spoken(self, claim: Claim, script: Script, narration: Narration, index: int) -> SpokenSegment:
        """Return a segment, spoken and stored. Raises _VoiceFailed."""
        from tenxsom.voices.takes import take_from

        job, line = claim.job, script.line(index)
        is_paid = registry.is_paid(narration.voice, self._settings)
        complaint = ""
        for attempt in range(1 if is_paid else FREE_TRIES):
            speech = self._paid(claim, script, narration, index) if is_paid else self._free(script, narration, index, attempt)
            take = take_from(speech, script.texts[index], line.text, script.language, line.speed)
            if not isinstance(take, str):
                name = file_names.voice(job.content_id, index)
                self._artifacts.write(name, take.wav)
                words = [SpokenWord(text=word.text, start=word.start, end=word.end) for word in take.words]
                digest = hashlib.sha256(take.wav).hexdigest()
                return SpokenSegment(
                    index=index, text=script.texts[index], file=name, seconds=round(take.seconds, 3), words=words,
                    timing=take.timing, sha256=digest,
                )  # fmt: skip
            complaint = take
        raise _VoiceFailed(f"{narration.voice} did not say segment {index + 1} as it should: {complaint}")

    def _free(self, script: Script, narration: Narration, index: int, attempt: int) -> Speech:
        """Let a free voice speak a segment. Raises _VoiceFailed, and ServiceDown while its server is down."""
        try:
            return self._open(narration.voice, script.wish).say(script.line(index, attempt))
        except ServiceRefused as error:
            if error.exit_code != 1:
                raise  # the account is refused, which a user can mend
            raise _VoiceFailed(f"{narration.voice} cannot say segment {index + 1}: {str(error).rstrip('.')}") from None

    def _paid(self, claim: Claim, script: Script, narration: Narration, index: int) -> Speech:
        """Return the paid sound of a segment, which is ordered unless it was ordered before. Raises _VoiceFailed."""
        job, service = claim.job, narration.voice
        kept = KeptSounds(self._artifacts, job.content_id)
        order = job.sound_order(SoundStep.SPEAK, index, service, registry.model_of(service, self._settings))
        self._paid_calls.reconcile(claim, order, lambda _: kept)
        if order.step == SoundStep.SPEAK:
            self._order(claim, script, order, kept)
        if order.step == SoundStep.FAILED or order.reference is None:
            raise _VoiceFailed(f"{order.label[0].upper()}{order.label[1:]} is not made: {order.error}")
        try:
            return _speech_of(kept.read(order.reference))
        except BrokenState as error:
            order.step, order.error = SoundStep.FAILED, str(error)
            raise _VoiceFailed(f"{service} was paid for segment {index + 1}, but its sound is lost: {error}") from None

    def _order(self, claim: Claim, script: Script, order: SoundOrder, kept: KeptSounds) -> None:
        """Order the sound of a segment. Paid."""
        voice, line = self._open(order.service, script.wish), script.line(order.index)

        def call(reference: str) -> Submitted:
            speech = voice.say(line)
            return kept.keep(reference, KeptSound(speech.audio, _facts_of(speech), self._cost(order, line.text, speech)))

        try:
            self._paid_calls.pay(claim, order, self._price(order.service, line.text, MOST_SECONDS_MORE), call)
        except ServiceRefused as error:
            if error.exit_code != 1:
                raise  # the account is refused, which a user can mend
            order.step, order.error = SoundStep.FAILED, str(error)
            claim.save()
            raise _VoiceFailed(f"{order.service} refuses segment {order.index + 1}: {str(error).rstrip('.')}") from None

    def _warnings(self, voice: str, wish: Wish, language: str, given_up: Sequence[str] = ()) -> list[str]:
        """Return what the report says about the choice of a voice."""
        found = []
        if wish.service in registry.VOICES and wish.service not in (voice, *given_up):
            found.append(f"{registry.language_problem(wish.service, self._settings, language)}, and this film is in {language}.")
        if voice == SILENT and wish.service != SILENT:
            found.append((registry.NO_OTHER_VOICE if given_up else registry.NO_VOICE).format(language=language))
        return [*found, *filter(None, [registry.WARNINGS.get(voice)])]

    def _tidy(self, job: VideoJob, narration: Narration) -> None:
        """Remove what paid calls returned, which is stored in its final form now; a sound that was refused stays."""
        for order in job.sounds:
            if order.kind == SoundStep.SPEAK and order.service == narration.voice and order.reference:
                KeptSounds(self._artifacts, job.content_id).remove(order.reference)

    def _open(self, service: str, wish: Wish) -> Voice:
        return self._open_voice(service, registry.speaker_of(service, wish, self._settings))

    def _wish(self, definition: JobDefinition, brand_voice: str | Mapping[str, Any] | None) -> Wish:
        """Return the wish of the definition, else of its brand, else of the settings."""
        voice = definition.voice if definition.voice is not None else brand_voice
        plain = voice if isinstance(voice, str | Mapping) or voice is None else voice.model_dump(exclude_none=True)
        return registry.wish_for(plain, self._settings)

    def _price_problems(self, service: str) -> list[str]:
        try:
            self._price(service, "Hello", 1.0)
        except BadSettings as error:
            return [str(error).rstrip(".")]
        return []

    def _price(self, service: str, text: str, factor: float) -> Decimal:
        """Return the price of a text, with `factor` times the usual seconds. Raises BadSettings when it is unknown."""
        seconds = factor * (syllables(text) / SYLLABLES_A_SECOND + 1.0)
        return self._prices.of_voice(service, text, registry.expected_usage(service, text, seconds))

    def _cost(self, order: SoundOrder, text: str, speech: Speech) -> Decimal | None:
        """Return what a sentence cost by the service's own count; None where it counts nothing, or what cannot be."""
        is_count = all(0 <= tokens <= MOST_COUNTED_TOKENS for tokens in speech.usage.values())
        return self._prices.of_voice(order.service, text, speech.usage) if speech.usage and is_count else None


def _read(script: Script, index: int) -> SpokenSegment:
    """Return a segment that is shown and not spoken: as long as it is planned, or as reading takes."""
    from tenxsom.voices.word_times import reading_times

    text = script.texts[index]
    seconds = round(max(1.0, syllables(text) / READING_SYLLABLES_A_SECOND), 3)
    words, timing = reading_times(text, seconds)
    return SpokenSegment(
        index=index,
        text=text,
        seconds=seconds,
        words=[SpokenWord(text=word.text, start=word.start, end=word.end) for word in words],
        timing=timing,
    )


def _facts_of(speech: Speech) -> dict[str, Any]:
    """Return what came beside a sound, as JSON."""
    return {
        "mime_type": speech.mime_type,
        "words": [list(word) for word in speech.words],
        "timing": speech.timing,
        "usage": dict(speech.usage),
        "complaint": speech.complaint,
    }


def _speech_of(sound: KeptSound) -> Speech:
    facts = sound.facts
    words = tuple(WordTime(*word) for word in facts["words"])
    return Speech(sound.data, facts["mime_type"], words, facts["timing"], facts["usage"], facts["complaint"])
