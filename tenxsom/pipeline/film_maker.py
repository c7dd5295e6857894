"""Makes the files of a planned film: its music, its sound, the film itself, thumbnail, contact sheet and subtitles.

Each method makes one file and publishes it when it is complete, so that it can be repeated after any interruption.
"""

from __future__ import annotations

import heapq
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tenxsom import clock
from tenxsom.disk import disk_errors
from tenxsom.model import file_names
from tenxsom.model.brand import Brand
from tenxsom.model.film import FilmPlan, PlannedShot
from tenxsom.model.job import VideoJob
from tenxsom.model.loudness import loudness_target
from tenxsom.pipeline import captions
from tenxsom.pipeline.brand_kits import BrandKits
from tenxsom.pipeline.cutting import words_of
from tenxsom.pipeline.delivery import media_work
from tenxsom.pipeline.film_stretches import FilmStretches, fingerprint_of
from tenxsom.pipeline.reports import is_of_shape
from tenxsom.services import registry as services
from tenxsom.services.base import Variant
from tenxsom.settings import Settings
from tenxsom.store.base import Artifacts
from tenxsom.store.templates import Templates

if TYPE_CHECKING:
    from tenxsom.media.captions.look import CaptionLook
    from tenxsom.media.captions.phrases import TimedWord
    from tenxsom.media.film.order import FilmOrder, Shot
    from tenxsom.media.film.overlay import Overlay
    from tenxsom.media.film.verify import FilmCheck, Span
    from tenxsom.media.sound.mix import ClipSound, SoundFacts, SoundOrder, VoicePart

RATES = tuple(
    Fraction(*rate) for rate in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)
"""The frame rates of films; clips of other rates become the nearest one."""
SAME_RATE = 0.005
"""The relative deviation of a rate that counts as equal."""
FADE_OUT_SECONDS = 1.2
"""How long music and clips' sound fade at the end of a film."""


@contextmanager
def _work(deadline: clock.Deadline, *scratch: Path) -> Iterator[None]:
    """Wait for a free core, at most until `deadline`, for a block. Raises NoTurn, and DiskError for `scratch` files."""
    with media_work(deadline), ExitStack() as stack:
        for path in scratch:
            stack.enter_context(disk_errors(path))
        yield


