"""Checks that a file is a whole, playable video.

Three checks: the first bytes (an error page saved as .mp4), the parts of the file (truncation, holes), and one pass that reads
every packet and decodes every picture and the sound, in constant memory. Everything that players play is accepted: edit lists,
bytes after the last box, a held last picture, rotation, odd and variable frame rates, no sound, sound of another length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from tenxsom import clock
from tenxsom.errors import BrokenMedia, GoesOn, TenxsomError
from tenxsom.media.video_file import MAX_PIXELS, open_video, picture_track, rotation_of, shown_size, sound_track
from tenxsom.media.video_parts import refuse_cut_parts
from tenxsom.model.film import CheckedStretch
from tenxsom.safe_files import read_file

_MOST_PACKETS = 1_000_000
"""The largest number of pictures in a file: more than four hours at 60 per second."""
OVERLAP_SECONDS = 2.0
_LATEST_START = 1.0
"""Players skip pictures before the first decodable one; more seconds of them count as damage."""


@dataclass(frozen=True)
class VideoFacts:
    """The facts of a checked video. `seconds` is the length of its picture track, `file_seconds` that of everything that players
    play, sound without pictures included; width and height are as displayed."""

    seconds: float
    width: int
    height: int
    fps: float
    video_codec: str
    audio_codec: str | None
    frames: int
    size_bytes: int
    rotation: int = 0
    """The clockwise rotation that players apply, in degrees."""
    file_seconds: float = 0.0

    def as_dict(self) -> dict[str, float | int | str | None]:
        return asdict(self)


def check_video(
    path: Path,
    *,
    max_pixels: int = MAX_PIXELS,
    deadline: clock.Deadline | None = None,
    look: Callable[[av.VideoFrame], None] | None = None,
    is_own: bool = False,
    checked: CheckedStretch | None = None,
    keep: Callable[[CheckedStretch], None] | None = None,
) -> VideoFacts:
    """Decode every picture and the sound of a video, and return its facts; `look` is called with every picture.

    `is_own`: this program has encoded it, so that the filter that smooths the edges of blocks may be left out, and one thread
    decodes it, which costs a quarter less of a processor.

    With `keep`, for a video of this program only, a check has no end that loses it: `keep` is called at key frames, and the
    next check goes on from what it kept (`checked`). After `deadline` it raises GoesOn, once at least OVERLAP_SECONDS were added:
    `look` is called again with the pictures of as many seconds.

    Raises BrokenMedia, in one sentence, for a file that is not whole and playable, and for pictures of more than `max_pixels`;
    OutOfTime when `deadline` is reached and Interrupted when a stop is requested, which say nothing about the video.
    """
    refuse_what_is_no_media(path, "a video")
    refuse_cut_parts(path)
    with _told_as_broken(path), open_video(path, max_pixels) as container:
        if is_own:
            context = picture_track(container, path.name).codec_context
            context.thread_type, context.options = "SLICE", context.options | {"skip_loop_filter": "all"}
        until = deadline or clock.Deadline(float("inf"))
        if keep is None:
            return _Pass(path, container, max_pixels, until, look).facts()
        return _PassInParts(path, container, max_pixels, until, look, checked=checked, keep=keep).facts()


def describe_video(path: Path, max_pixels: int = MAX_PIXELS) -> VideoFacts:
    """Return the facts in a video's headers and first picture only. Raises BrokenMedia when they cannot be read."""
    with _told_as_broken(path), open_video(path, max_pixels) as container:
        track, sound = picture_track(container, path.name), sound_track(container)
        _refuse_too_much(path, track, max_pixels)
        first = next(container.decode(track))
        seconds = float((track.duration or 0) * (track.time_base or 0)) or (container.duration or 0) / av.time_base
        whole = (container.duration or 0) / av.time_base
        return _facts(path, (track, sound), first, (seconds, max(seconds, whole)), len(track.index_entries))


