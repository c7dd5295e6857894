"""Small videos of uncommon make, and changes to a video's header as other programs make them."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.made_once import made_once

FPS = 24


@made_once
def write_clip(
    path: Path,
    *,
    seconds: float = 3,
    size: tuple[int, int] = (160, 90),
    fps: Fraction | int = FPS,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound_seconds: float | None = None,
    times: list[int] | None = None,
    last_held: float = 0.0,
    container: str = "mp4",
    codec_options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    marker: tuple[int, int] | None = None,
    textured: bool = False,
) -> Path:
    """A clip with a moving bar, and a tone of `sound_seconds` (None: as long as the pictures, 0: no sound).

    `times` are the moments of the pictures in frames (default: one after the other); `last_held` is how many seconds the last one
    stays. `marker` names a corner (±1, ±1) that is white while the rest is dark.
    """
    width, height = size
    sound_seconds = seconds if sound_seconds is None else sound_seconds
    times = times or list(range(round(seconds * fps)))
    tick = 1 / (Fraction(fps) * 512)
    down, across = np.mgrid[0:height, 0:width]
    texture = np.stack([across ^ down, across * 3, down * 2], axis=2).astype(np.uint8)
    with av.open(str(path), "w", format=container, options=container_options or {}) as output:
        video: Any = output.add_stream(codec, rate=fps, options={"preset": "ultrafast"} | (codec_options or {}))
        video.width, video.height, video.pix_fmt = width, height, pixels
        video.time_base = video.codec_context.time_base = tick
        audio = (
            output.add_stream("libopus" if container == "webm" else "aac", rate=48_000, layout="stereo") if sound_seconds else None
        )
        if audio is not None:
            write_tone(output, audio, sound_seconds)
        packets: list[Any] = []
        for number in times:
            picture = np.full((height, width, 3), 40, np.uint8)
            picture[:, number * 4 % width : number * 4 % width + 16] = 90
            if textured:
                picture = np.roll(texture, number * 5, axis=1) + np.uint8(number % 256)
            if marker:
                columns, lines = (
                    (slice(None, width // 4), slice(-width // 4, None)),
                    (slice(None, height // 4), slice(-height // 4, None)),
                )
                picture[:] = 40
                picture[lines[marker[1] > 0], columns[marker[0] > 0]] = 235
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts, frame.time_base = number * 512, tick
            packets += video.encode(frame)
        packets += video.encode(None)
        for index, packet in enumerate(packets):
            if last_held and index == len(packets) - 1:
                packet.duration = round(last_held / tick)
            output.mux(packet)
    return path


def write_tone(output: Any, audio: Any, seconds: float) -> None:
    """A tone of so many seconds."""
    wave = (0.2 * np.sin(2 * np.pi * 330 * np.arange(round(seconds * 48_000)) / 48_000)).astype(np.float32)
    block = audio.codec_context.frame_size or 1024
    for start in range(0, len(wave) - block + 1, block):
        frame = av.AudioFrame.from_ndarray(np.stack([wave[start : start + block]] * 2), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, start
        output.mux(audio.encode(frame))
    output.mux(audio.encode(None))


def hide_beginning(clip: Path, target: Path, seconds: float) -> Path:
    """The clip with a picture track whose edit list begins so much later, as an editor that cuts without encoding leaves it."""
    data = bytearray(clip.read_bytes())
    track = data.rfind(b"trak", 0, data.find(b"vmhd"))
    at, scale, movie = (
        data.find(b"elst", track),
        number_at(data, data.find(b"mdhd", track) + 16),
        number_at(data, data.find(b"mvhd") + 16),
    )
    length, start = struct.unpack(">Ii", data[at + 12 : at + 20])
    data[at + 12 : at + 20] = struct.pack(">Ii", length - round(seconds * movie), max(start, 0) + round(seconds * scale))
    target.write_bytes(data)
    return target


def turn(clip: Path, target: Path, a: int, b: int, c: int, d: int) -> Path:
    """The clip with a display matrix: x' = a·x + c·y, y' = b·x + d·y."""
    data = bytearray(clip.read_bytes())
    at = data.find(b"tkhd", data.rfind(b"trak", 0, data.find(b"vmhd"))) + 44
    one = 1 << 16
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    target.write_bytes(data)
    return target


def number_at(data: bytes | bytearray, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "big")


def payload(clip: Path, kind: str) -> list[tuple[int, int]]:
    """Where the packets of the picture or the sound track lie: (place, size)."""
    with av.open(str(clip)) as container:
        track = container.streams.video[0] if kind == "video" else container.streams.audio[0]
        return [(packet.pos, packet.size) for packet in container.demux(track) if packet.size and packet.pos is not None]
