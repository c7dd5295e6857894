"""What a voice sends is read by its bytes, whatever its headers say."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest

from tenxsom.errors import BrokenMedia
from tenxsom.media.speech_file import Sound, read_speech, resampled, write_wav
from tests.voices import babble

SOUND = babble(1.0)
WAV = write_wav(SOUND)
PCM = WAV[44:]


def with_sizes(riff: int, data: int) -> bytes:
    return WAV[:4] + struct.pack("<I", riff) + WAV[8:40] + struct.pack("<I", data) + WAV[44:]


def encoded(container: str, codec: str) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=24_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(SOUND.samples[None, :].copy(), format="flt", layout="mono")
        frame.sample_rate = 24_000
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=24_000, frame_size=stream.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return target.getvalue()


def test_a_wav_is_read_back_as_it_was_written() -> None:
    sound = read_speech(WAV)
    assert sound.rate == 24_000
    assert np.max(np.abs(sound.samples - SOUND.samples)) < 1e-4


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_of_a_server_that_did_not_know_its_length_is_read_whole(size: int) -> None:
    assert read_speech(with_sizes(size, size)).seconds == pytest.approx(1.0, abs=0.001)


def test_a_wav_that_promises_less_than_came_is_read_whole() -> None:
    assert read_speech(with_sizes(100, 64)).seconds == pytest.approx(1.0, abs=0.001)


def test_what_stands_behind_the_samples_is_no_sound() -> None:
    tagged = WAV + b"LIST" + struct.pack("<I", 4) + b"INFO"
    assert read_speech(tagged).seconds == pytest.approx(1.0, abs=0.001)


def test_a_wav_that_promises_more_than_came_is_cut_off() -> None:
    with pytest.raises(BrokenMedia, match="cut off"):
        read_speech(WAV[:20_000])


@pytest.mark.parametrize("data", [WAV[:44], WAV[:40] + bytes(4)])
def test_a_header_alone_is_an_empty_sound(data: bytes) -> None:
    assert len(read_speech(data[:40] + bytes(4)).samples) == 0


@pytest.mark.parametrize("mime_type", ["audio/L16;codec=pcm;rate=24000", "audio/l16; rate=24000", "", "application/octet-stream"])
def test_headerless_samples_are_read_at_their_rate(mime_type: str) -> None:
    sound = read_speech(PCM, mime_type)
    assert sound.rate == 24_000
    assert sound.seconds == pytest.approx(1.0)


def test_the_rate_of_headerless_samples_is_the_one_that_is_named() -> None:
    assert read_speech(PCM, "audio/L16;rate=16000").seconds == pytest.approx(1.5)


@pytest.mark.parametrize(("container", "codec"), [("mp3", "mp3"), ("flac", "flac"), ("ogg", "libopus"), ("mp4", "aac")])
@pytest.mark.parametrize("mime_type", ["audio/wav", "text/html", ""])
def test_the_bytes_say_what_they_are_and_the_type_may_lie(container: str, codec: str, mime_type: str) -> None:
    sound = read_speech(encoded(container, codec), mime_type)
    assert sound.seconds == pytest.approx(1.0, abs=0.12)
    assert np.max(np.abs(sound.samples)) > 0.1


@pytest.mark.parametrize(
    "data", [b"", b'{"error": "no"}', b"<html>no</html>", b"RIFF", b"RIFF1234WAVE", b"ID3 but nothing", b"OggS"]
)
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenMedia):
        read_speech(data, "audio/wav")


def test_another_rate_keeps_the_length() -> None:
    assert resampled(SOUND, 16_000).seconds == pytest.approx(1.0, abs=0.01)
    assert resampled(SOUND, 24_000) is SOUND


def test_too_loud_samples_are_held_back_when_they_are_written() -> None:
    loud = Sound(SOUND.samples * 10, 24_000)
    assert np.max(np.abs(read_speech(write_wav(loud)).samples)) <= 1.0
