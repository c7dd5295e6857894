"""A whole film against ffmpeg that decodes and encodes the same clips. Limits: 1.35 times ffmpeg's CPU time, 400 MB.

Ours, one round, a process of its own from its start to its end: speak four segments (hibari, where it is installed), mix voice,
music and the clips' own sound to a loudness, assemble 30 seconds of 1080x1920 with words as they are spoken, a logo and an outro
card (libx264 veryfast, crf 20; AAC 160 kbit/s), verify the film, measure its loudness, and make thumbnail and contact sheet.

ffmpeg, one round: the program itself decodes the same parts of the same clips, joins and encodes them with the same settings,
with their own sound. It speaks nothing, draws nothing and verifies nothing. Without ffmpeg, PyAV does the same in a process.

Joining eight equal clips without an encode, against `ffmpeg -f concat -c copy`: limit 1.5 times the CPU time of the work. Our
process has imported its libraries before it is measured, as a tick that joins clips has; the row with the whole process is for
information.

CPU time is that of all threads. Competitors take turns, so that a busy machine slows all of them alike; the table has medians.

    python benchmarks/bench_film.py [--rounds 3] [--folder KEPT]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import wave
from fractions import Fraction
from heapq import merge
from itertools import islice
from operator import attrgetter
from pathlib import Path

from harness import ROOT, alternate, environment, median, ratios, verdict

from tenxsom.media.captions.draw import caption_overlays
from tenxsom.media.captions.look import caption_look
from tenxsom.media.captions.phrases import TimedWord
from tenxsom.media.encode import RATE, Mp4Writer, new_mp4
from tenxsom.media.film.assemble import assemble
from tenxsom.media.film.brand import brand_overlays
from tenxsom.media.film.order import FilmOrder, Shot
from tenxsom.media.film.sheet import contact_sheet
from tenxsom.media.film.thumbnail import make_title_thumbnail
from tenxsom.media.film.verify import check_film
from tenxsom.media.join import join_clips
from tenxsom.media.join_encode import at_rate, sound_of
from tenxsom.media.sound import mix as sound
from tenxsom.model.safe_area import UPRIGHT
from tenxsom.store.templates import Templates

CPU_LIMIT, REMUX_LIMIT, MEMORY_LIMIT_MB = 1.35, 1.5, 400
WIDTH, HEIGHT, FPS, SECONDS, CLIP_SECONDS = 1080, 1920, 24, 30, 9
SCENES = (
    "sunset over layered mountains",
    "waves of the open ocean",
    "the new chips behind artificial intelligence",
    "a foggy forest",
)
SCRIPT = (
    "Here is a good puzzle. Why does bread rise?",
    "You cannot make it rise. You prepare, and you wait. A great many clever things are just well prepared waiting.",
    "Yeast eats the sugar in the flour, and breathes out gas. The dough catches every bubble, like a net of small balloons.",
    "So the next time something clever seems to happen by itself, ask what was prepared.",
)
ENCODED = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "160k")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A whole film against ffmpeg's decode and encode.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each competitor (default 3)")
    parser.add_argument("--folder", type=Path, help="keep clips and films here")
    parser.add_argument("--do", nargs=2, metavar=("WORK", "SECONDS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.do:
        work, seconds = arguments.do
        {"film": make_film, "join": join_eight, "plain": encode_plainly}[work](arguments.folder, float(seconds))
        return 0
    with tempfile.TemporaryDirectory() as name:
        return measure(arguments.folder or Path(name), max(1, arguments.rounds))


def measure(folder: Path, rounds: int) -> int:
    """Print the table; 0 when every limit is kept, else 1."""
    folder.mkdir(exist_ok=True)
    prepare(folder)
    ffmpeg = find_ffmpeg()
    print(f"{SECONDS} s of {WIDTH}x{HEIGHT}, {rounds} rounds each, in turns; against {ffmpeg or 'PyAV (ffmpeg is not installed)'}")
    theirs = encoding(ffmpeg, folder) if ffmpeg else child("plain", folder, SECONDS)
    film, plain = alternate(rounds, lambda: cpu_of(child("film", folder, SECONDS)), lambda: cpu_of(theirs))
    print(f"film {median(film):.1f} s of CPU, plain encode {median(plain):.1f} s")
    rows = [("a whole film / decode and encode", median(ratios(film, plain)), "≤", CPU_LIMIT)]
    rows += remux_rows(ffmpeg, folder, rounds) if ffmpeg else []
    short, long = (memory_of(child("film", folder, seconds)) for seconds in (SECONDS, 3 * SECONDS))
    print(f"memory: {short:.0f} MB for {SECONDS} s, {long:.0f} MB for {3 * SECONDS} s")
    rows += [(f"memory of {3 * SECONDS} s / {MEMORY_LIMIT_MB} MB", long / MEMORY_LIMIT_MB, "≤", 1.0)]
    rows += [(f"memory of {3 * SECONDS} s / of {SECONDS} s", long / short, "≤", 1.15)]
    return verdict("Films", rows)


def remux_rows(ffmpeg: str, folder: Path, rounds: int) -> list[tuple[str, float, str, float]]:
    """Rows about joining equal clips without an encode."""

    clips = [folder / "clip0.mp4"] * 8
    (folder / "list.txt").write_text("".join(f"file '{clip.resolve()}'\n" for clip in clips))
    command = [ffmpeg, "-y", "-v", "error", "-nostdin", "-f", "concat", "-safe", "0", "-i", str(folder / "list.txt")]
    command += ["-c", "copy", "-movflags", "+faststart", str(folder / "copied.mp4")]

    def ours() -> float:
        begin = os.times()
        join_clips(clips, folder / "joined.mp4")
        end = os.times()
        return end.user + end.system - begin.user - begin.system

    work, theirs, whole = alternate(5 * rounds, ours, lambda: cpu_of(command), lambda: cpu_of(child("join", folder, 0)))
    print(f"joining eight clips: {median(work):.3f} s of CPU, {median(whole):.2f} s with its start, ffmpeg {median(theirs):.3f} s")
    return [("joining without encode / ffmpeg -c copy", median(ratios(work, theirs)), "≤", REMUX_LIMIT)]


def prepare(folder: Path) -> None:
    """Render the clips and the music, which are not measured."""
    from tenxsom_studio.painting.clip import ClipOrder, render_clip
    from tenxsom_studio.painting.paint import paint
    from tenxsom_studio.painting.sound import bed

    for number, scene in enumerate(SCENES):
        if not (folder / f"clip{number}.mp4").exists():
            order = ClipOrder(WIDTH, HEIGHT, CLIP_SECONDS, FPS, seed=number)
            paint(scene, WIDTH * 5 // 4, HEIGHT * 5 // 4, number).save(folder / "still.png", compress_level=1)
            render_clip(folder / "still.png", folder / f"clip{number}.mp4", order)
    samples = (bed(3 * SECONDS, 3).T * 32767).astype("<i2")
    with wave.open(str(folder / "music.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(samples.tobytes())


def slots(folder: Path, seconds: float) -> list[tuple[Path, float, float]]:
    """The clips of a film of so many seconds, one after the other, each with its start and end."""
    each = SECONDS / len(SCENES)
    return [
        (folder / f"clip{number % len(SCENES)}.mp4", number * each, (number + 1) * each) for number in range(round(seconds / each))
    ]


def encoding(ffmpeg: str, folder: Path) -> list[str]:
    """ffmpeg's command: the same parts of the clips, decoded, joined and encoded."""
    parts = slots(folder, SECONDS)
    inputs = [word for clip, start, end in parts for word in ("-t", str(end - start), "-i", str(clip))]
    joined = "".join(f"[{number}:v][{number}:a]" for number in range(len(parts))) + f"concat=n={len(parts)}:v=1:a=1[v][a]"
    chosen = ("-filter_complex", joined, "-map", "[v]", "-map", "[a]", *ENCODED, "-movflags", "+faststart")
    return [ffmpeg, "-y", "-v", "error", "-nostdin", *inputs, *chosen, str(folder / "plain.mp4")]


