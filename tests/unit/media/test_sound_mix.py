"""The mix of a film's sound: levels, ducking, places, lengths, and what cannot be mixed."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from tenxsom import clock
from tenxsom.errors import BrokenMedia, TryAgainLater
from tenxsom.media.sound.mix import ClipSound, SoundOrder, VoicePart, measure, mix
from tenxsom.media.sound.reading import check_sound, read_sound
from tests import sounds

MUSIC_HERTZ, CLIP_HERTZ = 2500.0, 5000.0
"""Tones that are found again in a mix, whatever else sounds."""


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    return sounds.write(tmp_path / "voice.wav", sounds.speech(1.5))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    return sounds.write(tmp_path / "music.flac", sounds.tone(4, MUSIC_HERTZ))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return sounds.write(tmp_path / "clip.m4a", sounds.tone(4, CLIP_HERTZ, -10))


# loudness


def test_the_reference_tone_of_the_standard_measures_what_the_standard_says(tmp_path: Path) -> None:
    """EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS is -23.0 LUFS."""
    found = measure(sounds.write(tmp_path / "tone.wav", sounds.tone(20, 1000, -23)))
    assert found.loudness_lufs == pytest.approx(-23, abs=0.1)
    assert found.true_peak_dbtp == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize(("lufs", "dbtp"), [(-14.0, -1.5), (-16.0, -1.0), (-23.0, -2.0)])
def test_a_mix_has_the_loudness_that_was_asked_and_stays_under_the_true_peak(
    tmp_path: Path, voice: Path, music: Path, lufs: float, dbtp: float
) -> None:
    target = tmp_path / "mix.wav"
    told = mix(SoundOrder(4, [VoicePart(voice, 1)], music=music, lufs=lufs, true_peak_dbtp=dbtp), target)
    found = measure(target)
    assert told[:2] == found[:2]
    assert found.loudness_lufs == pytest.approx(lufs, abs=0.2)
    assert found.true_peak_dbtp <= dbtp


@pytest.mark.parametrize("dbfs", [-45.0, -20.0, -0.5])
def test_a_quiet_voice_and_a_loud_one_end_at_the_same_loudness(tmp_path: Path, dbfs: float) -> None:
    voice = sounds.write(tmp_path / "voice.wav", sounds.speech(3, dbfs))
    made = mix(SoundOrder(4, [VoicePart(voice, 0.5)]), tmp_path / "mix.wav")
    assert made.loudness_lufs == pytest.approx(-14, abs=0.3)
    assert made.true_peak_dbtp <= -1.5


def test_segments_of_different_loudness_are_levelled(tmp_path: Path) -> None:
    quiet = sounds.write(tmp_path / "quiet.wav", sounds.speech(2, -30))
    loud = sounds.write(tmp_path / "loud.wav", sounds.speech(2, -6))
    mix(SoundOrder(5, [VoicePart(quiet, 0), VoicePart(loud, 2.5)]), tmp_path / "mix.wav")
    made = sounds.read(tmp_path / "mix.wav")
    first, second = (math.sqrt(float(np.square(made[:, start : start + 96_000]).mean())) for start in (0, 120_000))
    assert abs(20 * math.log10(first / second)) < 1


def test_a_word_too_short_to_be_measured_gets_the_gain_of_the_others(tmp_path: Path) -> None:
    long = sounds.write(tmp_path / "long.wav", sounds.speech(2, -30))
    short = sounds.write(tmp_path / "short.wav", sounds.speech(0.3, -30))
    mix(SoundOrder(4, [VoicePart(long, 0), VoicePart(short, 3)]), tmp_path / "mix.wav")
    made = sounds.read(tmp_path / "mix.wav")
    assert abs(sounds.loudest(made, 0, 2) - sounds.loudest(made, 3, 3.3)) < 3


def test_nothing_to_hear_stays_silent(tmp_path: Path) -> None:
    made = mix(SoundOrder(2, fade_out=1), tmp_path / "mix.wav")
    assert made == (-70.0, -120.0, None)
    assert not sounds.read(tmp_path / "mix.wav").any()


def test_noise_under_hearing_is_not_blown_up_to_a_films_loudness(tmp_path: Path) -> None:
    hiss = np.random.default_rng(1).standard_normal((2, 96_000)).astype(np.float32) * np.float32(3e-4)
    made = mix(SoundOrder(2, music=sounds.write(tmp_path / "hiss.wav", hiss)), tmp_path / "mix.wav")
    assert made.loudness_lufs < -14 - 3


def test_ffmpeg_measures_the_same(tmp_path: Path, voice: Path, music: Path) -> None:
    target = tmp_path / "mix.wav"
    made = mix(SoundOrder(4, [VoicePart(voice, 1)], music=music), target)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(target), "-af", "ebur128=peak=true", "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stderr
    summary = told[told.rindex("Summary:") :]
    assert float(re.findall(r"I:\s+(-?[\d.]+) LUFS", summary)[0]) == pytest.approx(made.loudness_lufs, abs=0.15)
    assert float(re.findall(r"Peak:\s+(-?[\d.]+) dBFS", summary)[0]) <= -1.4


# the voice above everything else


def test_music_is_ducked_while_the_voice_speaks_and_comes_back(tmp_path: Path, voice: Path, music: Path) -> None:
    mix(SoundOrder(4, [VoicePart(voice, 1)], music=music), tmp_path / "mix.wav")
    made = sounds.read(tmp_path / "mix.wav")
    before, under, after = (sounds.level(made, MUSIC_HERTZ, *moments) for moments in ((0.1, 0.9), (1.3, 2.3), (3.3, 3.9)))
    assert before - under > 5
    assert abs(before - after) < 1.5


@pytest.mark.parametrize(("how", "is_ducked"), [("duck", True), ("keep", False)])
def test_the_clips_own_sound_is_ducked_or_kept_as_asked(tmp_path: Path, voice: Path, clip: Path, how: str, is_ducked: bool) -> None:
    order = SoundOrder(4, [VoicePart(voice, 1)], [ClipSound(clip, 0, 4)], how)  # type: ignore[arg-type]
    mix(order, tmp_path / "mix.wav")
    made = sounds.read(tmp_path / "mix.wav")
    before, under = (sounds.level(made, CLIP_HERTZ, *moments) for moments in ((0.1, 0.9), (1.3, 2.3)))
    assert (before - under > 5) is is_ducked


def test_a_muted_clip_is_not_heard(tmp_path: Path, voice: Path, clip: Path) -> None:
    mix(SoundOrder(4, [VoicePart(voice, 1)], [ClipSound(clip, 0, 4)], "mute"), tmp_path / "mix.wav")
    assert sounds.level(sounds.read(tmp_path / "mix.wav"), CLIP_HERTZ, 0, 4) < -80


@pytest.mark.parametrize("how", ["duck", "keep"])
def test_words_stay_above_the_loudest_clip(tmp_path: Path, voice: Path, how: str) -> None:
    noise = np.clip(np.random.default_rng(3).standard_normal((2, 4 * sounds.RATE)) * 0.4, -1, 1).astype(np.float32)
    loud = sounds.write(tmp_path / "loud.wav", noise)
    order = SoundOrder(4, [VoicePart(voice, 1)], [ClipSound(loud, 0, 4)], how)  # type: ignore[arg-type]
    level = mix(order, tmp_path / "mix.wav").voice_above_bed_db
    assert level is not None
    assert level >= 6


@pytest.mark.slow
@pytest.mark.parametrize(("how", "leads"), [("duck", "music"), ("keep", "clip")])
def test_without_a_voice_music_leads_unless_the_clips_are_kept(
    tmp_path: Path, music: Path, clip: Path, how: str, leads: str
) -> None:
    mix(SoundOrder(3, (), [ClipSound(clip, 0, 3)], how, music), tmp_path / "mix.wav")  # type: ignore[arg-type]
    made = sounds.read(tmp_path / "mix.wav")
    above = sounds.level(made, MUSIC_HERTZ, 0.5, 2.5) - sounds.level(made, CLIP_HERTZ, 0.5, 2.5)
    assert (above > 3) is (leads == "music")


@pytest.mark.slow
def test_the_level_told_of_the_voice_is_that_of_the_segment_where_it_is_least(tmp_path: Path, voice: Path) -> None:
    """Music sounds under the second segment alone; the first one has nothing beside it."""
    late = sounds.write(tmp_path / "late.wav", sounds.joined(sounds.silence(2.5), sounds.tone(2.5, MUSIC_HERTZ)))
    one = mix(SoundOrder(5, [VoicePart(voice, 0.5)], music=late), tmp_path / "one.wav")
    both = mix(SoundOrder(5, [VoicePart(voice, 0.5), VoicePart(voice, 3)], music=late), tmp_path / "both.wav")
    assert one.voice_above_bed_db == 60.0
    assert both.voice_above_bed_db is not None
    assert 6 < both.voice_above_bed_db < 40


# what sounds when


@pytest.mark.parametrize("seconds", [0.2, 1.0, 3.3333, 7.05])
def test_a_mix_is_exactly_as_long_as_the_film(tmp_path: Path, voice: Path, music: Path, seconds: float) -> None:
    order = SoundOrder(seconds, [VoicePart(voice, 0.1), VoicePart(voice, 2.9)], [ClipSound(music, 0, 99)], music=music)
    mix(order, tmp_path / "mix.wav")
    assert sounds.read(tmp_path / "mix.wav").shape == (2, round(seconds * sounds.RATE))


def test_a_clip_sounds_between_its_cuts_from_where_it_begins(tmp_path: Path) -> None:
    two = sounds.write(tmp_path / "two.wav", sounds.joined(sounds.tone(1, MUSIC_HERTZ), sounds.tone(1, CLIP_HERTZ)))
    mix(SoundOrder(3, clips=[ClipSound(two, 1.0, 2.0, offset=0.5)], clip_sound="keep"), tmp_path / "mix.wav")
    made = sounds.read(tmp_path / "mix.wav")
    assert sounds.loudest(made, 0, 0.99) < -80
    assert sounds.level(made, MUSIC_HERTZ, 1.05, 1.45) > -30 > -60 > sounds.level(made, CLIP_HERTZ, 1.05, 1.45)
    assert sounds.level(made, CLIP_HERTZ, 1.55, 1.95) > -30 > -60 > sounds.level(made, MUSIC_HERTZ, 1.55, 1.95)
    assert sounds.loudest(made, 2.02, 3) < -80


def test_a_cut_between_two_clips_does_not_click(tmp_path: Path) -> None:
    """A click is a jump between two samples that is larger than the tones themselves ever make."""
    low = sounds.write(tmp_path / "low.wav", sounds.tone(3, 110, -6))
    mix(SoundOrder(3, clips=[ClipSound(low, 0, 1.2345), ClipSound(low, 1.2345, 3, 0.77)]), tmp_path / "mix.wav")
    made = sounds.read(tmp_path / "mix.wav")
    jumps = np.abs(np.diff(made[0]))
    assert jumps[57_000:61_000].max() <= jumps[20_000:50_000].max() * 1.5


def test_a_voice_that_hurries_keeps_its_pitch(tmp_path: Path) -> None:
    spoken = sounds.write(tmp_path / "voice.wav", sounds.tone(2, 440))
    mix(SoundOrder(3, [VoicePart(spoken, 0.5, speed=1.25)]), tmp_path / "mix.wav")
    made = sounds.read(tmp_path / "mix.wav")
    assert sounds.level(made, 440, 0.8, 1.8) > -20 > -45 > sounds.level(made, 550, 0.8, 1.8)
    assert sounds.loudest(made, 0.6, 2.0) > -20
    assert sounds.loudest(made, 2.15, 3) < -60


def test_music_fades_out_at_the_end_and_words_do_not(tmp_path: Path, music: Path, voice: Path) -> None:
    mix(SoundOrder(4, [VoicePart(voice, 2.5)], music=music, fade_out=1.5), tmp_path / "mix.wav")
    made = sounds.read(tmp_path / "mix.wav")
    assert sounds.level(made, MUSIC_HERTZ, 3.8, 4) < sounds.level(made, MUSIC_HERTZ, 2.6, 2.8) - 6
    assert abs(sounds.loudest(made, 3.6, 3.99) - sounds.loudest(made, 2.5, 3)) < 2


def test_words_that_the_film_cuts_off_end_softly(tmp_path: Path) -> None:
    spoken = sounds.write(tmp_path / "voice.wav", sounds.tone(3, 200, -10))
    mix(SoundOrder(2, [VoicePart(spoken, 0.5)]), tmp_path / "mix.wav")
    assert np.abs(sounds.read(tmp_path / "mix.wav")[:, -3:]).max() < 0.03


def test_a_part_of_a_voice_ends_where_it_is_asked_to(tmp_path: Path) -> None:
    spoken = sounds.write(tmp_path / "voice.wav", sounds.tone(3, 200, -10))
    mix(SoundOrder(4, [VoicePart(spoken, 0.5, 1.25, 1.5)]), tmp_path / "mix.wav")
    made = sounds.read(tmp_path / "mix.wav")
    assert sounds.loudest(made, 1.2, 1.6) > -30
    assert sounds.loudest(made, 1.75, 4) < -60  # 1.5 s of it at 1.25 times its speed end at 1.7 s


def test_a_gap_in_a_clips_sound_stays_a_gap(tmp_path: Path) -> None:
    """Without it, everything after the gap would be heard too early."""
    path = sounds.write(tmp_path / "gap.mka", sounds.joined(sounds.tone(2, 800), sounds.tone(1, 3000)), skip=[range(40, 70)])
    made = sounds.read(path)
    assert made.shape[1] == pytest.approx(3 * sounds.RATE, abs=2048)
    assert sounds.loudest(made, 0.95, 1.4) < -60
    assert sounds.level(made, 3000, 2.1, 2.9) > -25


@pytest.mark.case
def test_a_gap_of_whole_tenths_of_a_second_is_silence_as_any_other(tmp_path: Path) -> None:
    """The filters have no memory for a block of no samples, which once ended each try to mix such a clip's sound."""
    path = sounds.write(tmp_path / "gap.m4a", sounds.tone(2.2, 800), skip=[range(10, 85)])
    blocks = list(read_sound(path))
    assert sum(not block.any() for block in blocks) >= 16, "75 blocks of 1024 samples are left out, 1.6 s"
    assert all(block.shape[1] for block in blocks)
    mix(SoundOrder(2, clips=[ClipSound(path, 0, 2)]), tmp_path / "mix.wav")
    assert sounds.read(tmp_path / "mix.wav").shape[1] == 2 * sounds.RATE