class FilmMaker:
    """Makes the files of planned films."""

    def __init__(self, artifacts: Artifacts, templates: Templates, brands: BrandKits, settings: Settings) -> None:
        self._artifacts = artifacts
        self._templates = templates
        self._brands = brands
        self._settings = settings

    def make_music(self, job: VideoJob, deadline: clock.Deadline) -> None:
        """Make the music of a film, as long as the film. Raises BrokenMedia for the user's file that is none."""
        from tenxsom.media.sound.bed import write_bed
        from tenxsom.media.sound.music import fit_music

        film, name = _film(job), file_names.music(job.content_id)
        if film.music == "none" or self._artifacts.exists(name):
            return
        part = self._artifacts.scratch(name)
        with _work(deadline, part):
            if film.music == "bed":
                cuts = [shot.start for shot in film.shots[1:]]
                seed = zlib.crc32(job.content_id.encode())
                write_bed(film.mood, film.seconds, seed, part, cuts, deadline=deadline)
            else:
                fit_music(self._music_source(job, film), film.seconds, part, deadline)
        self._artifacts.publish(part, name)

    def _music_source(self, job: VideoJob, film: FilmPlan) -> Path:
        """Return the user's, the brand's or the ordered music."""
        brand = self._brand(job)
        if film.music == "brand" and brand and brand.music_file:
            return brand.music_file
        return self._artifacts.local(file_names.music_source(job.content_id))

    def mix_sound(self, job: VideoJob, deadline: clock.Deadline) -> SoundFacts | None:
        """Mix voice, music and the clips' own sound; return its facts, None for a film without sound."""
        from tenxsom.media.sound.mix import mix

        name, order = file_names.film_sound(job.content_id), self._sound_order(job)
        if order is None:
            return None
        part = self._artifacts.scratch(name)
        with _work(deadline, part):
            facts = mix(order, part, deadline)
        self._artifacts.publish(part, name)
        return facts

    def _sound_order(self, job: VideoJob) -> SoundOrder | None:
        """Return what the sound of a film is mixed from; None for a film without sound."""
        from tenxsom.media.sound.mix import SoundOrder

        film = _film(job)
        voices, clips, music = self._voices(job, film), self._clip_sounds(job, film), self._music(job)
        if not voices and not clips and music is None:
            return None
        level = loudness_target(self._platform(film), self._settings.loudness_lufs, self._settings.true_peak_dbtp)
        return SoundOrder(
            seconds=film.seconds,
            voices=voices,
            clips=clips,
            clip_sound=film.clip_sound,
            music=music,
            lufs=level.lufs,
            true_peak_dbtp=level.true_peak_dbtp,
            fade_out=min(FADE_OUT_SECONDS, film.seconds / 4),
        )

    def _voices(self, job: VideoJob, film: FilmPlan) -> list[VoicePart]:
        from tenxsom.media.sound.mix import VoicePart

        files = {segment.index: segment.file for segment in job.narration.segments} if job.narration else {}
        return [
            VoicePart(self._artifacts.local(files[voice.segment]), voice.start, voice.speed, voice.seconds) for voice in film.voices
        ]

    def _clip_sounds(self, job: VideoJob, film: FilmPlan) -> list[ClipSound]:
        from tenxsom.media.sound.mix import ClipSound

        with_sound = {clip.index for clip in job.clips if clip.facts and clip.facts.audio_codec}
        shots = [shot for shot in film.shots if shot.clip in with_sound and film.clip_sound != "mute"]
        sounds = [ClipSound(self._clip(job, shot), shot.start, shot.end, shot.offset) for shot in shots]
        return [*sounds, *(ClipSound(shot.clip, shot.start, shot.end) for shot in self._brand_files(job, film))]

    def _music(self, job: VideoJob) -> Path | None:
        name = file_names.music(job.content_id)
        return self._artifacts.local(name) if self._artifacts.exists(name) and _film(job).music != "none" else None

    def assemble(self, job: VideoJob, deadline: clock.Deadline, save: Callable[[], None]) -> None:
        """Make `<content_id>.mp4`: one encode of the clips with everything that lies over them, and the sound.

        What is encoded before the deadline is kept, and stored in the job by `save`. Raises GoesOn when there is more to encode.
        """
        from tenxsom.media.film.assemble import assemble
        from tenxsom.media.film.order import FilmOrder

        film, name, sound = _film(job), file_names.video(job.content_id), file_names.film_sound(job.content_id)
        width, height = size_of(job, film)
        intro, outro = self._brand_files(job, film, "intro"), self._brand_files(job, film, "outro")
        shots = [*intro, *self._shots(job, film), *outro]
        order = FilmOrder(
            shots=shots,
            width=width,
            height=height,
            fps=rate_of(job),
            seconds=film.seconds,
            transition=film.transition,
            overlays=self._overlays(job, film, width, height),
            sound=self._artifacts.local(sound) if self._artifacts.exists(sound) else None,
        )
        part = self._artifacts.scratch(name)
        with _work(deadline, part):
            stretches = FilmStretches(self._artifacts, job.content_id, film, self._fingerprint(job, order), save)
            assemble(order, part, deadline, stretches)
            if film.captions == "track":
                part = self._with_track(job, film, part, deadline)
        self._artifacts.publish(part, name)

    def _fingerprint(self, job: VideoJob, order: FilmOrder) -> str:
        """Return the fingerprint of everything that the pictures of a film depend on."""
        film, brand = _film(job), self._brand(job)
        own = {
            "is_mixed",
            "pictures_of",
            "stretches",
            "checked",
            "voices",
            "voice_above_bed_db",
            "music",
            "mood",
            "clip_sound",
            "thumbnail_title",
        }
        kit = brand.model_dump(mode="json") if brand else {}
        font = captions.chosen_font(brand, self._settings.caption_font).file
        document = {
            "film": {name: value for name, value in film.as_dict().items() if name not in own},
            "size": [order.width, order.height, str(order.fps)],
            "words": [[word.text, word.start, word.end] for word in timed_words(job)],
            "clips": [clip.facts.sha256 if clip.facts else None for clip in job.clips],
            "brand": kit,
            "platform": self._platform(film),
        }
        brand_files = [Path(text) for text in _texts_in(kit) if text.startswith("/")]
        return fingerprint_of(document, [*brand_files, *([font] if font else [])])

    def _with_track(self, job: VideoJob, film: FilmPlan, part: Path, deadline: clock.Deadline) -> Path:
        """Return the film with its words as a track that players can switch on."""
        from tenxsom.media.captions.cues import spoken_cues
        from tenxsom.media.captions.track import add_subtitle_track

        cues, target = spoken_cues(timed_words(job), film.language, film.seconds), part.with_name(f"{part.name}.track")
        if not cues:
            return part
        add_subtitle_track(part, cues, film.language, target, deadline)
        part.unlink()
        return target

    def _shots(self, job: VideoJob, film: FilmPlan) -> list[Shot]:
        from tenxsom.media.film.order import Shot

        return [Shot(self._clip(job, shot), shot.start, shot.end, shot.offset) for shot in film.shots]

    def _clip(self, job: VideoJob, shot: PlannedShot) -> Path:
        return self._artifacts.local(file_names.clip(job.content_id, shot.clip))

    def _brand_files(self, job: VideoJob, film: FilmPlan, *ends: str) -> list[Shot]:
        """Return the brand's own intro and outro, where they are files."""
        from tenxsom.media.film.order import Shot

        brand, found = self._brand(job), []
        for end in ends or ("intro", "outro"):
            ending = getattr(brand, end, None)
            if ending is not None and ending.file:
                times = (0.0, film.begin) if end == "intro" else (film.end, film.seconds)
                found.append(Shot(Path(ending.file), *times))
        return [shot for shot in found if shot.end > shot.start]

    def _overlays(self, job: VideoJob, film: FilmPlan, width: int, height: int) -> Iterator[Overlay]:
        """Yield everything that lies over the pictures, in the order of its start."""
        from tenxsom.media.film.brand import brand_overlays

        look, brand, size = self._look(job, film, width, height), self._brand(job), (width, height)
        layers: list[Iterable[Overlay]] = []
        if film.is_burned:
            layers.append(captions.overlays_of(film, timed_words(job), size, look, has_hook=not (brand and brand.intro)))
        if brand:
            layers.append(
                brand_overlays(
                    brand,
                    title=film.title,
                    language=film.language,
                    width=width,
                    height=height,
                    box=look.box,
                    begin=film.begin,
                    end=film.end or film.seconds,
                )
            )
        yield from heapq.merge(*layers, key=lambda overlay: overlay.start)

    def _look(self, job: VideoJob, film: FilmPlan, width: int, height: int) -> CaptionLook:
        """Return how captions look: as the definition says, else as the brand does."""
        brand = self._brand(job)
        font = captions.chosen_font(brand, self._settings.caption_font)
        return captions.look_of(film, (width, height), self._platform(film), brand, font)

    def check(self, job: VideoJob, deadline: clock.Deadline) -> FilmCheck:
        """Decode the finished film completely, and look for black and frozen stretches.

        Raises BrokenMedia; GoesOn after the deadline, with what is verified in the film's plan.
        """
        from tenxsom.media.captions.look import Box
        from tenxsom.media.film.verify import check_film

        film = _film(job)
        width, height = size_of(job, film)
        look = self._look(job, film, width, height)
        covered = Box(0, look.top, width, look.box.bottom) if film.is_burned else None
        with _work(deadline):
            return check_film(
                self._artifacts.local(file_names.video(job.content_id)),
                max_pixels=self._settings.max_video_pixels,
                deadline=deadline,
                captions=covered,
                cards=_cards(film, self._brand(job)),
                checked=film.checked,
                keep=partial(setattr, film, "checked"),
            )

    def measure(self, job: VideoJob, deadline: clock.Deadline) -> SoundFacts:
        """Measure loudness and true peak of the finished film."""
        from tenxsom.media.sound.mix import measure

        with _work(deadline):
            return measure(self._artifacts.local(file_names.video(job.content_id)), deadline)

    def make_thumbnail(self, job: VideoJob, deadline: clock.Deadline) -> None:
        from tenxsom.media.film.thumbnail import make_title_thumbnail

        film, name = _film(job), file_names.thumbnail(job.content_id)
        width, height = size_of(job, film)
        marked = max((services.pace(job.service_of(clip), Variant()).marked_top for clip in job.clips), default=0.0)
        part = self._artifacts.scratch(name)
        with _work(deadline, part):
            make_title_thumbnail(
                self._shots(job, film),
                film.thumbnail_title or film.title,
                part,
                width=width,
                height=height,
                brand=self._brand(job),
                language=film.language,
                clear_top=marked,
                deadline=deadline,
            )
        self._artifacts.publish(part, name)

    def make_contact_sheet(self, job: VideoJob, deadline: clock.Deadline) -> None:
        from tenxsom.media.film.sheet import contact_sheet

        name = file_names.contact_sheet(job.content_id)
        part = self._artifacts.scratch(name)
        with _work(deadline, part):
            contact_sheet(self._artifacts.local(file_names.video(job.content_id)), part, deadline)
        self._artifacts.publish(part, name)

    def write_subtitles(self, job: VideoJob) -> None:
        """Write the words as `.srt` and `.vtt`, where they are wanted as files."""
        from tenxsom.media.captions.cues import srt, vtt

        film, words = _film(job), timed_words(job)
        if film.captions in ("none", "burned") or not words:
            return
        seconds = (job.media.seconds if job.media else 0) or film.seconds  # a film has whole pictures
        self._artifacts.write(file_names.subtitles(job.content_id), srt(words, film.language, seconds).encode())
        self._artifacts.write(file_names.web_subtitles(job.content_id), vtt(words, film.language, seconds).encode())

    def _platform(self, film: FilmPlan) -> dict[str, object]:
        entry = self._templates.platforms.get(film.platform)
        return entry if isinstance(entry, dict) else {}

    def _brand(self, job: VideoJob) -> Brand | None:
        """Return the film's brand, as the job has kept it."""
        return self._brands.of(job).kit


