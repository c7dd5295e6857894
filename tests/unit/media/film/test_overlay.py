"""Overlays: how opaque one is at each moment."""

from __future__ import annotations

import pytest
from PIL import Image

from tenxsom.media.film.overlay import Overlay


def overlay(start: float, end: float, fade: float = 0.0) -> Overlay:
    return Overlay(start, end, 0, 0, lambda: Image.new("RGBA", (2, 2)), fade)


@pytest.mark.parametrize(("moment", "strength"), [(0.9, 0), (1.0, 1), (1.99, 1), (2.0, 0), (9, 0)])
def test_an_overlay_is_there_from_its_start_until_its_end(moment: float, strength: float) -> None:
    assert overlay(1, 2).strength(moment) == strength


@pytest.mark.parametrize(("moment", "strength"), [(1.0, 0), (1.25, 0.5), (1.5, 1), (2.5, 1), (2.75, 0.5)])
def test_an_overlay_fades_in_and_out(moment: float, strength: float) -> None:
    assert overlay(1, 3, 0.5).strength(moment) == strength


def test_what_begins_with_the_film_is_whole_in_the_first_frame() -> None:
    assert overlay(0, 2, 0.5).strength(0) == 1
    assert overlay(0, 2, 0.5).strength(1.75) == 0.5