def test_reading_begins_in_the_middle_as_well(tmp_path: Path) -> None:
    path = sounds.write(tmp_path / "two.m4a", sounds.joined(sounds.tone(1, 800), sounds.tone(1, 3000)))
    made = np.concatenate(list(read_sound(path, offset=1.2)), axis=1)
    assert sounds.level(made, 3000, 0.1, 0.7) > -25
    assert sounds.level(made, 800, 0.1, 0.7) < -60


@pytest.mark.parametrize(
    ("name", "rate", "layout"),
    [
        ("a.mp3", 44_100, "mono"),
        ("a.ogg", 48_000, "stereo"),
        ("a.flac", 22_050, "mono"),
        ("a.m4a", 48_000, "5.1"),
        ("a.wav", 8_000, "mono"),
    ],
)
def test_any_container_rate_and_layout_is_read(tmp_path: Path, name: str, rate: int, layout: str) -> None:
    made = sounds.read(sounds.write(tmp_path / name, sounds.tone(1, 1000), rate=rate, layout=layout))
    assert made.shape[1] == pytest.approx(sounds.RATE, abs=3000)
    assert sounds.level(made, 1000, 0.2, 0.8) == pytest.approx(-20, abs=4)


# trouble


def test_what_is_no_sound_is_refused_with_its_name(tmp_path: Path) -> None:
    text = tmp_path / "notes.mp3"
    text.write_text("These are only words. " * 200)
    with pytest.raises(BrokenMedia, match=r"notes\.mp3"):
        mix(SoundOrder(1, music=text), tmp_path / "mix.wav")


