"""Tells by the first bytes whether a file is a video or a picture, before anything reads it whole."""

from __future__ import annotations

_FIRST_BOXES = frozenset((b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"uuid", b"pnot"))
"""What a file may begin with (ISO/IEC 14496-12, and QuickTime before it)."""
_MATROSKA = b"\x1a\x45\xdf\xa3"
"""The first bytes of a WebM or Matroska file (RFC 8794 §8.1)."""
_OTHER_KINDS = (
    (0, b"#EXTM3U", "a playlist (HLS)"),
    (0, b"<MPD", "a playlist (DASH)"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"GIF8", "a GIF"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (8, b"WEBP", "a WebP picture"),
    (8, b"AVI ", "an AVI file"),
    (0, b"FLV", "an FLV file"),
    (0, b"OggS", "an Ogg file"),
    (0, b"\x47\x40", "an MPEG transport stream"),
)
"""Place, bytes and name of files that services send instead."""

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def video_problem(start: bytes) -> str | None:
    """Return None if these are the first bytes of a video that players and browsers play, else what is wrong."""
    if start[4:8] in _FIRST_BOXES or start.startswith(_MATROSKA):
        return None
    kind = next((kind for at, bytes_, kind in _OTHER_KINDS if start[at : at + len(bytes_)] == bytes_), "")
    return f"it does not begin like an MP4 or WebM file{f', but like {kind}' if kind else ''}"


def picture_problem(start: bytes) -> str | None:
    """Return None if these are the first bytes of a picture that `check_picture` reads, else what is wrong."""
    known = start.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")
    return None if known or is_heic(start) else "it does not begin like a PNG, JPEG, WebP or HEIC picture"


def is_heic(start: bytes) -> bool:
    """Return whether a file begins like a HEIC photo: an 'ftyp' box of a HEIF brand (ISO/IEC 23008-12)."""
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS
