"""Music of the studio as a file: a WAV or an MP3."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream

from tenxsom.media.encode import RATE
from tenxsom_studio.painting.sound import bed

_CODECS = {"wav": "pcm_s16le", "mp3": "libmp3lame"}


def sound_file(seconds: float, seed: int, container: str) -> bytes:
    """Return a piece of music in a container, `wav` or `mp3`."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream: AudioStream = output.add_stream(_CODECS[container], rate=RATE, layout="stereo")  # type: ignore[assignment]
        resampler = av.AudioResampler(stream.codec_context.format, "stereo", RATE, frame_size=1152)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(bed(seconds, seed)), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()
