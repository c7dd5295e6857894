"""Joins clips: copies their packets where the clips are alike, re-encodes them where they are not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from statistics import median_high
from typing import Any, NamedTuple

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from tenxsom import clock
from tenxsom.media.encode import new_mp4, told_as_broken
from tenxsom.media.join_encode import encode_clips
from tenxsom.media.video_file import open_video, picture_track, rotation_of, shown_size, sound_track

_IN_MP4 = frozenset(("h264", "hevc", "av1", "vp9", "aac", "mp3", "opus", "ac3", "eac3", "flac"))
"""Codecs that an MP4 may have where a single clip is the film."""
_Likeness = tuple[object, ...]


def join_clips(clips: Sequence[Path], target: Path, deadline: clock.Deadline | None = None) -> str:
    """Write all clips, in order, to `target` (MP4, index at the front); return "copied" or "encoded".

    The first clip decides size, frame rate and whether there is sound. Where clips differ, or do not play everywhere, all are
    encoded to that size with black bars, and silence fills in for missing sound. Raises BrokenMedia when a clip cannot be
    read, OSError when `target` cannot be written, OutOfTime when `deadline` is reached.
    """
    if not clips:
        raise ValueError("There are no clips to join.")
    with told_as_broken("A clip cannot be joined"):
        found = [_likeness(clip) for clip in clips]
        can_be_copied = len({*found}) == 1 and found[0] is not None
        if can_be_copied:
            _copy(clips, target)
        else:
            encode_clips(clips, target, deadline)
    return "copied" if can_be_copied else "encoded"


def plays_as_mp4(clip: Path) -> bool:
    """Return whether a file is an MP4 of the codecs that players and browsers expect in one. Raises BrokenMedia."""
    with told_as_broken("A clip cannot be read"), open_video(clip, probe=False) as container:
        video, audio = picture_track(container, clip.name), sound_track(container)
        codecs = {track.codec_context.codec.canonical_name for track in (video, audio) if track is not None}
        return "mp4" in container.format.name and codecs <= _IN_MP4


def _likeness(clip: Path) -> _Likeness | None:
    """Return what must be equal for two clips to share a track without encoding; None for a clip that must be encoded."""
    with _opened(clip) as container:
        video, audio = picture_track(container, clip.name), sound_track(container)
        if not _plays_everywhere(container, video, audio):
            return None
        context = video.codec_context
        shape = (video.width, video.height, video.sample_aspect_ratio)
        picture = (context.name, context.extradata, *shape, context.pix_fmt, video.time_base)
        if audio is None:
            return picture
        voice = audio.codec_context
        return (*picture, voice.name, voice.extradata, voice.sample_rate, voice.layout.name, audio.time_base)


def _plays_everywhere(container: InputContainer, video: VideoStream, audio: AudioStream | None) -> bool:
    """Return whether a clip's packets can be copied into a film: 8-bit H.264, upright, no packet hidden by an edit list."""
    if video.codec_context.name != "h264" or (audio and audio.codec_context.name != "aac"):
        return False
    if any(entry.is_discard for entry in video.index_entries):
        return False
    video.codec_context.thread_type = "SLICE"  # threads for frames would decode the next ones too
    first = next(container.decode(video), None)
    if first is None or first.format.name not in ("yuv420p", "yuvj420p"):
        return False
    return shown_size(first, video) == (first.width, first.height) and not rotation_of(first)


@contextmanager
def _opened(clip: Path) -> Iterator[InputContainer]:
    """Open a clip by its headers alone where they say everything that copying needs, as those of an MP4 do."""
    with open_video(clip, probe=False) as container:
        is_mp4 = "mp4" in container.format.name
        if is_mp4:
            yield container
    if not is_mp4:
        with open_video(clip) as container:
            yield container


def _copy(clips: Sequence[Path], target: Path) -> None:
    with new_mp4(target) as output:
        with open_video(clips[0]) as source:
            copier = _Copier(output, source)
        for clip in clips:
            with _opened(clip) as source:
                copier.append(source)