def test_a_playlist_is_not_followed(tmp_path: Path, music: Path) -> None:
    listed = tmp_path / "list.m3u8"
    listed.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{music}\n#EXT-X-ENDLIST\n")
    with pytest.raises(BrokenMedia):
        check_sound(listed)


def test_silent_music_is_refused_and_sounding_music_is_measured(tmp_path: Path, music: Path) -> None:
    with pytest.raises(BrokenMedia, match="silent"):
        check_sound(sounds.write(tmp_path / "silent.wav", sounds.silence(2)))
    assert check_sound(music) == pytest.approx(4, abs=0.05)


def test_what_sounds_for_less_than_a_second_is_no_music(tmp_path: Path) -> None:
    short = sounds.joined(sounds.silence(2), sounds.tone(0.9, 440), sounds.silence(2))
    with pytest.raises(BrokenMedia, match="less than 1 s"):
        check_sound(sounds.write(tmp_path / "short.wav", short))


def test_a_file_that_ends_in_the_middle_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = sounds.write(tmp_path / "whole.wav", sounds.tone(2, 1000))
    (tmp_path / "cut.wav").write_bytes(whole.read_bytes()[: 72_000 * 4])
    assert check_sound(tmp_path / "cut.wav") == pytest.approx(1.5, abs=0.05)


