"""Finds what keeps a definition's film from being made: its brand, voice, music and letters. Before anything is planned or paid."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tenxsom.disk import disk_errors
from tenxsom.errors import BadDefinition, BrokenMedia, NotFound, Problem
from tenxsom.model import file_names
from tenxsom.model.choices import MUSIC_NAMES, is_sound_file
from tenxsom.model.definition import JobDefinition
from tenxsom.pipeline import captions
from tenxsom.pipeline.brand_kits import NO_BRAND, BrandKits, ChosenBrand
from tenxsom.pipeline.cutting import brand_voice, chosen_film
from tenxsom.pipeline.music import Composer
from tenxsom.pipeline.narration import Narrator
from tenxsom.pipeline.sources import folder_of
from tenxsom.safe_files import copy_file
from tenxsom.services.images.picture_place import find_own_file
from tenxsom.services.music.registry import MUSIC
from tenxsom.settings import Settings
from tenxsom.store.base import Artifacts

MAX_MUSIC_BYTES = 500_000_000


class FilmIntake:
    """Checks what films need, with every problem of a definition together."""

    def __init__(self, settings: Settings, brands: BrandKits, narrator: Narrator, composer: Composer) -> None:
        self._settings = settings
        self._kits = brands
        self._narrator = narrator
        self._composer = composer
        self._looked_at: dict[str, tuple[ChosenBrand, list[Problem]]] = {}

    def problems(self, definition: JobDefinition, source: str, *, usable: bool = True) -> list[Problem]:
        """Return why the film of a definition cannot be made here; empty when it can.

        An estimate needs no credentials: without `usable` the voice and paid music may lack them.
        """
        brand, found = self._brand(definition)
        problems = [*found, *captions.film_problems(definition, self._settings, brand.kit)]
        if is_sound_file(definition.music):
            problems += self._music_problems(definition, source)
        problems += self._narrator.problems(definition, brand_voice(brand), usable=usable)
        if usable:
            problems += self._paid_music_problems(definition, brand)
        return problems

    def billed_services(self, definition: JobDefinition) -> list[str]:
        """Return who bills the voice and the music of a definition's film."""
        brand, _ = self._brand(definition)
        voice = self._narrator.paid_service(definition, brand_voice(brand))
        wanted = chosen_film(definition, self._settings, "1:1", brand).music
        return [service for service in (voice, wanted if wanted in MUSIC else None) if service]

    def _brand(self, definition: JobDefinition) -> tuple[ChosenBrand, list[Problem]]:
        """Return the brand of a definition with the problems of its file; each brand is looked at once."""
        from tenxsom.media.film.brand import problems_of_files

        name = definition.brand or self._settings.brand or ""
        if name not in self._looked_at:
            try:
                chosen = self._kits.named_by(definition)
                self._looked_at[name] = (chosen, problems_of_files(chosen.kit) if chosen.kit else [])
            except BadDefinition as error:
                self._looked_at[name] = (NO_BRAND, list(error.problems))
        return self._looked_at[name]

    def _music_problems(self, definition: JobDefinition, source: str) -> Iterator[Problem]:
        from tenxsom.media.sound.reading import check_sound

        try:
            check_sound(self.music_file(definition, source), most_seconds=20)
        except (BrokenMedia, NotFound) as error:
            names = ", ".join(MUSIC_NAMES)
            yield Problem("music", f"{str(error).rstrip('.')}; name a sound file beside the definition, or one of {names}")

    def music_file(self, definition: JobDefinition, source: str) -> Path:
        """Return the place of the definition's own music. Raises BrokenMedia, NotFound when it may not be read or is not there."""
        folders = (folder_of(source), *self._settings.start_image_folders)
        path = find_own_file(definition.music or "", folders, self._settings.private_places, "sound file")
        if not os.path.isfile(path):
            raise NotFound(f"{path} is not there")
        if path.stat().st_size > MAX_MUSIC_BYTES:
            raise BrokenMedia(f"{path.name} is larger than {MAX_MUSIC_BYTES // 1_000_000} MB")
        return path

    def keep_music(self, definition: JobDefinition, source: str, artifacts: Artifacts) -> None:
        """Copy the definition's own music to the job's files. Raises BadDefinition when it is gone.

        It gets its final name when the files of an earlier run have been set aside, whose music it would replace.
        """
        name = file_names.given_music(definition.content_id)
        part = artifacts.scratch(name)
        try:
            file = self.music_file(definition, source)
            with disk_errors(part):
                copy_file(file, part)
        except (BrokenMedia, NotFound) as error:
            raise BadDefinition(source, [Problem("music", str(error).rstrip("."))]) from None
        artifacts.publish(part, name)

    def _paid_music_problems(self, definition: JobDefinition, brand: ChosenBrand) -> Iterator[Problem]:
        wanted = chosen_film(definition, self._settings, "1:1", brand).music
        if wanted in MUSIC and (why := self._composer.problem(wanted)):
            yield Problem("music", why)