# what is measured, in a process of its own


def make_film(folder: Path, seconds: float) -> None:
    """Everything that becomes of finished clips."""

    parts = slots(folder, seconds)
    brand, look, title = Templates(ROOT, ROOT).brand("kitchen_table"), caption_look(WIDTH, HEIGHT, UPRIGHT), "Why does bread rise?"
    voices, words = speak(folder, [start for _, start, _ in parts])
    sounds = [sound.ClipSound(clip, start, end) for clip, start, end in parts]
    sound.mix(sound.SoundOrder(seconds, voices, sounds, "duck", folder / "music.wav", fade_out=1.0), folder / "sound.wav")
    shown = brand_overlays(brand, title=title, language="en", width=WIDTH, height=HEIGHT, box=look.box, begin=0, end=seconds)
    overlays = merge(shown, caption_overlays(words, "en", look, WIDTH, HEIGHT), key=attrgetter("start"))
    shots, film = [Shot(*part) for part in parts], folder / "film.mp4"
    assemble(FilmOrder(shots, WIDTH, HEIGHT, Fraction(FPS), seconds, "cut", overlays, folder / "sound.wav"), film)
    checked, loudness = check_film(film, captions=look.box), sound.measure(film)
    make_title_thumbnail(shots, title, folder / "film.jpg", width=WIDTH, height=HEIGHT, brand=brand, clear_top=0.1)
    contact_sheet(film, folder / "film_sheet.jpg")
    print(checked, loudness)