def refuse_what_is_no_media(path: Path, expected: str, *, quotes: bool = True) -> None:
    """Raise BrokenMedia for a file that is missing, empty, or text, such as a web server's error page.

    The message quotes the text's beginning, without `quotes` not: a file of this machine may be one that nobody may read.
    """
    try:
        start = read_file(path, 256)
    except OSError as error:
        raise BrokenMedia(f"{path.name} cannot be read: {error.strerror}.") from error
    if not start:
        raise BrokenMedia(f"{path.name} is empty.")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    kind = "HTML or XML" if text.startswith(b"<") else "JSON" if text.startswith((b"{", b"[")) else ""
    if not kind and all(0x20 <= byte < 0x7F or byte in b"\t\r\n" for byte in text):
        kind = "plain text"
    if kind:
        quote = f": it begins with {text[:60].decode('utf-8', 'replace')!r}" if quotes else ""
        raise BrokenMedia(f"{path.name} is {kind}, not {expected}{quote}.")


class _Pass:
    """Reads every packet of the picture and the sound track, compares it with the index, and decodes it."""

    def __init__(
        self,
        path: Path,
        container: InputContainer,
        max_pixels: int,
        deadline: clock.Deadline,
        look: Callable[[av.VideoFrame], None] | None,
    ) -> None:
        self._path, self._container, self._max_pixels, self._deadline, self._look = path, container, max_pixels, deadline, look
        self._video, self._audio = picture_track(container, path.name), sound_track(container)
        _refuse_too_much(path, self._video, max_pixels)
        self._packets = {track.index: 0 for track in (self._video, self._audio) if track is not None}
        self._begin, self._end = float("inf"), float("-inf")
        self._sound_begin: float | None = None
        self._sound_end = 0.0
        self._shown = 0
        self._early: list[int] = []
        self._first: av.VideoFrame | None = None
        self._frames, self._is_interlaced, self._sound_frames = 0, False, 0

    def facts(self) -> VideoFacts:
        """Read and decode everything. Raises BrokenMedia for the first defect."""
        for packet in self._container.demux([self._video, *([self._audio] if self._audio else [])]):
            clock.check_stop()
            self._check_time()
            if packet.is_corrupt:
                raise BrokenMedia(f"{self._path.name} is damaged or was cut off after {max(self._end, 0.0):.2f} s.")
            if packet.size:
                self._note(packet)
            for frame in packet.decode():
                self._look_at(frame)
        seconds = self._end - self._begin
        self._refuse_missing_packets(seconds)
        self._refuse_missing_frames()
        whole = max(self._end, self._sound_end) - min(self._begin, self._begin if self._sound_begin is None else self._sound_begin)
        return _facts(self._path, (self._video, self._audio), self._first_frame(), (seconds, whole), self._frames)

    def _check_time(self) -> None:
        self._deadline.check(f"Decoding {self._path.name}")

    def _note(self, packet: Packet[Stream]) -> None:
        """Count a packet, and update the start and the end of the pictures or the sound."""
        self._packets[packet.stream_index] += 1
        if self._packets[packet.stream_index] > _MOST_PACKETS:
            raise BrokenMedia(f"{self._path.name} has more than {_MOST_PACKETS:,} pictures; that many are refused.")
        if packet.pts is None:
            return
        begin, end = float(packet.pts * packet.time_base), float((packet.pts + (packet.duration or 0)) * packet.time_base)
        if packet.stream_index != self._video.index:
            self._sound_begin = begin if self._sound_begin is None else min(self._sound_begin, begin)
            self._sound_end = max(self._sound_end, end)
        elif not packet.is_discard:
            self._begin, self._end, self._shown = min(self._begin, begin), max(self._end, end), self._shown + 1
            if self._first is None:
                self._early.append(packet.pts)
            elif packet.pts < (self._first.pts or 0):
                self._shown -= 1

    def _look_at(self, frame: object) -> None:
        """Count a decoded picture, and refuse one that the decoder had to conceal."""
        if not isinstance(frame, av.VideoFrame):
            self._sound_frames += 1
            return
        if frame.is_corrupt:
            raise BrokenMedia(f"{self._path.name} is damaged near {frame.time or 0:.2f} s.")
        _refuse_too_many_pixels(self._path, frame.width, frame.height, self._max_pixels)  # the size may change within a file
        self._frames += 1
        self._is_interlaced |= frame.interlaced_frame
        if self._first is None:
            self._first = frame
            self._shown -= sum(pts < (frame.pts or 0) for pts in self._early)
            self._early.clear()
        if self._look is not None:
            self._look(frame)

    def _first_frame(self) -> av.VideoFrame:
        if self._first is None:
            raise BrokenMedia(f"{self._path.name} is damaged: none of its pictures can be decoded.")
        return self._first

    def _refuse_missing_packets(self, seconds: float) -> None:
        name = self._path.name
        if not self._packets[self._video.index] or seconds <= 0:
            raise BrokenMedia(f"{name} has a picture track without pictures.")
        for track in filter(None, (self._video, self._audio)):
            count, indexed = self._packets[track.index], len(track.index_entries)
            if count < indexed:
                raise BrokenMedia(f"{name} was cut off: {count} of {indexed} parts of its {track.type} track are there.")
        video = self._video
        declared = float(video.duration * video.time_base) if video.duration and video.time_base else 0.0
        declared = declared or (self._container.duration or 0) / av.time_base
        there = seconds if video.duration else max(seconds, self._sound_end)
        if there < declared - max(0.5, 0.05 * declared):
            raise BrokenMedia(f"{name} was cut off: its pictures end after {there:.2f} of {declared:.2f} s.")

    def _refuse_missing_frames(self) -> None:
        """Compare the number of pictures with that of packets; two fields make one picture, and decoders may withhold one."""
        expected = self._shown // 2 if self._is_interlaced or self._video.codec_context.name == "vp8" else self._shown - 1
        if self._frames < max(1, expected):
            raise BrokenMedia(f"{self._path.name} is damaged: {self._frames} of {self._shown} frames can be decoded.")
        late = float(self._first_frame().time or 0) - self._begin
        if late > _LATEST_START:
            raise BrokenMedia(f"{self._path.name} is damaged: its first {late:.2f} s cannot be decoded.")
        if self._audio is not None and self._packets[self._audio.index] and not self._sound_frames:
            raise BrokenMedia(f"{self._path.name} is damaged: nothing of its sound can be decoded.")