def _tracks(source: av.container.InputContainer) -> list[VideoStream | AudioStream]:
    audio = sound_track(source)
    return [picture_track(source, "A clip"), *([audio] if audio else [])]


class _Timed(NamedTuple):
    """A packet with its time."""

    packet: av.Packet[Any]
    kind: str
    pts: int
    dts: int


def _timed(packets: Iterable[av.Packet[Any]]) -> list[_Timed]:
    """Return packets with their times. Matroska names no decode times, and FFmpeg cannot tell those of a track's first packets."""
    shown = [(packet, packet.pts) for packet in packets if packet.pts is not None]
    untold = {packet.stream_index for packet, _ in shown if packet.dts is None}
    times = {track: iter(_decode_times([pts for packet, pts in shown if packet.stream_index == track])) for track in untold}
    return [
        _Timed(packet, packet.stream.type, pts, next(times[track]) if (track := packet.stream_index) in times else packet.dts or 0)
        for packet, pts in shown
    ]


def _decode_times(shown: Sequence[int]) -> list[int]:
    """Return rising decode times for packets that are shown at these times, none of them later than its own."""
    rising = sorted(shown)
    ahead = max(decoded - pts for decoded, pts in zip(rising, shown, strict=True))
    return [decoded - ahead for decoded in rising]


class _Copier:
    """Appends packets, clip by clip, on one time line.

    The pictures of a clip start exactly where those of the previous clip end. A clip's length is not a multiple of a block of
    compressed sound, so blocks follow each other, and at every seam one is kept or dropped: sound and pictures differ by at
    most half a block (some 11 ms), for any number of clips.
    """

    def __init__(self, output: av.container.OutputContainer, source: av.container.InputContainer) -> None:
        self._output = output
        self._tracks: dict[str, Stream] = {stream.type: output.add_stream_from_template(stream) for stream in _tracks(source)}
        self._start = Fraction(0)
        self._sound_at: int | None = None
        self._last_dts: dict[str, int] = {}

    def append(self, source: av.container.InputContainer) -> None:
        """Append all packets of one clip."""
        streams = _tracks(source)
        packets = _timed(source.demux(streams))
        pictures = [timed for timed in packets if timed.kind == "video"]
        tick = pictures[0].packet.time_base
        first = min(timed.pts for timed in pictures) * tick
        end = max(timed.pts + (timed.packet.duration or 0) for timed in pictures) * tick
        blocks = [timed.packet.duration or 0 for timed in packets if timed.kind == "audio"]
        block = median_high(blocks or [0]) or 1  # the first or the last may last longer, or less
        shift = self._start - first
        ticks = {str(stream.type): round(shift / stream.time_base) for stream in streams if stream.time_base}
        last = {str(stream.type): round((shift + end) / stream.time_base) for stream in streams if stream.time_base}
        for timed in packets:
            if timed.kind == "video":
                self._write(timed, timed.pts + ticks[timed.kind], timed.dts + ticks[timed.kind])
            else:
                self._add_sound(timed, ticks[timed.kind], block, last[timed.kind])
        self._start += end - first

    def _add_sound(self, timed: _Timed, shift: int, block: int, end: int) -> None:
        """Append one block of sound after the previous one, unless most of it is before or after its clip's pictures."""
        wanted = timed.pts + shift
        if self._sound_at is None:
            self._sound_at = wanted  # the first clip keeps the priming block that its decoder expects
        behind = wanted - self._sound_at
        if behind < -(block // 2) or self._sound_at + block // 2 > end:
            return
        at = wanted if behind > block else self._sound_at  # a gap in a clip's sound stays a gap
        self._sound_at = at + block
        timed.packet.duration = max(1, min(block, end - at))  # used only for the last block
        self._write(timed, at, at)

    def _write(self, timed: _Timed, pts: int, dts: int) -> None:
        dts = max(dts, self._last_dts.get(timed.kind, dts - 1) + 1)
        self._last_dts[timed.kind] = dts
        packet = timed.packet
        packet.pts, packet.dts, packet.stream = max(pts, dts), dts, self._tracks[timed.kind]
        self._output.mux(packet)