def speak(folder: Path, starts: list[float]) -> tuple[list[sound.VoicePart], list[TimedWord]]:
    """The spoken script from the beginning of each slot, and its words on the film's time line."""

    if importlib.util.find_spec("hibari") is None:
        print("hibari is not installed: the film has no voice")
        return [], [
            TimedWord(word, start + 0.4 + 0.35 * place, start + 0.7 + 0.35 * place)
            for start, text in zip(starts, SCRIPT * 99, strict=False)
            for place, word in enumerate(text.split()[:20])
        ]
    from tenxsom.settings import load
    from tenxsom.voices.base import Line
    from tenxsom.voices.hibari import open_voice

    voice, parts, words = open_voice(load()), [], []
    for number, (start, text) in enumerate(zip(starts, SCRIPT * 99, strict=False)):
        speech, file = voice.say(Line(text)), folder / f"voice{number}.wav"
        file.write_bytes(speech.audio)
        parts.append(sound.VoicePart(file, start + 0.4))
        words += [TimedWord(word.text, start + 0.4 + word.start, start + 0.4 + word.end) for word in speech.words]
    return parts, words


def join_eight(folder: Path, _: float) -> None:

    join_clips([folder / "clip0.mp4"] * 8, folder / "joined.mp4")


def encode_plainly(folder: Path, seconds: float) -> None:
    """PyAV in ffmpeg's place: decode and encode the same parts of the clips."""

    with new_mp4(folder / "plain.mp4") as output:
        writer = Mp4Writer(output, WIDTH, HEIGHT, Fraction(FPS), has_sound=True)
        for clip, start, end in slots(folder, seconds):
            for frame in islice(at_rate(clip, Fraction(FPS)), round((end - start) * FPS)):
                writer.frame(frame)
            writer.sound(sound_of(clip, round((end - start) * RATE)))
        writer.finish()


def child(work: str, folder: Path, seconds: float) -> list[str]:
    return [sys.executable, __file__, "--folder", str(folder), "--do", work, str(seconds)]


def cpu_of(command: list[str]) -> float:
    """CPU seconds of a whole process, all its threads."""
    return _run(command)[0]


def memory_of(command: list[str]) -> float:
    """The largest resident memory of a process, in MB."""
    return _run(command)[1]


def _run(command: list[str]) -> tuple[float, float]:
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:2])} failed with exit code {process.returncode}.")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def find_ffmpeg() -> str | None:
    """Return the installed ffmpeg, or that of the package imageio-ffmpeg; None without both."""
    if found := shutil.which("ffmpeg"):
        return found
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        return None
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


if __name__ == "__main__":
    raise SystemExit(main())
