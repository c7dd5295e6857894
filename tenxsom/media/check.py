"""Verifies pictures, and the first bytes and facts of videos, before a delivered file counts as done."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from tenxsom.errors import BrokenMedia, TenxsomError
from tenxsom.media.first_bytes import is_heic
from tenxsom.media.video_check import VideoFacts, check_video, refuse_what_is_no_media
from tenxsom.safe_files import read_file

__all__ = ["PictureFacts", "VideoFacts", "check_picture", "check_video", "decode_picture", "open_picture", "picture_errors"]

MAX_PIXELS = 52_000_000
"""A phone of "50 megapixels" makes photos of up to 8192x6144."""
MIME_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg", "WEBP": "image/webp", "HEIF": "image/heic"}
"""MIME types of the readable formats. MPO is a JPEG with further pictures after the first, as many cameras and phones write."""
_ORIENTATION = 0x0112
"""The EXIF tag of the orientation; 1 is upright."""


@dataclass(frozen=True)
class PictureFacts:
    """The facts of a completely decoded picture; width and height are those of the upright picture."""

    mime_type: str
    width: int
    height: int
    size_bytes: int

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)


class Decoded(NamedTuple):
    """A decoded picture, turned upright, with the facts of its file."""

    picture: Image.Image
    kind: str
    """A name of MIME_TYPES."""
    is_turned: bool
    """Whether the file stores another orientation."""
    frames: int
    """The number of pictures in the file, of which this is the first."""


def check_picture(path: Path, data: bytes | None = None) -> PictureFacts:
    """Return the facts of a PNG, JPEG, WEBP or HEIC picture, from its file or from `data`, its bytes.

    Raises BrokenMedia, with the reason, for everything else.
    """
    picture, kind, *_ = decode_picture(path, data)
    return PictureFacts(MIME_TYPES[kind], picture.width, picture.height, path.stat().st_size if data is None else len(data))


def open_picture(path: Path) -> Image.Image:
    """Decode a picture completely and turn it upright. Raises BrokenMedia like `check_picture`."""
    return decode_picture(path).picture


def decode_picture(path: Path, data: bytes | None = None) -> Decoded:
    """Decode a picture completely and turn it upright by its EXIF data. Raises BrokenMedia like `check_picture`."""
    if data is None:
        refuse_what_is_no_media(path, "a picture")
    formats = ["HEIF"] if is_heic(read_file(path, 12) if data is None else data) else ["PNG", "JPEG", "WEBP"]
    if formats == ["HEIF"]:
        _get_ready_for_heic(path)
    with picture_errors(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # our own limit is stricter; odd metadata does no harm
        with Image.open(path if data is None else io.BytesIO(data), formats=formats) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise BrokenMedia(f"{path.name} has {picture.width}x{picture.height} pixels; more than 52 million are refused.")
            picture.load()
            turned = _turned(picture)
            return Decoded(turned or picture.copy(), str(picture.format), turned is not None, getattr(picture, "n_frames", 1))


@contextmanager
def picture_errors(path: Path) -> Iterator[None]:
    """Raise BrokenMedia for every error of a library about a picture."""
    try:
        yield
    except TenxsomError:
        raise
    except Image.DecompressionBombError as error:
        raise BrokenMedia(f"{path.name} claims to have far more than the 52 million pixels that are accepted.") from error
    except UnidentifiedImageError as error:
        raise BrokenMedia(f"{path.name} is not a PNG, JPEG or WEBP picture.") from error
    except (FileNotFoundError, PermissionError) as error:
        raise BrokenMedia(f"{path.name} cannot be read: {error.strerror}.") from error
    except Exception as error:  # decoders raise any exception for a damaged file
        raise BrokenMedia(f"{path.name} is damaged or was cut off: {_in_one_line(error)}.") from error


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")


def _turned(picture: Image.Image) -> Image.Image | None:
    """Return the picture turned upright; None where it is upright already, or its EXIF data is damaged."""
    try:
        is_turned = picture.getexif().get(_ORIENTATION, 1) in range(2, 9)
        return ImageOps.exif_transpose(picture) if is_turned else None
    except Exception:  # noqa: BLE001  (the pixels are whole, and damaged metadata must not refuse the picture)
        return None


def _get_ready_for_heic(path: Path) -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise BrokenMedia(
            f"{path.name} is a HEIC photo; install the extra `heic` to use it (pip install pillow-heif), or save it as a JPEG."
        ) from None
    register_heif_opener()
