"""Makes a small copy of a picture, for lists of many."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from tenxsom.media.check import decode_picture


def small_picture(path: Path, longest_side: int) -> bytes:
    """Return a picture as a JPEG of at most `longest_side` pixels. Raises BrokenMedia for what is no picture."""
    picture = decode_picture(path, None).picture.convert("RGB")
    picture.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    picture.save(written, format="JPEG", quality=82, optimize=True, progressive=True)
    return written.getvalue()
