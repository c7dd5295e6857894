"""Chains of FFmpeg's filters for pictures."""

from __future__ import annotations

from fractions import Fraction

import av
from av.filter import Graph
from av.filter.context import FilterContext

_UNSPECIFIED, _BT709 = 2, 1
"""FFmpeg's numbers of colour spaces (ITU-T H.273, matrix coefficients)."""
_Form = tuple[int, int, str, int, int, Fraction]


class Chain:
    """Filters in a row that return one frame for each frame, such as `scale` and `crop`.

    Each step is a filter's name and arguments in FFmpeg's words: "crop=640:360" (https://ffmpeg.org/ffmpeg-filters.html).
    """

    def __init__(self, *steps: str) -> None:
        self._steps = steps
        self._form: _Form | None = None
        self._graph = Graph()

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return the filtered frame, with the time of the given one. Raises av.FFmpegError."""
        size, tick = (frame.width, frame.height), frame.time_base or Fraction(1, 1000)
        form = (*size, frame.format.name, frame.colorspace, frame.color_range, tick)
        if form != self._form:
            self._form, self._graph = form, _graph_of(form, self._steps)
        self._graph.vpush(frame)
        result = self._graph.vpull()
        result.pts, result.time_base = frame.pts, frame.time_base
        return result


def _graph_of(form: _Form, steps: tuple[str, ...]) -> Graph:
    """Return the filters behind a source of frames of a form. Frames without a colour space are taken as BT.709."""
    width, height, pixels, colours, levels, tick = form
    graph = Graph()
    last: FilterContext = graph.add(
        "buffer",
        f"video_size={width}x{height}:pix_fmt={pixels}:time_base={tick}:pixel_aspect=1/1"
        f":colorspace={_BT709 if colours == _UNSPECIFIED else colours}:range={levels}",
    )
    for step in (*steps, "buffersink"):
        name, _, arguments = step.partition("=")
        added = graph.add(name, arguments or None)
        last.link_to(added)
        last = added
    graph.configure()
    return graph