def _texts_in(document: object) -> Iterator[str]:
    """Yield every text in a document of JSON."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for value in document.values() if isinstance(document, dict) else document:
            yield from _texts_in(value)


def _cards(film: FilmPlan, brand: Brand | None) -> list[Span]:
    """Return when the brand's cards are shown, during which the picture may stand still."""
    from tenxsom.media.film.verify import Span

    end = film.end or film.seconds
    intro = brand.intro.seconds if brand and brand.intro and not brand.intro.file else 0.0
    outro = brand.outro.seconds if brand and brand.outro and not brand.outro.file else 0.0
    return [span for span in (Span(film.begin, film.begin + intro), Span(end - outro, end)) if span.seconds > 0]


def timed_words(job: VideoJob) -> list[TimedWord]:
    """Return every word of a film with its times."""
    from tenxsom.media.captions.phrases import TimedWord

    film, blueprint = _film(job), job.blueprint
    if blueprint is None:
        return []
    words = words_of(film, blueprint, job.narration)
    after = [*(word.segment for word in words[1:]), None]
    return [
        TimedWord(word.text, word.start, word.end, ends=word.segment != following)
        for word, following in zip(words, after, strict=True)
    ]


def size_of(job: VideoJob, film: FilmPlan) -> tuple[int, int]:
    """Return width and height of a film: those of its largest clip that has the film's shape, else as tall as that one allows."""
    found = [clip.facts for clip in job.clips if clip.facts and clip.facts.width and clip.facts.height]
    of_shape = [facts for facts in found if is_of_shape(facts, film.aspect_ratio)]
    if of_shape:
        largest = max(of_shape, key=lambda facts: facts.width * facts.height)
        return largest.width // 2 * 2, largest.height // 2 * 2
    side = max((min(facts.width, facts.height) for facts in found), default=720)
    across, down = (int(part) for part in film.aspect_ratio.split(":"))
    unit = Fraction(side, min(across, down))
    return round(across * unit / 2) * 2, round(down * unit / 2) * 2


def rate_of(job: VideoJob) -> Fraction:
    """Return the frame rate of a film: the one that most of its clips have, brought to a usual rate."""
    found = [_usual_rate(clip.facts.fps) for clip in job.clips if clip.facts]
    rates = Counter(found)
    return max(rates, key=lambda rate: (rates[rate], rate)) if rates else Fraction(24)


def _usual_rate(fps: float) -> Fraction:
    """Return the usual rate that clips of a rate have, else the nearest whole one."""
    nearest = min(RATES, key=lambda rate: abs(float(rate) - fps))
    if abs(float(nearest) - fps) <= fps * SAME_RATE:
        return nearest
    return min((rate for rate in RATES if rate.denominator == 1), key=lambda rate: abs(float(rate) - fps))


def _film(job: VideoJob) -> FilmPlan:
    if job.film is None:  # never: only planned films come here
        raise ValueError(f"{job.content_id} has no plan of its film.")
    return job.film
