"""The `.part` file of a download: written and hashed as bytes arrive, and resumed after an interruption.

A resume needs the version of the remote file, the number of good bytes, and their hash, because a power cut may leave a file
of the right length with holes in it. An interrupted download stores them beside the part, in `….part.resume`; a part without
that file is downloaded from the start.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from pydantic import BaseModel

from tenxsom import atomic, clock, safe_files
from tenxsom.disk import disk_errors
from tenxsom.errors import BrokenMedia, DiskError

PIECE_BYTES = 512 * 1024
"""Bytes per read, the fastest that was measured: smaller reads cost calls, larger ones cache misses."""


GZIP = b"\x1f\x8b"
"""What a file that is packed by gzip begins with."""


class _Memo(BaseModel):
    """What an interrupted download leaves in `….part.resume`."""

    size: int
    sha256: str
    total: int | None = None
    validator: str | None = None
    version: str | None = None
    cut_at: int = 0
    cuts: int = 0


class PartFile:
    """A download's file, as a context manager. After an error the file stays for the next attempt, except after BrokenMedia
    and DiskError, which remove it. Raises DiskError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.total: int | None = None
        self.validator: str | None = None
        """The validator for `If-Range`; None where the host sends no strong one."""
        self.version: str | None = None
        """The host's version of the file, strong or weak."""
        self.cut_at, self.cuts = 0, 0
        """How often calls in a row ended because the host stopped at this same byte."""
        self._descriptor = -1
        self._digest = hashlib.sha256()

    def __enter__(self) -> Self:
        with disk_errors(self.path):
            self._descriptor = safe_files.open_own(self.path)
        try:
            self._pick_up(self._forget_memo())
        except BaseException:  # a stop, too, must close the file
            os.close(self._descriptor)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if isinstance(error, BrokenMedia | DiskError):
                self.path.unlink(missing_ok=True)
            elif error is not None and self.size:
                memo = _Memo(
                    size=self.size,
                    sha256=self.sha256(),
                    total=self.total,
                    validator=self.validator,
                    version=self.version,
                    cut_at=self.cut_at,
                    cuts=self.cuts,
                )
                atomic.write(_memo_path(self.path), memo.model_dump_json().encode())
        finally:
            os.close(self._descriptor)

    def start_over(self) -> None:
        """Empty the file and reset the hash: the next bytes are the first ones."""
        with disk_errors(self.path):
            if os.fstat(self._descriptor).st_size:  # ext4 writes a file that was ever truncated to nothing out at its close
                os.ftruncate(self._descriptor, 0)
                os.lseek(self._descriptor, 0, os.SEEK_SET)
        self.size, self.total, self.validator, self.version = 0, None, None, None
        self._digest = hashlib.sha256()

    def note_cut(self) -> int:
        """Count a call that ended because the host stopped early; return how many in a row ended at this byte."""
        self.cuts = self.cuts + 1 if self.cut_at == self.size else 1
        self.cut_at = self.size
        return self.cuts

    def unpack(self, max_bytes: int) -> None:
        """Replace a file that is packed by gzip with what it contains. Raises BrokenMedia, DiskError, Interrupted."""
        target = self.path.with_name(f"{self.path.name}.unpacked")
        try:
            with disk_errors(target), self.path.open("rb") as packed:
                size, digest = _unpack(packed, target, max_bytes)
        except BaseException:  # after a stop, too, the half of a file is of no use
            target.unlink(missing_ok=True)
            raise
        atomic.publish(target, self.path)
        self.size, self._digest = size, digest

    def write(self, piece: bytes) -> None:
        """Append bytes. Raises DiskError."""
        view = memoryview(piece)
        with disk_errors(self.path):
            while view:
                view = view[os.write(self._descriptor, view) :]
        self.size += len(piece)
        self._digest.update(piece)

    def tail(self, length: int) -> bytes:
        """Return the last bytes that were written."""
        with disk_errors(self.path):
            return os.pread(self._descriptor, length, self.size - length)

    def head(self, length: int) -> bytes:
        """Return the first bytes that were written."""
        with disk_errors(self.path):
            return safe_files.read_file(self.path, length)

    def sha256(self) -> str:
        """Return the SHA-256 of everything written, in hexadecimal."""
        return self._digest.hexdigest()

    def _pick_up(self, memo: _Memo | None) -> None:
        """Resume where the last attempt stopped, if the bytes on the disk are still the ones it wrote."""
        if memo is None or not self._still_holds(memo):
            self.start_over()
            return
        self.size, self.total, self.validator = memo.size, memo.total, memo.validator
        self.version = memo.version or memo.validator  # earlier releases left no version
        self.cut_at, self.cuts = memo.cut_at, memo.cuts

    def _still_holds(self, memo: _Memo) -> bool:
        """Return whether the file begins with the bytes of the memo; what is behind them is cut off."""
        with disk_errors(self.path):
            if not 0 < memo.size <= os.fstat(self._descriptor).st_size:
                return False
            os.ftruncate(self._descriptor, memo.size)
            while piece := os.read(self._descriptor, PIECE_BYTES):
                self._digest.update(piece)
        return self.sha256() == memo.sha256

    def _forget_memo(self) -> _Memo | None:
        """Read and remove the memo of an interrupted download: it is valid only until the next byte is written."""
        path = _memo_path(self.path)
        try:
            written = safe_files.read_file(path, 10_000)
            path.unlink()
            return _Memo.model_validate_json(written)
        except (OSError, ValueError):
            return None  # no memo, or an unreadable one: the download restarts


def check_size(size: int | None, max_bytes: int) -> None:
    """Raise BrokenMedia for a file that is larger than `max_bytes`; a size that is not known passes."""
    if size is not None and size > max_bytes:
        raise BrokenMedia(f"The file is larger than {max_bytes} bytes, the most that is believed to be honest.")


def _unpack(packed: BinaryIO, target: Path, max_bytes: int) -> tuple[int, hashlib._Hash]:
    """Write the contents of a packed file to `target`; return their size and digest.

    Raises BrokenMedia, OSError, Interrupted.
    """
    digest, size = hashlib.sha256(), 0
    with open(safe_files.open_new(target), "wb") as file:  # noqa: PTH123  (the descriptor's file cannot be swapped for another)
        for piece in _unpacked(packed):
            size += len(piece)
            check_size(size, max_bytes)
            file.write(piece)
            digest.update(piece)
    return size, digest


def _unpacked(packed: BinaryIO) -> Iterator[bytes]:
    """Yield the contents of a file that is packed by gzip, in pieces. Raises BrokenMedia, Interrupted.

    It may have several members, one behind the other (RFC 1952 §2.2); other bytes behind a member are padding. A host may send
    hundreds of thousands of empty ones, which take seconds.
    """
    unpacker, data = _new_unpacker(), b""
    try:
        while data := data or packed.read(PIECE_BYTES):
            clock.check_stop()
            if unpacker.eof:
                data += packed.read(PIECE_BYTES) if len(data) < len(GZIP) else b""
                if not data.startswith(GZIP):
                    return
                unpacker = _new_unpacker()
            yield unpacker.decompress(data, PIECE_BYTES)
            data = unpacker.unconsumed_tail or unpacker.unused_data
    except zlib.error as error:
        raise BrokenMedia(f"The file came packed by gzip, and is damaged: {error}.") from None
    if not unpacker.eof:
        raise BrokenMedia("The file came packed by gzip, and was cut off.")


def _new_unpacker() -> zlib._Decompress:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _memo_path(part: Path) -> Path:
    return part.with_name(part.name + ".resume")
