"""Reads the data files in templates/: archetypes, brands, platforms, tiers, prices.

A file of the same name in TENXSOM_HOME/templates/ overrides the program's own.
"""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from tenxsom.disk import check_link, disk_errors, is_there
from tenxsom.errors import BadDefinition, BadSettings, Problem
from tenxsom.model import loudness, safe_area
from tenxsom.model.brand import Brand, check_brand
from tenxsom.model.prices import problems
from tenxsom.model.strict_json import parse_object
from tenxsom.model.vocabulary import Vocabulary
from tenxsom.safe_files import read_file
from tenxsom.spelling import did_you_mean

MOST_TEMPLATE_BYTES = 4 * 1024 * 1024


class Templates:
    """The templates of this installation, read on first use. Raises BadSettings for a broken file.

    Raises DiskError for a folder whose disk is not mounted, also later on, or that cannot be looked into.
    """

    def __init__(self, home: Path, root: Path) -> None:
        folders = [home / "templates", root / "templates"]
        self._folders = [folder for folder in dict.fromkeys(folders) if _is_given(folder)]

    @cached_property
    def platforms(self) -> dict[str, Any]:
        """Return the platforms. Raises BadSettings for a safe area or a loudness that cannot be."""
        document = self._json("platforms.json")
        if found := safe_area.problems(document):
            raise BadSettings(
                f"{self._find('platforms.json')} holds safe areas that cannot be used: {'; '.join(found)}. Write top, right, "
                "bottom and left as shares of the picture from 0 to 0.45, or leave safe_area out."
            )
        if found := loudness.problems(document):
            raise BadSettings(
                f"{self._find('platforms.json')} holds a loudness that cannot be used: {'; '.join(found)}. Write lufs from -36 "
                "to -6 and true_peak_dbtp from -9 to 0, or leave loudness out."
            )
        return document

    @cached_property
    def prices(self) -> dict[str, Any]:
        """Return the price list. Raises BadSettings for an invalid price, before anything is paid."""
        document = self._json("prices.json")
        if found := problems(document):
            raise BadSettings(
                f"{self._find('prices.json')} holds what is no price: {'; '.join(found)}. Write US dollars, like 0.50."
            )
        return document

    @cached_property
    def tiers(self) -> dict[str, Any]:
        return self._json("tiers.json")

    @cached_property
    def archetype_names(self) -> list[str]:
        """Return the names of the archetypes, which are the files in templates/archetypes/."""
        return self._names("archetypes")

    def archetype_file(self, name: str) -> bytes:
        """Read an archetype's file. Raises BadSettings that names the known ones."""
        if name not in self.archetype_names:
            hint = did_you_mean(name, self.archetype_names)
            raise BadSettings(f"There is no archetype {name!r}.{hint} Known: {', '.join(self.archetype_names)}.")
        file = self._find(f"archetypes/{name}.json")
        with disk_errors(file, "read"):
            return read_file(file, MOST_TEMPLATE_BYTES)

    @cached_property
    def brand_names(self) -> list[str]:
        """Return the names of the brand kits, which are the files in templates/brands/."""
        return self._names("brands")

    def brand(self, name: str) -> Brand:
        """Return a brand kit with its file names as absolute paths.

        Raises BadDefinition with all problems of its file, or with one that names the known brands; BadSettings for no JSON.
        """
        if name not in self.brand_names:
            known = f"Known: {', '.join(self.brand_names)}" if self.brand_names else "There are none in templates/brands/"
            raise BadDefinition(
                "templates/brands", [Problem("brand", f"{name!r} is unknown.{did_you_mean(name, self.brand_names)} {known}")]
            )
        file = self._find(f"brands/{name}.json")
        return check_brand(self._json(f"brands/{name}.json"), str(file)).in_folder(file.parent)

    def vocabulary(self, services: tuple[str, ...]) -> Vocabulary:
        """Return the names that a job definition may use in this installation."""
        shapes = {name: entry["aspect_ratio"] for name, entry in self.platforms.items()}
        longest = {name: float(entry["longest_seconds"]) for name, entry in self.platforms.items() if "longest_seconds" in entry}
        return Vocabulary(self.archetype_names, shapes, services, longest)

    def _names(self, kind: str) -> list[str]:
        names = sorted({path.stem for folder in self._folders for path in (folder / kind).glob("*.json")})
        for folder in self._folders:
            _check_still_there(folder)
        return names

    def _json(self, name: str) -> dict[str, Any]:
        path = self._find(name)
        try:
            if data := read_file(path, MOST_TEMPLATE_BYTES + 1).strip():
                return parse_object(data, name, MOST_TEMPLATE_BYTES)
            reason = "it is empty"
        except OSError as error:
            reason = str(error.strerror)
        except BadDefinition as error:
            reason = error.problems[0].message
        raise BadSettings(f"{path} cannot be used: {reason}. Repair it, or remove it to get the one that came with the program.")

    def _find(self, name: str) -> Path:
        """Return where a template is, even if it cannot be read: the program's own in its place would be prices nobody wrote."""
        for folder in self._folders:
            with disk_errors(folder, "look into"), contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.lstat(folder / name)
                return folder / name
            _check_still_there(folder)
        raise BadSettings(f"templates/{name} is missing; restore it from the program's own copy.")


def _is_given(folder: Path) -> bool:
    """Return whether a folder of templates is there. Raises DiskError where it may be: other prices would count in its place."""
    with disk_errors(folder, "look into"):
        check_link(folder)
        return is_there(f"{folder}/.")  # the folder from within, which takes the right to enter it


def _check_still_there(folder: Path) -> None:
    """Raise DiskError where a folder is gone that was there at first: its disk is no longer mounted."""
    with disk_errors(folder, "look into"):
        os.stat(f"{folder}/.")
