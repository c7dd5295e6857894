"""Is this file a whole, playable video?

Four looks, each for a failure that the others miss: the first bytes (an error page saved as .mp4), the boxes of the file (cut off
anywhere), every packet against what the index declares (data missing in the middle or at the end), and the decoder
(bytes that are there but wrong).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from tenxsom.errors import BrokenMedia

av.logging.set_level(None)

_DECODE_ALL_PIXELS = 300_000_000
"""Clips up to this size are decoded completely (0.3 s or so); of longer ones the key frames and the end."""

_OPTIONS = {"err_detect": "explode"}


@dataclass(frozen=True)
class VideoFacts:
    """What is known about a video after looking at it. `seconds` is the length of its picture track."""

    seconds: float
    width: int
    height: int
    fps: float
    video_codec: str
    audio_codec: str | None
    frames: int
    size_bytes: int

    def as_dict(self) -> dict[str, float | int | str | None]:
        return asdict(self)


def check_video(path: Path, at_least_seconds: float | None = None) -> VideoFacts:
    """The facts of a whole and playable video. Raises BrokenMedia, in one sentence, for anything else.

    A video may be shorter than `at_least_seconds` by half a second or a tenth, whichever is more: vendors round to whole frames.
    """
    refuse_what_is_no_media(path, "a video")
    _refuse_cut_boxes(path)
    try:
        facts = _demux(path)
        _decode(path, facts)
    except av.FFmpegError as error:
        raise BrokenMedia(f"{path.name} is not a playable video: {error.strerror}.") from error
    if at_least_seconds is not None and facts.seconds < at_least_seconds - max(0.5, 0.1 * at_least_seconds):
        raise BrokenMedia(f"{path.name} is {facts.seconds:.2f} s long; {at_least_seconds:g} s were ordered.")
    return facts


def refuse_what_is_no_media(path: Path, expected: str) -> None:
    """Raise BrokenMedia for a file that is missing, empty, or text: what a web server sends instead of `expected`."""
    try:
        with path.open("rb") as file:
            start = file.read(256)
    except OSError as error:
        raise BrokenMedia(f"{path.name} cannot be read: {error.strerror}.") from error
    if not start:
        raise BrokenMedia(f"{path.name} is empty.")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    kind = "HTML or XML" if text.startswith(b"<") else "JSON" if text.startswith((b"{", b"[")) else ""
    if not kind and all(0x20 <= byte < 0x7F or byte in b"\t\r\n" for byte in text):
        kind = "plain text"
    if kind:
        raise BrokenMedia(f"{path.name} is {kind}, not {expected}: it begins with {text[:60].decode('utf-8', 'replace')!r}.")


def picture_track(container: InputContainer, name: str) -> VideoStream:
    """The first picture track. Raises BrokenMedia when there is none, or none that can be decoded."""
    if not container.streams.video:
        raise BrokenMedia(f"{name} has no picture track.")
    track = container.streams.video[0]
    if track.codec_context is None:
        raise BrokenMedia(f"{name} has a picture track of an unknown kind.")
    return track


def sound_track(container: InputContainer) -> AudioStream | None:
    """The first sound track that can be decoded, if there is one."""
    return next((track for track in container.streams.audio if track.codec_context is not None), None)


def _refuse_cut_boxes(path: Path) -> None:
    """An MP4 is a row of boxes that state their length; one that reaches past the end was cut off."""
    size = path.stat().st_size
    names = []
    with path.open("rb") as file:
        for name, end in _boxes(file, size):
            names.append(name)
            if end > size:
                raise BrokenMedia(
                    f"{path.name} was cut off: its {name!r} part should end at byte {end:,}, the file ends at {size:,}."
                )
    if names[:1] == ["ftyp"] and "moov" not in names:
        raise BrokenMedia(f"{path.name} was cut off: its index (the 'moov' part) is missing.")
    if names[:1] == ["ftyp"] and not {"mdat", "moof"} & set(names):
        raise BrokenMedia(f"{path.name} was cut off: it has an index but no pictures (no 'mdat' part).")


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[str, int]]:
    """Names and ends of the top-level boxes (ISO/IEC 14496-12); ends silently where no box begins."""
    start = 0
    while start < size:
        file.seek(start)
        header = file.read(16)
        name = header[4:8]
        if not (name.isascii() and name.decode("ascii", "replace").isprintable() and len(header) >= 8):
            is_rest = start > 0 and len(header) < 8
            if is_rest:
                yield "next", start + 8
            return
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big") if len(header) == 16 else 16
        elif length == 0:
            length = size - start
        if length < 8:
            return
        yield name.decode("ascii"), start + length
        start += length


def _demux(path: Path) -> VideoFacts:
    """Read every packet, and compare what is there with what the index says."""
    with av.open(str(path), metadata_errors="replace") as container:
        video, audio = picture_track(container, path.name), sound_track(container)
        first, last, count = float("inf"), float("-inf"), 0
        for packet in container.demux(video):
            if packet.size == 0 or packet.pts is None:
                continue
            if packet.is_corrupt:
                raise BrokenMedia(f"{path.name} is damaged or was cut off after {max(last, 0.0):.2f} s.")
            moment = float(packet.pts * packet.time_base)
            first, last = min(first, moment), max(last, moment + float((packet.duration or 0) * packet.time_base))
            count += not packet.is_discard
        seconds = last - first
        _refuse_missing_packets(path, video, count, seconds, container.duration)
        fps = float(video.average_rate or video.guessed_rate or 0)
        return VideoFacts(
            round(seconds, 3),
            video.width,
            video.height,
            round(fps, 3),
            video.codec_context.name,
            audio.codec_context.name if audio else None,
            count,
            path.stat().st_size,
        )


def _refuse_missing_packets(path: Path, video: VideoStream, count: int, seconds: float, container_duration: int | None) -> None:
    if count == 0 or seconds <= 0:
        raise BrokenMedia(f"{path.name} has a picture track without pictures.")
    if count < video.frames:
        raise BrokenMedia(f"{path.name} was cut off: {count} of {video.frames} frames are there.")
    declared = (
        float(video.duration * video.time_base) if video.duration and video.time_base else (container_duration or 0) / av.time_base
    )
    if seconds < declared - max(0.5, 0.05 * declared):
        raise BrokenMedia(f"{path.name} was cut off: its pictures end after {seconds:.2f} of {declared:.2f} s.")


def _decode(path: Path, facts: VideoFacts) -> None:
    """Decode a short clip completely; of a longer one every key frame and everything after the last of them."""
    is_short = facts.frames * facts.width * facts.height <= _DECODE_ALL_PIXELS
    seen, last_key = _decode_frames(path, key_frames_only=not is_short)
    if not is_short and seen:
        _decode_frames(path, from_pts=last_key)
    if seen == 0 or (is_short and seen < facts.frames - 1):
        raise BrokenMedia(f"{path.name} is damaged: {seen} of {facts.frames} frames can be decoded.")


def _decode_frames(path: Path, key_frames_only: bool = False, from_pts: int | None = None) -> tuple[int, int]:
    """How many frames the decoder makes, and the moment of the last. It stops at the first error (av.FFmpegError)."""
    seen, moment = 0, 0
    with av.open(str(path), metadata_errors="replace") as container:
        video = picture_track(container, path.name)
        context = video.codec_context
        context.options = _OPTIONS
        context.thread_type = "AUTO"
        if key_frames_only:
            context.skip_frame = "NONKEY"
        if from_pts is not None:
            container.seek(from_pts, stream=video)
        for frame in container.decode(video):
            if frame.is_corrupt:
                raise BrokenMedia(f"{path.name} is damaged near {frame.time or 0:.2f} s.")
            seen += 1
            moment = max(moment, frame.pts or 0)
    return seen, moment
