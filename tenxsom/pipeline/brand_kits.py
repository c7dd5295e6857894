"""Hands out brand kits: as they are for a definition, and as they were for a job when it was accepted.

A job keeps its kit in its state, and the kit's files among its own: a brand that is changed, renamed or removed while its films
are being made, or before one is made again, changes no film and loses none.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from tenxsom.disk import disk_errors
from tenxsom.errors import BadDefinition, BadInput, Problem
from tenxsom.model import file_names
from tenxsom.model.accepted import KeptBrand
from tenxsom.model.brand import Brand, check_brand
from tenxsom.model.definition import JobDefinition
from tenxsom.model.job import VideoJob
from tenxsom.safe_files import copy_file, sha256_of
from tenxsom.settings import Settings
from tenxsom.store.base import Artifacts
from tenxsom.store.templates import Templates


class ChosenBrand(NamedTuple):
    """A brand's name and its kit, whose file names are absolute paths."""

    name: str = ""
    kit: Brand | None = None


NO_BRAND = ChosenBrand()


class BrandKits:
    """The brands of definitions and jobs."""

    def __init__(self, settings: Settings, templates: Templates, artifacts: Artifacts) -> None:
        self._settings = settings
        self._templates = templates
        self._artifacts = artifacts

    def named_by(self, definition: JobDefinition) -> ChosenBrand:
        """Return the brand that a definition, else BRAND, names. Raises BadDefinition for one that is not there, or is broken."""
        name = definition.brand or self._settings.brand
        return ChosenBrand(name, self._templates.brand(name)) if name else NO_BRAND

    def of(self, job: VideoJob) -> ChosenBrand:
        """Return the brand that a job has kept; for a job of an earlier version the one that its film or its definition names.

        Raises BadDefinition for the latter when it is not there any more.
        """
        if job.brand_kit is None:
            name = job.film.brand if job.film else job.definition.brand or self._settings.brand or ""
            return ChosenBrand(name, self._templates.brand(name)) if name else NO_BRAND
        if not job.brand_kit.name:
            return NO_BRAND
        kit = check_brand(job.brand_kit.kit, job.content_id)
        return ChosenBrand(job.brand_kit.name, kit.with_files(self._place_of))

    def _place_of(self, name: str) -> str:
        """Return the path of a kept file; of one that is gone, so that what needs it says which one it misses."""
        try:
            return str(self._artifacts.local(name))
        except FileNotFoundError:
            return self._artifacts.location(name)

    def keep(self, job: VideoJob, brand: ChosenBrand, source: str) -> None:
        """Copy a brand's files to the job's, and set its kit. Raises BadDefinition when one is gone, DiskError."""
        if brand.kit is None:
            job.brand_kit = KeptBrand()
            return
        copies = {file: self._copied(job.content_id, Path(file), source) for file in sorted(brand.kit.files())}
        job.brand_kit = KeptBrand(name=brand.name, kit=brand.kit.with_files(copies.__getitem__).model_dump(mode="json"))

    def take_over(self, job: VideoJob, other: VideoJob) -> None:
        """Give a job the kit of another one, with copies of its files. Raises BadInput when one of them is not kept any more."""
        if other.brand_kit is None or not other.brand_kit.name:
            job.brand_kit = other.brand_kit
            return
        if gone := self.missing_file(other):
            raise BadInput(f"{gone} is not kept any more; a film is translated with the brand that it was made with.")
        self.keep(job, self.of(other), job.content_id)

    def missing_file(self, job: VideoJob) -> str | None:
        """Return the name of a file of a job's kit that is not kept any more; None when all are there."""
        return next((name for name in job.brand_files() if not self._artifacts.exists(name)), None)

    def _copied(self, content_id: str, file: Path, source: str) -> str:
        """Copy a file under a name that tells its content, so that the kits of two runs do not meet; return the name."""
        if not os.path.isfile(file):
            raise BadDefinition(source, [Problem("brand", f"{file.name} is not there")])
        part = self._artifacts.scratch(file_names.brand_file(content_id, "copy"))
        with disk_errors(part):
            copy_file(file, part)
            digest = sha256_of(part)
        name = file_names.brand_file(content_id, digest[:16])
        self._artifacts.publish(part, name)
        return name