class _PassInParts(_Pass):
    """A pass over a video of this program, in parts: nothing after one of its key frames is needed for the pictures before it."""

    def __init__(
        self,
        path: Path,
        container: InputContainer,
        max_pixels: int,
        deadline: clock.Deadline,
        look: Callable[[av.VideoFrame], None] | None,
        *,
        checked: CheckedStretch | None,
        keep: Callable[[CheckedStretch], None],
    ) -> None:
        super().__init__(path, container, max_pixels, deadline, look)
        self._size, self._keep = path.stat().st_size, keep
        self._arrived: dict[int, CheckedStretch] = {}
        self._last_sound: int | None = None
        self._enough = OVERLAP_SECONDS
        self._from = checked if checked is not None and checked.size_bytes == self._size else None
        if self._from is not None:
            self._go_on_from(self._from)

    def _go_on_from(self, checked: CheckedStretch) -> None:
        self._first = next(self._container.decode(self._video), None)
        self._packets[self._video.index] = checked.pictures
        if self._audio is not None:
            self._packets[self._audio.index] = self._sound_frames = checked.sounds
        self._begin, self._end = checked.begin, checked.end
        self._sound_begin, self._sound_end = checked.sound_begin, checked.sound_end
        self._enough = checked.end + OVERLAP_SECONDS
        self._shown, self._frames, self._last_sound = checked.shown, checked.frames, checked.last_sound
        overlap = round(OVERLAP_SECONDS / (self._video.time_base or 1))
        self._container.seek(max(self._video.start_time or 0, checked.key - overlap), stream=self._video)

    def _check_time(self) -> None:
        """Do nothing: a part ends at a key frame."""

    def _note(self, packet: Packet[Stream]) -> None:
        """Count a packet, unless an earlier part has, and keep what is known when a key frame arrives."""
        is_picture = packet.stream_index == self._video.index
        if is_picture:
            if self._from is not None and packet.dts is not None and packet.dts < self._from.key_dts:
                return
            if packet.is_keyframe and packet.pts is not None and self._packets[self._video.index]:
                self._arrived[packet.pts] = self._so_far(packet.pts, packet.dts or 0)
        elif packet.pts is not None:
            if self._last_sound is not None and packet.pts <= self._last_sound:
                return
            self._last_sound = packet.pts
        super()._note(packet)

    def _so_far(self, key: int, key_dts: int) -> CheckedStretch:
        return CheckedStretch(
            size_bytes=self._size,
            key=key,
            key_dts=key_dts,
            last_sound=self._last_sound,
            pictures=self._packets[self._video.index],
            sounds=self._packets[self._audio.index] if self._audio is not None else 0,
            begin=self._begin,
            end=self._end,
            sound_begin=self._sound_begin,
            sound_end=self._sound_end,
            shown=self._shown,
        )

    def _look_at(self, frame: object) -> None:
        """Count a picture, unless an earlier part has; at a key frame keep how far the check is, and end after the deadline."""
        if not isinstance(frame, av.VideoFrame) or frame.pts is None:
            super()._look_at(frame)
            return
        if (known := self._arrived.pop(frame.pts, None)) and known.end >= self._enough:
            known.frames = self._frames
            self._keep(known)
            if self._deadline.passed():
                raise GoesOn(f"{known.end:.0f} s of {self._path.name} are verified; the next tick goes on from there.")
        super()._look_at(frame)
        if self._from is not None and frame.pts < self._from.key:
            self._frames -= 1


