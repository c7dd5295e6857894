"""Reads the sound of a voice from any container into mono samples, and writes it as a plain WAV."""

from __future__ import annotations

import io
import re
import struct
import wave
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenxsom.errors import BrokenMedia

if TYPE_CHECKING:
    import av

Samples = NDArray[np.float32]

LONGEST_SECONDS = 1200.0
"""The longest sound that is read: twice the longest video, so that a bomb cannot fill the memory."""

_CONTAINERS = re.compile(rb"RIFF|RF64|ID3|fLaC|OggS|\xff[\xe0-\xff]|\x1aE\xdf\xa3|....ftyp|FORM|caff", re.DOTALL)
_PCM_RATE = 24_000
_MOST_PCM_BYTES = 400_000_000


class Sound(NamedTuple):
    """Mono samples between -1 and 1."""

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


def read_speech(data: bytes, mime_type: str = "") -> Sound:
    """Return the sound in a service's bytes. The bytes say what they are; `mime_type` may lie, and only gives the rate of PCM.

    Raises BrokenMedia for bytes that are no sound, and for a file whose header promises more than came.
    """
    if not data:
        raise BrokenMedia("The voice's sound is empty.")
    if not _CONTAINERS.match(data):
        return _pcm(data, mime_type)
    import av  # looking for a voice decodes nothing

    try:
        return _decoded(_with_true_sizes(data) if data[:4] == b"RIFF" else data)
    except (av.FFmpegError, IndexError, ValueError, struct.error) as error:
        raise BrokenMedia(f"The voice's sound cannot be decoded ({error.__class__.__name__}).") from None


def write_wav(sound: Sound) -> bytes:
    """Return a WAV file: mono, 16 bit."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.rate)
        file.writeframes((np.clip(sound.samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
    return buffer.getvalue()


def resampled(sound: Sound, rate: int) -> Sound:
    """Return the sound at another rate."""
    if sound.rate == rate:
        return sound
    import av
    from av.audio.resampler import AudioResampler

    resampler = AudioResampler(format="flt", layout="mono", rate=rate)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.samples[None, :]), format="flt", layout="mono")
    frame.sample_rate = sound.rate
    parts = [_samples(made) for given in (frame, None) for made in resampler.resample(given)]
    return Sound(np.concatenate(parts) if parts else np.zeros(0, np.float32), rate)


def _pcm(data: bytes, mime_type: str) -> Sound:
    """Return headerless PCM: 16 bit, little-endian, mono (https://ai.google.dev/gemini-api/docs/speech-generation)."""
    named = re.search(r"rate=(\d{4,6})", mime_type)
    if data[:1] in b"{<":  # a page or an error message in place of sound
        raise BrokenMedia("The voice's sound is a text.")
    whole = data[: min(len(data) // 2 * 2, _MOST_PCM_BYTES)]
    return Sound(np.frombuffer(whole, "<i2").astype(np.float32) / 32768.0, int(named[1]) if named else _PCM_RATE)


def _decoded(data: bytes) -> Sound:
    import av
    from av.audio.resampler import AudioResampler

    parts: list[Samples] = []
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        rate = stream.codec_context.sample_rate
        resampler = AudioResampler(format="flt", layout="mono", rate=rate)
        left = int(LONGEST_SECONDS * rate)
        for frame in container.decode(stream):
            parts += map(_samples, resampler.resample(frame))
            left -= frame.samples
            if left < 0:
                raise BrokenMedia(f"The voice's sound is longer than {LONGEST_SECONDS:g} seconds.")
        parts += map(_samples, resampler.resample(None))
    return Sound(np.concatenate(parts) if parts else np.zeros(0, np.float32), rate)


def _samples(frame: av.AudioFrame) -> Samples:
    return frame.to_ndarray().ravel().astype(np.float32, copy=False)


def _with_true_sizes(data: bytes) -> bytes:
    """Return a WAV whose header tells the sizes of what came.

    Servers that stream write 0 or 0xFFFFFFFF, because they do not know the length yet
    (https://github.com/remsky/Kokoro-FastAPI). Raises BrokenMedia for a header that promises more bytes than came.
    """
    at = 12
    while at + 8 <= len(data) and data[at : at + 4] != b"data":
        at += 8 + struct.unpack_from("<I", data, at + 4)[0] + (struct.unpack_from("<I", data, at + 4)[0] & 1)
    if at + 8 > len(data):
        raise BrokenMedia("The voice's sound is a WAV without data.")
    told, came = struct.unpack_from("<I", data, at + 4)[0], len(data) - at - 8
    follows = data[at + 8 + told : at + 12 + told]
    if told == came or (0 < told < came and (not follows.strip(b"\0") or re.fullmatch(rb"[A-Za-z0-9 ]{4}", follows))):
        return data
    if came < told < 0x7FFF0000:
        raise BrokenMedia(f"The voice's sound is cut off: its header promises {told} bytes, and {came} came.")
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8 : at + 4] + struct.pack("<I", came) + data[at + 8 :]
