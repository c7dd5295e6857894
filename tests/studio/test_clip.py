"""Rendered clips: exact length, camera, captions, badge, sound."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tenxsom.errors import BrokenMedia, DiskError
from tenxsom.media.check import check_video, open_picture
from tenxsom.media.encode import RATE
from tenxsom.media.layers import Layer
from tenxsom.text import graphemes
from tenxsom_studio.painting import clip, sound
from tenxsom_studio.painting.camera import MOVES, TRAVEL, Reader, planes_of, view_at
from tenxsom_studio.painting.caption import caption_layer, set_captions, strength_at
from tenxsom_studio.painting.clip import ClipOrder, Cue, render_clip
from tenxsom_studio.painting.paint import paint
from tenxsom_studio.painting.scenery import Scenery
from tests.scripts_of_the_world import SENTENCES

pytestmark = pytest.mark.slow

PLAIN = {"badge": "", "sound": False}


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("still") / "still.png"
    paint("layered mountains", 400, 226, 1).save(path)
    return path


def frames(path: Path) -> list[NDArray[np.int16]]:
    """The luma of every frame."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray").astype(np.int16) for frame in container.decode(video=0)]


def samples(path: Path) -> NDArray[np.float32]:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


@pytest.mark.parametrize(("seconds", "fps", "count"), [(2, 24, 48), (1.5, 30, 45), (1, 25, 25), (0.02, 24, 1)])
def test_a_clip_has_exactly_the_frames_of_its_length(still: Path, tmp_path: Path, seconds: float, fps: int, count: int) -> None:
    target = tmp_path / "clip.mp4.part"
    render_clip(still, target, ClipOrder(160, 90, seconds, fps))
    facts = check_video(target)
    assert facts.frames == count == len(frames(target))
    assert facts.seconds == pytest.approx(count / fps, abs=0.002)
    with av.open(str(target)) as container:
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(count / fps, abs=0.03)


