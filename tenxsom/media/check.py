"""Is this file the picture or the video it should be? What vendors deliver is looked at before anything counts as done.

Cheap and thorough: the container's own structure, every packet, the key frames and the end (short clips: every frame).
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from tenxsom.errors import BrokenMedia
from tenxsom.media.video_check import VideoFacts, check_video, refuse_what_is_no_media

__all__ = ["PictureFacts", "VideoFacts", "check_picture", "check_video", "open_picture"]

MAX_PIXELS = 50_000_000
_FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


@dataclass(frozen=True)
class PictureFacts:
    """What is known about a picture that was decoded completely."""

    mime_type: str
    width: int
    height: int
    size_bytes: int

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)


def check_picture(path: Path) -> PictureFacts:
    """The facts of a PNG, JPEG or WEBP picture. Raises BrokenMedia, with the reason, for everything else."""
    picture = open_picture(path)
    return PictureFacts(_FORMATS[str(picture.format)], picture.width, picture.height, path.stat().st_size)


def open_picture(path: Path) -> Image.Image:
    """A picture, decoded completely; its `format` is still known. Raises BrokenMedia like `check_picture`."""
    refuse_what_is_no_media(path, "a picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is stricter and says more
            picture = Image.open(path, formats=tuple(_FORMATS))
            with picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise BrokenMedia(f"{path.name} has {picture.width}x{picture.height} pixels; more than 50 million are refused.")
                picture.load()
    except Image.DecompressionBombError as error:
        raise BrokenMedia(f"{path.name} claims to have far more than the 50 million pixels that are accepted.") from error
    except UnidentifiedImageError as error:
        raise BrokenMedia(f"{path.name} is not a PNG, JPEG or WEBP picture.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise BrokenMedia(f"{path.name} cannot be read: {error.strerror}.") from error
        raise BrokenMedia(f"{path.name} is damaged or was cut off: {error}.") from error
    return picture
