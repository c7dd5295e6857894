#!/usr/bin/env python3
"""Draw the logo of the example brand: templates/brands/kitchen_table/logo.png."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

TARGET = Path(__file__).resolve().parents[1] / "templates" / "brands" / "kitchen_table" / "logo.png"
SIZE, SMOOTHING = 384, 4
YELLOW, DARK, LIGHT = (255, 203, 64, 255), (10, 14, 24, 255), (255, 255, 255, 255)


def logo() -> Image.Image:
    """A flask on a disc, drawn larger and scaled down for smooth edges."""
    side = SIZE * SMOOTHING
    picture = Image.new("RGBA", (side, side), (*YELLOW[:3], 0))
    draw = ImageDraw.Draw(picture)

    def at(*places: float) -> list[float]:
        return [place * side for place in places]

    draw.ellipse(at(0.01, 0.01, 0.99, 0.99), fill=YELLOW)
    draw.polygon(at(0.43, 0.24, 0.57, 0.24, 0.57, 0.44, 0.75, 0.76, 0.25, 0.76, 0.43, 0.44), fill=DARK)
    draw.rounded_rectangle(at(0.39, 0.2, 0.61, 0.27), 0.03 * side, fill=DARK)
    draw.rounded_rectangle(at(0.235, 0.7, 0.765, 0.79), 0.045 * side, fill=DARK)
    for across, down, radius in ((0.45, 0.66, 0.045), (0.56, 0.6, 0.033), (0.5, 0.51, 0.022)):
        draw.ellipse(at(across - radius, down - radius, across + radius, down + radius), fill=LIGHT)
    return picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    logo().save(TARGET, optimize=True)
    print(TARGET)