def test_a_deadline_ends_a_mix_and_leaves_no_temporary_file(tmp_path: Path, music: Path, voice: Path) -> None:
    before = {*tmp_path.iterdir()}
    with pytest.raises(TryAgainLater):
        mix(SoundOrder(4, [VoicePart(voice, 1)], music=music), tmp_path / "mix.wav", clock.Deadline(0))
    assert {*tmp_path.iterdir()} - before <= {tmp_path / "mix.wav"}


def test_a_mix_leaves_one_file(tmp_path: Path, music: Path) -> None:
    before = {*tmp_path.iterdir()}
    mix(SoundOrder(1, music=music), tmp_path / "mix.wav.part")
    assert {*tmp_path.iterdir()} - before == {tmp_path / "mix.wav.part"}


@pytest.mark.slow
def test_a_long_film_needs_no_more_memory_than_a_short_one(tmp_path: Path, voice: Path, music: Path) -> None:
    def peak(seconds: int) -> int:
        probe = (
            "import resource, sys; from pathlib import Path\n"
            "from tenxsom.media.sound.mix import *\n"
            f"voice, music, folder = Path({str(voice)!r}), Path({str(music)!r}), Path({str(tmp_path)!r})\n"
            f"voices = [VoicePart(voice, 2.0 * n) for n in range({seconds} // 2)]\n"
            f"clips = [ClipSound(music, 4.0 * n, 4.0 * n + 4) for n in range({seconds} // 4)]\n"
            f"mix(SoundOrder({seconds}, voices, clips, music=music), folder / 'long.wav')\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run(
            [sys.executable, "-c", probe], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": "."}
        )
        return int(done.stdout)

    assert peak(72) < peak(12) + 16 * 1024  # kilobytes; the sound itself grows by 23 MB
