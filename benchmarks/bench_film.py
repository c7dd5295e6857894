"""A whole film against ffmpeg that decodes and encodes the same clips. Limits: 1.35 times ffmpeg's CPU time, 400 MB.

Ours, one round, two processes from their start to their end, as a job has them: when it is submitted, one speaks four segments
(hibari, where it is installed); when its clips are there, one makes the music, mixes it with the voice and the clips' own sound to
a loudness, assembles 30 seconds of 1080x1920 with words as they are spoken, a logo and an outro card (libx264 veryfast, crf 20; AAC
160 kbit/s): the first row. The second one counts what the same process does then: it verifies the film, measures its loudness
again, and makes thumbnail and contact sheet.

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
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from fractions import Fraction
from heapq import merge
from itertools import islice
from operator import attrgetter
from pathlib import Path

from harness import ROOT, alternate, environment, median, ratios, verdict

from tenxsom.media.captions.draw import caption_overlays
from tenxsom.media.captions.look import Box, caption_look
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
from tenxsom.media.sound.bed import write_bed
from tenxsom.model.safe_area import UPRIGHT
from tenxsom.settings import load
from tenxsom.store.templates import Templates
from tenxsom.voices.base import Line
from tenxsom.voices.hibari import open_voice

CPU_LIMIT, FINISHED_LIMIT, REMUX_LIMIT, MEMORY_LIMIT_MB = 1.35, 1.45, 1.5, 400
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
TITLE = "Why does bread rise?"
ENCODED = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "160k")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A whole film against ffmpeg's decode and encode.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each competitor (default 3)")
    parser.add_argument("--folder", type=Path, help="keep clips and films here")
    parser.add_argument("--do", nargs=2, metavar=("WORK", "SECONDS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.do:
        work, seconds = arguments.do
        {"speak": speak, "film": make_film, "join": join_eight, "plain": encode_plainly}[work](arguments.folder, float(seconds))
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
    finishes: list[float] = []

    def whole() -> float:
        total = cpu_of(*film_of(folder, SECONDS))
        finishes.append(float((folder / "finish.txt").read_text()))
        return total

    finished, plain = alternate(rounds, whole, lambda: cpu_of(theirs))
    film = [one - finish for one, finish in zip(finished, finishes[-len(finished) :], strict=True)]
    print(f"film {median(film):.1f} s of CPU, with verification and pictures {median(finished):.1f} s, plain {median(plain):.1f} s")
    rows = [("a whole film / decode and encode", median(ratios(film, plain)), "≤", CPU_LIMIT)]
    rows += [("the same, verified and with its pictures", median(ratios(finished, plain)), "≤", FINISHED_LIMIT)]
    rows += remux_rows(ffmpeg, folder, rounds) if ffmpeg else []
    short, long = (memory_of(*film_of(folder, seconds)) for seconds in (SECONDS, 3 * SECONDS))
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
    """Render the clips, which is not measured."""
    from tenxsom_studio.painting.clip import ClipOrder, render_clip
    from tenxsom_studio.painting.paint import paint

    for number, scene in enumerate(SCENES):
        if not (folder / f"clip{number}.mp4").exists():
            order = ClipOrder(WIDTH, HEIGHT, CLIP_SECONDS, FPS, seed=number)
            paint(scene, WIDTH * 5 // 4, HEIGHT * 5 // 4, number).save(folder / "still.png", compress_level=1)
            render_clip(folder / "still.png", folder / f"clip{number}.mp4", order)


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


def speak(folder: Path, seconds: float) -> None:
    """Speak the script from the beginning of each slot, and write down when each word is heard in the film."""
    words: list[tuple[str, float, float]] = []
    lines = [(start + 0.4, text) for (_, start, _), text in zip(slots(folder, seconds), SCRIPT * 99, strict=False)]
    if importlib.util.find_spec("hibari") is None:
        for start, text in lines:
            words += [(word, start + 0.33 * place, start + 0.33 * place + 0.3) for place, word in enumerate(text.split())]
    else:
        with closing(open_voice(load())) as voice:
            for number, (start, text) in enumerate(lines):
                speech = voice.say(Line(text))
                (folder / f"voice{number}.wav").write_bytes(speech.audio)
                words += [(word.text, start + word.start, start + word.end) for word in speech.words]
    (folder / "words.json").write_text(json.dumps({"starts": [start for start, _ in lines], "words": words}))


def make_film(folder: Path, seconds: float) -> None:
    """Make music, film and pictures from clips and voice."""
    parts, spoken = slots(folder, seconds), json.loads((folder / "words.json").read_text())
    brand, look = Templates(ROOT, ROOT).brand("kitchen_table"), caption_look(WIDTH, HEIGHT, UPRIGHT)
    voices = [sound.VoicePart(folder / f"voice{number}.wav", start) for number, start in enumerate(spoken["starts"])]
    write_bed("curious", seconds, 3, folder / "music.wav", [start for _, start, _ in parts[1:]])
    sounds = [sound.ClipSound(clip, start, end) for clip, start, end in parts]
    order = sound.SoundOrder(seconds, [part for part in voices if part.file.exists()], sounds, "duck", folder / "music.wav")
    sound.mix(order, folder / "sound.wav")
    shown = brand_overlays(brand, title=TITLE, language="en", width=WIDTH, height=HEIGHT, box=look.box, begin=0, end=seconds)
    captions = caption_overlays([TimedWord(*word) for word in spoken["words"]], "en", look, WIDTH, HEIGHT)
    overlays, shots = merge(shown, captions, key=attrgetter("start")), [Shot(*part) for part in parts]
    assemble(FilmOrder(shots, WIDTH, HEIGHT, Fraction(FPS), seconds, "cut", overlays, folder / "sound.wav"), folder / "film.mp4")
    made = time.process_time()
    finish_film(folder, seconds)
    (folder / "finish.txt").write_text(str(time.process_time() - made))


def finish_film(folder: Path, seconds: float) -> None:
    """Verify the film and measure its loudness; make its thumbnail and its contact sheet."""
    brand, shots, film = (
        Templates(ROOT, ROOT).brand("kitchen_table"),
        [Shot(*part) for part in slots(folder, seconds)],
        folder / "film.mp4",
    )
    look = caption_look(WIDTH, HEIGHT, UPRIGHT)
    print(check_film(film, captions=Box(0, look.top, WIDTH, look.box.bottom)), sound.measure(film))
    make_title_thumbnail(shots, TITLE, folder / "film.jpg", width=WIDTH, height=HEIGHT, brand=brand, clear_top=0.1)
    contact_sheet(film, folder / "film_sheet.jpg")


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


def film_of(folder: Path, seconds: float) -> list[list[str]]:
    """The commands of a whole film: the voice is made when a job is submitted, the film when it is collected."""
    return [child(work, folder, seconds) for work in ("speak", "film")]


def child(work: str, folder: Path, seconds: float) -> list[str]:
    return [sys.executable, __file__, "--folder", str(folder), "--do", work, str(seconds)]


def cpu_of(*commands: list[str]) -> float:
    """CPU seconds of whole processes, all their threads."""
    return sum(_run(command)[0] for command in commands)


def memory_of(*commands: list[str]) -> float:
    """The largest resident memory of one of the processes, in MB."""
    return max(_run(command)[1] for command in commands)


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