@pytest.mark.parametrize("size", [(256, 144), (144, 256), (160, 160), (130, 98)])
def test_a_still_of_any_shape_fills_a_frame_of_any_shape(still: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    render_clip(still, tmp_path / "clip.mp4", ClipOrder(*size, 0.5, seed=2))
    facts = check_video(tmp_path / "clip.mp4")
    assert (facts.width, facts.height) == size
    assert min(float(edge.std()) for edge in (frames(tmp_path / "clip.mp4")[3][:, 0], frames(tmp_path / "clip.mp4")[3][:, -1])) > 1


def test_a_clip_is_h264_and_aac_that_every_player_knows(still: Path, tmp_path: Path) -> None:
    render_clip(still, tmp_path / "clip.mp4", ClipOrder(160, 90, 1))
    data = (tmp_path / "clip.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        context = video.codec_context
        assert (context.name, context.pix_fmt, audio.codec_context.name) == ("h264", "yuv420p", "aac")
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1, 1)
        assert (audio.codec_context.sample_rate, audio.codec_context.layout.name) == (48_000, "stereo")


@pytest.mark.parametrize("move", MOVES)
def test_every_camera_move_stays_inside_the_still_and_is_smooth(move: str) -> None:
    views = [view_at(move, TRAVEL["high"], index / 119, (1.0, -1.0)) for index in range(120)]
    for view in views:
        assert view.size / 2 <= view.x + 1e-9 <= 1 - view.size / 2 + 2e-9
        assert view.size / 2 <= view.y + 1e-9 <= 1 - view.size / 2 + 2e-9
    steps = np.diff(np.array(views), axis=0)
    assert np.abs(steps).max() > 0
    assert np.abs(np.diff(steps, axis=0)).max() < 0.0002


def test_the_camera_moves_between_pixels() -> None:
    """A slow pan over a ramp must brighten every frame a little: a camera that stepped by whole pixels would stand still."""
    ramp = Image.fromarray(np.tile(np.linspace(0, 255, 400).astype(np.uint8), (226, 1))).convert("RGB")
    reader = Reader(planes_of(ramp, 320, 180).luma, 320, 180)
    target = np.empty((180, 320), np.uint8)
    means = []
    for index in range(24):
        reader.read(view_at("pan_right", 0.05, 0.4 + index / 600, (0, 0)), target)
        means.append(float(target.mean()))
    assert (np.diff(means) > 0).all()


def test_standing_still_reproduces_the_picture() -> None:
    picture = paint("ocean", 400, 226, 1)
    planes = planes_of(picture, 320, 180)
    target = np.empty((180, 320), np.uint8)
    Reader(planes.luma, 320, 180).read(view_at("push_in", 0.2, 0.0, (0, 0)), target)
    wanted = np.asarray(Image.fromarray(planes.luma).resize((320, 180), Image.Resampling.BILINEAR), np.int16)
    assert np.abs(target - wanted).mean() < 2.0


def test_the_seed_chooses_the_move_and_the_sound(still: Path) -> None:
    """Looked at before the encoder, which does not encode very small frames bit by bit alike."""
    scenery = Scenery(open_picture(still), 160, 90)
    shots = [clip._Studio(scenery, ClipOrder(160, 90, 0.5, seed=seed, badge="")).shoot(4).to_ndarray() for seed in (1, 1, 6)]
    assert np.array_equal(shots[0], shots[1])
    assert not np.array_equal(shots[0], shots[2])
    assert not np.allclose(sound.bed(1, 1), sound.bed(1, 6))


def test_a_caption_shows_while_its_cue_lasts_and_only_in_the_lower_third(still: Path, tmp_path: Path) -> None:
    plain = ClipOrder(320, 180, 2.0, seed=4, badge="", sound=False)
    render_clip(still, tmp_path / "with.mp4", replace(plain, cues=(Cue(0.5, 1.5, "Words to read"),)))
    render_clip(still, tmp_path / "without.mp4", plain)
    changed = np.abs(np.array(frames(tmp_path / "with.mp4")) - np.array(frames(tmp_path / "without.mp4"))) > 60
    shown = np.any(changed, axis=(1, 2))
    assert shown[18:30].all()
    assert not shown[:12].any()
    assert not shown[36:].any()
    rows = np.flatnonzero(np.any(changed, axis=(0, 2)))
    assert 120 <= rows.min() <= rows.max() < 180 - 6


def test_a_caption_fades_in_and_out() -> None:
    cue = Cue(1.0, 3.0, "x")
    strengths = [strength_at(cue, moment) for moment in (0.99, 1.05, 1.1, 1.5, 2.9, 2.95, 3.0)]
    assert strengths[0] == strengths[-1] == 0.0
    assert 0 < strengths[1] < strengths[2] < strengths[3] == 1.0
    assert 0 < strengths[5] < strengths[4] < 1.0


SIZES = [(1280, 720), (360, 640), (540, 540), (160, 90), (64, 64)]
LONG = {
    "one word": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3,
    "an address": "https://example.org/" + "harbour/" * 30,
    "many words": "word " * 240,
    "mixed": "Новое утро приходит — Ένα νέο πρωινό έρχεται — naïve façade “quotes” 👨‍👩‍👧‍👦 مرحبا 世界 " * 6,
    **{language: sentence * 4 for language, sentence in SENTENCES.items()},
}


def layers(text: str, size: tuple[int, int], seconds: float = 8.0) -> list[Layer]:
    return [caption_layer(caption, *size) for caption in set_captions([Cue(0, seconds, text)], seconds, *size)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", ["Short.", LONG["one word"], LONG["many words"], LONG["mixed"], LONG["Thai"], LONG["Chinese"]])
def test_a_caption_keeps_inside_the_safe_area(size: tuple[int, int], text: str) -> None:
    for layer in layers(text, size):
        rows, columns = np.nonzero(layer.transparency[0] < 136)  # the panel, without its soft shadow
        assert layer.x + columns.min() >= 0.03 * size[0] or size == (64, 64)
        assert layer.x + columns.max() <= 0.97 * size[0] or size == (64, 64)
        assert layer.y + rows.max() <= 0.95 * size[1]
        assert np.ptp(rows) < (0.8 if text.startswith("word") else 0.42) * size[1] or min(size) < 100


@pytest.mark.case
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("seconds", [1.0, 6.0, 40.0])
def test_captions_show_every_letter_of_a_long_text_one_after_the_other(text: str, seconds: float) -> None:
    captions = set_captions([Cue(0, seconds, text)], seconds, 640, 360)
    shown = "".join(caption.cue.text for caption in captions)
    assert "".join(shown.split()) == "".join(text.split())
    assert all(after.cue.start == before.cue.end for before, after in pairwise(captions))
    assert (captions[0].cue.start, captions[-1].cue.end) == (0, seconds)
    if seconds == 40:
        assert max(caption.cue.text.count("\n") for caption in captions) <= 1


def test_captions_fit_the_picture_even_if_there_is_hardly_any_time() -> None:
    for size in SIZES:
        pitch = 14  # of the smallest type
        for caption in set_captions([Cue(0, 0.5, "word " * 240)], 0.5, *size):
            assert (caption.cue.text.count("\n") + 1) * pitch <= size[1] or size == (64, 64)


@pytest.mark.parametrize("language", SENTENCES)
def test_letters_of_every_script_are_drawn_and_not_boxes(language: str) -> None:
    """Every missing letter is drawn as the same box, so different letters would look the same."""
    letters = [letter for letter in dict.fromkeys(graphemes(SENTENCES[language])) if letter[0].isalpha()][:8]
    pictures = {layer.planes[0].tobytes() for letter in letters for layer in layers(letter, (640, 360))}
    assert len(pictures) == len(letters) >= 5


def test_captions_without_words_are_none() -> None:
    assert layers(" \n ", (640, 360)) == []


def test_the_badge_says_preview_in_a_corner_and_can_be_left_out(still: Path, tmp_path: Path) -> None:
    for name, badge in (("with", "PREVIEW"), ("without", "")):
        render_clip(still, tmp_path / f"{name}.mp4", ClipOrder(640, 360, 0.25, badge=badge, sound=False))
    changed = np.abs(frames(tmp_path / "with.mp4")[2] - frames(tmp_path / "without.mp4")[2]) > 40
    rows, columns = np.nonzero(changed)
    assert rows.size > 50
    assert rows.max() < 60
    assert columns.min() > 480


def test_sound_is_audible_never_clips_and_fades_at_both_ends(still: Path, tmp_path: Path) -> None:
    render_clip(still, tmp_path / "clip.mp4", ClipOrder(160, 90, 3, seed=5))
    heard = samples(tmp_path / "clip.mp4")
    assert heard.shape[1] == pytest.approx(3 * RATE, abs=2048)
    assert float(np.sqrt((heard[:, 48_000:96_000] ** 2).mean())) > 0.02
    assert float(np.abs(heard).max()) < 0.9
    assert float(np.abs(heard[:, :400]).max()) < 0.02
    assert float(np.abs(heard[:, 3 * RATE - 400 : 3 * RATE]).max()) < 0.02


@pytest.mark.parametrize("seed", range(12))
def test_every_seed_sounds_and_none_clips(seed: int) -> None:
    bed = sound.bed(2.5, seed)
    assert bed.shape == (2, 120_000)
    assert 0.15 < float(np.abs(bed).max()) <= 0.43
    assert float(np.abs(bed.mean(axis=1)).max()) < 0.02


def test_long_sound_goes_round_without_a_click() -> None:
    bed = sound.bed(20, 3)
    seam = 16 * RATE
    steps = np.abs(np.diff(bed, axis=1))
    assert steps[:, seam - 50 : seam + 50].max() <= steps[:, RATE * 2 : RATE * 14].max() * 1.1


def test_a_silent_order_has_no_sound_track(still: Path, tmp_path: Path) -> None:
    render_clip(still, tmp_path / "clip.mp4", ClipOrder(160, 90, 0.5, sound=False))
    assert check_video(tmp_path / "clip.mp4").audio_codec is None


def test_progress_rises_to_one(still: Path, tmp_path: Path) -> None:
    told: list[float] = []
    render_clip(still, tmp_path / "clip.mp4", ClipOrder(96, 64, 3), told.append)
    assert told == sorted(told)
    assert len(told) >= 3
    assert told[-1] == 1.0


def test_what_progress_raises_ends_the_rendering(still: Path, tmp_path: Path) -> None:
    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_clip(still, tmp_path / "clip.mp4", ClipOrder(96, 64, 30), stop)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x89PNG\r\n\x1a\nrubbish"])
def test_a_still_that_cannot_be_read_is_broken_media(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "still.png").write_bytes(content)
    with pytest.raises(BrokenMedia, match=r"still\.png"):
        render_clip(tmp_path / "still.png", tmp_path / "clip.mp4", ClipOrder(160, 90, 1))


def test_a_full_disk_is_a_disk_error(still: Path) -> None:
    with pytest.raises(DiskError, match=r"/dev/full"):
        render_clip(still, Path("/dev/full"), ClipOrder(160, 90, 1))


@pytest.mark.parametrize(
    "wrong",
    [{"width": 161}, {"height": 20}, {"seconds": 0}, {"seconds": 1e6}, {"fps": 0}, {"camera": "spin"}, {"intensity": "wild"}],
)
def test_an_order_that_cannot_be_rendered_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"A clip has|The camera moves|The intensities"):
        ClipOrder(**{"width": 160, "height": 90, "seconds": 1, **wrong})  # type: ignore[arg-type]
