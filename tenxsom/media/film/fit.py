"""Fits the pictures of a clip into the frame of a film: cropped where little is lost, else whole before a blurred background."""

from __future__ import annotations

import av

from tenxsom.media.filters import Chain
from tenxsom.media.video_file import writable

_LEAST_KEPT = 0.55
"""The share of a picture that must remain for it to be cropped: a 16:9 picture is cropped to 1:1, and not to 9:16."""
_LEAST_SIDE = 4
"""The least side in pixels of a picture that is shown whole; a narrower one would be a line."""
_BLUR = 16
"""The background is scaled down by this factor and up again."""
_TO_BT709 = "flags=bicubic:out_color_matrix=bt709:out_range=limited"
_BT709, _UNSPECIFIED, _FULL_RANGE = 1, 2, 2


class Fitter:
    """Brings frames of any size and colour space to the size of a film and to BT.709."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        to, plain = f"{width}:{height}", "format=yuv420p"
        self._cover = Chain(f"scale={to}:force_original_aspect_ratio=increase:{_TO_BT709}", f"crop={to}", plain)
        self._whole = Chain(f"scale={to}:force_original_aspect_ratio=decrease:force_divisible_by=2:{_TO_BT709}", plain)
        small = f"{max(2, width // _BLUR)}:{max(2, height // _BLUR)}"
        self._background = Chain(
            f"scale={small}:force_original_aspect_ratio=increase:{_TO_BT709}",
            f"crop={small}",
            "gblur=sigma=1.5",
            "lutyuv=y=16+(val-16)*0.55",
            f"scale={to}:flags=bicubic",
            plain,
        )

    def fit(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return the frame in the size of the film; the frame itself where nothing has to be changed."""
        if (frame.width, frame.height) == self._size and _is_plain(frame):
            return frame
        share = frame.width * self._size[1] / (frame.height * self._size[0])
        is_a_line = min(self._size[1] / share, self._size[0] * share) < _LEAST_SIDE
        if min(share, 1 / share) >= _LEAST_KEPT or is_a_line:
            return self._cover(frame)
        return _centred(self._whole(frame), self._background(frame))


def _is_plain(frame: av.VideoFrame) -> bool:
    is_bt709 = frame.colorspace in (_BT709, _UNSPECIFIED) and frame.color_range != _FULL_RANGE
    return is_bt709 and frame.format.name == "yuv420p"


def _centred(small: av.VideoFrame, background: av.VideoFrame) -> av.VideoFrame:
    """Copy a frame into the middle of a larger one."""
    left, top = (background.width - small.width) // 4 * 2, (background.height - small.height) // 4 * 2
    background.make_writable()
    for plane, part, half in zip(writable(background), writable(small), (1, 2, 2), strict=True):
        plane[top // half : top // half + part.shape[0], left // half : left // half + part.shape[1]] = part
    return background
