"""Whether the first bytes of a download are what they should be; each function returns a sentence when they are not."""

from __future__ import annotations


def looks_like_mp4(start: bytes) -> str | None:
    return None if start[4:8] in (b"ftyp", b"moov", b"free", b"skip", b"wide") else "it does not begin like an MP4 file"


def looks_like_picture(start: bytes) -> str | None:
    known = start.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")
    return None if known else "it does not begin like a PNG, JPEG or WebP picture"