def _refuse_too_much(path: Path, track: VideoStream, max_pixels: int) -> None:
    """Raise BrokenMedia, before decoding, for pictures that are too large and for too many of them."""
    _refuse_too_many_pixels(path, track.width, track.height, max_pixels)
    if not track.width * track.height:
        raise BrokenMedia(
            f"{path.name} is not a playable video: its pictures cannot be read, or have more than {max_pixels:,} pixels"
            " (MAX_VIDEO_PIXELS)."
        )
    if max(track.frames, len(track.index_entries)) > _MOST_PACKETS:
        raise BrokenMedia(f"{path.name} has more than {_MOST_PACKETS:,} pictures; that many are refused.")


def _refuse_too_many_pixels(path: Path, width: int, height: int, most: int) -> None:
    if width * height > most:
        raise BrokenMedia(
            f"{path.name} has pictures of {width}x{height}; more than {most:,} pixels are refused (MAX_VIDEO_PIXELS)."
        )


def _facts(
    path: Path, tracks: tuple[VideoStream, AudioStream | None], first: av.VideoFrame, lengths: tuple[float, float], frames: int
) -> VideoFacts:
    (video, audio), (seconds, file_seconds) = tracks, lengths
    width, height = shown_size(first, video)
    return VideoFacts(
        round(seconds, 3),
        width,
        height,
        round(float(video.average_rate or video.guessed_rate or 0), 3),
        video.codec_context.codec.canonical_name,
        audio.codec_context.codec.canonical_name if audio else None,
        frames,
        path.stat().st_size,
        rotation_of(first),
        round(file_seconds, 3),
    )


@contextmanager
def _told_as_broken(path: Path) -> Iterator[None]:
    """Raise BrokenMedia for errors of FFmpeg and PyAV about a file."""
    try:
        yield
    except TenxsomError:
        raise
    except av.FFmpegError as error:
        raise BrokenMedia(f"{path.name} is not a playable video: {error.strerror}.") from error
    except Exception as error:  # PyAV raises any exception for a damaged header
        raise BrokenMedia(f"{path.name} is not a playable video: its header makes no sense ({error!r:.80}).") from error
