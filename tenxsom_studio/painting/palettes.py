"""Colour palettes, and the words that ask for one.

Every palette names seven roles from dark to light. Colours are written as people write them (#rrggbb) and used as light:
the square of the display value, which is close enough to linear light for fog and glow to mix as they do in nature.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.floating]
"""Light of one colour, shape (3,)."""


class Palette(NamedTuple):
    """`deep` and `dark` are shadow and night, `mid` the body, `haze` the far air, `warm` what the light touches,
    `light` the light itself, `accent` the one colour that stands out."""

    deep: Colour
    dark: Colour
    mid: Colour
    haze: Colour
    warm: Colour
    light: Colour
    accent: Colour


def colour(code: str) -> Colour:
    """Return the light of a colour written as rrggbb."""
    display = np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255
    return np.asarray(display * display, dtype=np.float32)


def _palette(codes: str) -> Palette:
    return Palette(*(colour(code) for code in codes.split()))


PALETTES: dict[str, Palette] = {
    "dusk": _palette("0b1026 1d2350 5b3f7a e0876a f7b27a ffe9c4 8fa7ff"),
    "ember": _palette("12060b 351220 7a2730 d9643a ff9d4d ffe2b0 ff5a3c"),
    "rose": _palette("1a1f3d 3a4a7a 8a7fb0 f3b6a6 ffd2a8 fff3da ff8fa0"),
    "ocean": _palette("041522 0a3046 14617c 7fc4cf cdeee6 fffbe8 ffb070"),
    "teal": _palette("06151b 0e3640 2b6f74 d9a066 ffbd70 ffefcf ff7b3d"),
    "violet": _palette("080618 1c1246 4a2a8a a45cc8 ff9bd0 ffe6f5 5ce1ff"),
    "aurora": _palette("030b14 08243a 0f5c5a 3fd08c a8ffcf f0fff8 9a6bff"),
    "forest": _palette("060f0d 12302a 2f5f4c 9fbfa0 dfe8b8 fff8dc ffc46b"),
    "fog": _palette("07090c 161d24 36444d 8fa0a3 c9d0c8 f6f1e0 e0a860"),
    "sepia": _palette("1c1008 46301a 8a6638 d0ac74 ecd4a4 fff4d8 a83a24"),
    "neon": _palette("05040f 120c36 2b1a7a 1f9bff 6fe8ff effcff ff3fa4"),
    "cyber": _palette("020a10 06202e 0a4a60 18b6c8 7ff3ec f2fffe ffb347"),
    "candy": _palette("2a1a4a 6a3fa0 e0609a ff9a8b ffcf9a fff4e0 4fd1c5"),
    "pastel": _palette("40507a 7f9fc8 a8c8e0 ffd9cc ffe9d2 fffaf0 ff9f8a"),
    "gold": _palette("120a04 3a220c 8a5a1a e0a83c ffd682 fff6d8 ffefb0"),
    "ice": _palette("0a1626 1f3c5c 4f86ac b4d8e8 e0f2f6 ffffff 8fb8ff"),
    "jade": _palette("04140f 0c3a30 1c7a62 6fcfa6 c8f0cf fbfff0 ffd27a"),
}

WORDS: dict[str, str] = {
    "dusk": "dusk evening twilight purple sundown",
    "ember": "fire lava volcano red ember autumn mars burning war",
    "rose": "rose pink dawn morning gentle soft love",
    "ocean": "ocean sea blue water underwater lagoon tropical reef",
    "teal": "teal cinematic blockbuster contrast orange",
    "violet": "violet magenta cosmic dream mystic galaxy",
    "aurora": "aurora northern polar emerald glowing",
    "forest": "forest woods green moss jungle garden nature",
    "fog": "fog foggy mist misty grey gray noir haunted ghost secret rain",
    "sepia": "sepia ancient parchment vintage old history antique medieval",
    "neon": "neon cyberpunk synthwave arcade electric",
    "cyber": "cyber digital data code quantum chip cyan",
    "candy": "candy colorful colourful vibrant rainbow jelly slime pop",
    "pastel": "pastel bright clean light airy simple friendly",
    "gold": "gold golden honey amber luxury caramel treasure brass",
    "ice": "ice snow winter frozen glacier arctic cold crystal white",
    "jade": "jade mint fresh spring tea matcha growth",
}
