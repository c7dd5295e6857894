"""Reads the parts of a video's file, the boxes of an MP4 and the elements of a WebM, and finds what was cut off or damaged there.

FFmpeg skips what it cannot read and goes on with the next part, so that pictures may be missing without an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tenxsom import clock
from tenxsom.errors import BrokenMedia

_MOST_PARTS = 4_000_000
"""The largest number of parts: a fragment for each picture and each sound of four hours."""
_BOXES = frozenset(
    b"ftyp styp moov moof mdat mfra sidx ssix free skip wide uuid meta udta pdin emsg prft pnot PICT junk".decode().split()
)
"""Names of top-level boxes (ISO/IEC 14496-12 and QuickTime). Others are rare, or appended data at the end."""
_NAME = re.compile(rb"[ -~]{4}")
"""What a box's name is made of (https://mp4ra.org/registered-types/boxes)."""
_MOST_OTHERS = 1000
"""The largest number of boxes of other names in a row."""
_IN_FRAGMENT = re.compile(rb"mfhd|traf|tfhd|tfdt|trun|sbgp|sgpd|saiz|saio|senc|subs")
"""Names of boxes that are only inside a fragment: at top level, they are what a hole left of one."""
_FRAGMENT = re.compile(rb"moof.{4}mfhd|mfra.{4}tfra", re.DOTALL)
"""What a fragment, or the index of all fragments, begins with behind its length."""
_PIECE_BYTES = 1024 * 1024

_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_IN_SEGMENT = {_CLUSTER, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367}
_IN_CLUSTER = {0xE7, 0xA3, 0xA0, 0xAF, 0xAB, 0xA7, 0x5854}
_ELEMENTS = frozenset(_IN_SEGMENT | _IN_CLUSTER | {0xEC, 0xBF})
"""The elements of a segment and of a cluster (RFC 9559 §5.1), and those that may be anywhere (RFC 8794 §11.3)."""
_APPENDED_BYTES = 4096
"""Up to so many bytes behind the last element of a segment of unknown length are appended data; more are its damaged rest,
and so are those with a cluster in them."""


def refuse_cut_parts(path: Path) -> None:
    """Raise BrokenMedia for a file whose parts extend past its end, are missing, or follow on bytes that are no part."""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = _element(file, 0)
        if first is not None and first.name == _EBML and first.end is not None:
            _refuse_cut_elements(path, file, size, first.end)
        else:
            _refuse_cut_boxes(path, file, size)


def _refuse_cut_boxes(path: Path, file: BinaryIO, size: int) -> None:
    names: list[str] = []
    at = 0
    for name, end in _boxes(file, size):
        if end > size:
            raise BrokenMedia(f"{path.name} was cut off: its {name!r} part should end at byte {end:,}, the file ends at {size:,}.")
        names.append(name)
        _refuse_too_many(path, len(names))
        at = end
    if names[:1] == ["ftyp"] and "moov" not in names:
        raise BrokenMedia(f"{path.name} was cut off: its index (the 'moov' part) is missing.")
    if names[:1] == ["ftyp"] and not {"mdat", "moof"} & set(names):
        raise BrokenMedia(f"{path.name} was cut off: it has an index but no pictures (no 'mdat' part).")
    if "moof" in names and "mfra" not in names and _has_fragments(file, at):
        raise BrokenMedia(f"{path.name} is damaged at byte {at:,}: bytes that belong to no part are followed by more fragments.")


class _Box(NamedTuple):
    """A box of an MP4: its name, its first 16 bytes, and where it ends; None for a length that none can have."""

    name: str
    head: bytes
    end: int | None


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[str, int]]:
    """Yield names and ends of the top-level boxes (ISO/IEC 14496-12), up to the first bytes that are not a box.

    Boxes of other names are among them if a part of the file, or the file's end, follows where they end: FFmpeg skips each by its
    length (`mov_read_default` in https://github.com/FFmpeg/FFmpeg/blob/master/libavformat/mov.c). Behind a hole nothing does.
    A few bytes at the end may be the beginning of another box: in a fragmented file, a missing fragment.
    """
    start, is_fragmented, is_ended = 0, False, False
    while start < size:
        box = _box(file, start, size)
        if box is None:
            if is_fragmented and not is_ended:
                yield "next", start + 8
            return
        found = [(box.name, box.end)] if box.name in _BOXES and box.end else _other_boxes(file, start, size)
        if not found:
            return
        yield from found
        is_fragmented, is_ended = is_fragmented or box.name == "moof", is_ended or box.name == "mfra"
        start = found[-1][1]


def _box(file: BinaryIO, start: int, size: int) -> _Box | None:
    """Return the box that begins at a place; None where too few bytes are left for one."""
    file.seek(start)
    head = file.read(16)
    if len(head) < 8:
        return None
    name = head[4:8].decode("latin-1")
    length = int.from_bytes(head[:4], "big")
    if length == 1:
        length = int.from_bytes(head[8:16], "big") if len(head) == 16 else 16
    elif length == 0 and name in _BOXES:
        length = size - start
    return _Box(name, head, start + length if length >= 8 else None)


def _other_boxes(file: BinaryIO, start: int, size: int) -> list[tuple[str, int]]:
    """Return the boxes under names that are not in `_BOXES`, up to a part of the file or its end; none if neither comes."""
    found: list[tuple[str, int]] = []
    while len(found) <= _MOST_OTHERS:
        if start == size:
            return found
        box = _box(file, start, size)
        if box and box.name in _BOXES:
            return found
        if box is None or box.end is None or box.end > size or not _is_other(box):
            return []
        found.append((box.name, box.end))
        start = box.end
    return []


def _is_other(box: _Box) -> bool:
    """Return whether a box may be one at top level, although its name is not in `_BOXES`."""
    return bool(_NAME.fullmatch(box.head[4:8])) and not _IN_FRAGMENT.search(box.head)


def _has_fragments(file: BinaryIO, at: int) -> bool:
    """Return whether a fragment, or the index of all fragments, begins anywhere behind a place."""
    file.seek(at)
    before = b""
    while piece := file.read(_PIECE_BYTES):
        if _FRAGMENT.search(before + piece):
            return True
        before = piece[-11:]
        clock.check_stop()
    return False


class _Element(NamedTuple):
    """An element of a WebM or Matroska file (RFC 8794 §6): where its data begin and end; None for an unknown length."""

    name: int
    begin: int
    end: int | None


def _refuse_cut_elements(path: Path, file: BinaryIO, size: int, at: int) -> None:
    """Walk over the elements of the segment that begins at `at`, and over those of its clusters."""
    segment = _element(file, at)
    if segment is None or segment.name != _SEGMENT:
        return  # FFmpeg says what is wrong
    _refuse_past_end(path, segment, size)
    at, count = segment.begin, 0
    while at < (segment.end or size):
        count += 1
        _refuse_too_many(path, count)
        found = _element(file, at)
        if found is None or found.name not in _ELEMENTS:
            if segment.end is None and _is_appended(file, at, size):
                return
            raise BrokenMedia(f"{path.name} is damaged at byte {at:,}: nothing that is there can be a part of it.")
        _refuse_past_end(path, found, size)
        at = found.begin if found.name == _CLUSTER or found.end is None else found.end


def _element(file: BinaryIO, at: int) -> _Element | None:
    """Return the element that begins at a place; None where none can."""
    file.seek(at)
    header = file.read(12)
    name_bytes = 9 - header[0].bit_length() if header else 9
    if name_bytes > 4 or len(header) <= name_bytes:
        return None
    length_bytes = 9 - header[name_bytes].bit_length()
    begin = name_bytes + length_bytes
    if length_bytes > 8 or len(header) < begin:
        return None
    marker = 1 << 7 * length_bytes
    length = int.from_bytes(header[name_bytes:begin], "big") - marker
    end = None if length == marker - 1 else at + begin + length
    return _Element(int.from_bytes(header[:name_bytes], "big"), at + begin, end)


def _is_appended(file: BinaryIO, at: int, size: int) -> bool:
    """Return whether what is behind a place is appended data: little and no cluster in it, or zeros."""
    file.seek(at)
    if size - at <= _APPENDED_BYTES:
        return _CLUSTER.to_bytes(4, "big") not in file.read(_APPENDED_BYTES)
    return not any(any(piece) for piece in iter(lambda: file.read(_PIECE_BYTES), b""))


def _refuse_past_end(path: Path, found: _Element, size: int) -> None:
    if found.end is not None and found.end > size:
        raise BrokenMedia(f"{path.name} was cut off: a part of it should end at byte {found.end:,}, the file ends at {size:,}.")


def _refuse_too_many(path: Path, count: int) -> None:
    clock.check_stop()
    if count > _MOST_PARTS:
        raise BrokenMedia(f"{path.name} has more than {_MOST_PARTS:,} parts; that many are refused.")
