"""Rendering a preview against ffmpeg's own way of moving over a still. Limit: 1.3 times ffmpeg's time.

Ours, one round: paint a 1600x900 picture from a prompt, save it as PNG, and render 5 seconds of 1280x720 at 24 frames a second
from it, with camera move, layers, caption, badge and sound (libx264 ultrafast, crf 20; AAC 160 kbit/s).

ffmpeg, one round: the program itself, from a finished 1600x900 PNG: scaled up so that zoompan does not judder, zoompan of the
same travel, the same video settings, and a sine tone as AAC 160 kbit/s. It paints nothing and writes no caption. zoompan moves in
whole pixels of its input, so people enlarge the input first, commonly to 8000 pixels. We take 5120 (four times the frame), which
still steps by more than our camera does; the row with 2560 (twice the frame, visibly unsteady) is for information.

The competitors take turns, so that a busy machine slows all of them alike; the table shows medians. Our process has imported
its libraries before the first round, as the studio's worker has; ffmpeg's start-up is a few milliseconds.

    python benchmarks/bench_render.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tenxsom.media.subtitles import Cue
from tenxsom_studio.painting import depth
from tenxsom_studio.painting.clip import ClipOrder, render_clip
from tenxsom_studio.painting.paint import paint

LIMIT = 1.3
SECONDS, FPS = 5, 24
PROMPTS = (
    ("sunset over layered mountains", "daily_inspiration"),
    ("the new chips behind artificial intelligence", "tech_news"),
    ("a foggy forest where a village vanished", "documentary_mystery"),
    ("waves of the open ocean", ""),
    ("molten glass", "sensory_morph"),
)
CAPTION = "Every morning begins with the same quiet light over the hills."


def main(argv: list[str] | None = None) -> int:
    arguments = argparse.ArgumentParser(description="Rendering a preview against ffmpeg's zoompan.")
    arguments.add_argument("--rounds", type=int, default=5, help="rounds of each competitor (default 5)")
    rounds = max(5, arguments.parse_args(argv).rounds)
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        print("Skipped: ffmpeg is not installed, so there is nothing to compare with.")
        return 0
    with tempfile.TemporaryDirectory() as name:
        return report(measure(ffmpeg, Path(name), rounds))


def measure(ffmpeg: str, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds per round of each competitor, taken in turns."""
    still = folder / "still.png"
    prompt, archetype = PROMPTS[0]
    paint(prompt, 1600, 900, 1, archetype).save(still, compress_level=1)
    results: dict[str, list[float]] = {"ours": [], "ffmpeg 5120": [], "ffmpeg 2560": []}
    for index in range(rounds):
        results["ours"].append(timed(partial(preview, folder, index)))
        for width in (5120, 2560):
            command = zoompan(ffmpeg, still, folder / "peer.mp4", width)
            results[f"ffmpeg {width}"].append(timed(partial(subprocess.run, command, check=True)))
    return results


def preview(folder: Path, index: int) -> None:
    """Everything that the studio does for one clip."""
    prompt, archetype = PROMPTS[index % len(PROMPTS)]
    still = folder / "ours.png"
    depth.save(paint(prompt, 1600, 900, index, archetype), still)
    order = ClipOrder(1280, 720, SECONDS, FPS, cues=(Cue(0.3, 4.7, CAPTION),), seed=index)
    render_clip(still, folder / "ours.mp4", order)


def zoompan(ffmpeg: str, still: Path, target: Path, width: int) -> list[str]:
    """ffmpeg's command for the same clip; `width` is that of zoompan's enlarged input."""
    frames = SECONDS * FPS
    move = f"zoompan=z='1+0.17*on/{frames - 1}':x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2':d={frames}:s=1280x720:fps={FPS}"
    return [
        *(ffmpeg, "-y", "-v", "error", "-nostdin", "-i", str(still)),
        *("-f", "lavfi", "-i", f"sine=frequency=220:sample_rate=48000:duration={SECONDS}"),
        *("-vf", f"scale={width}:-2,{move},format=yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "20"),
        *("-c:a", "aac", "-b:a", "160k", "-ac", "2", "-frames:v", str(frames), "-movflags", "+faststart", str(target)),
    ]


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(results: dict[str, list[float]]) -> int:
    """Print the table; 0 when we keep our limit, else 1."""
    medians = {name: statistics.median(values) for name, values in results.items()}
    print(f"5 s of 1280x720, {len(results['ours'])} rounds each, in turns")
    print(f"{'':14}{'median s':>10}{'best s':>10}{'ours is':>10}")
    for name, values in results.items():
        relation = "" if name == "ours" else f"{medians['ours'] / medians[name]:.2f} x"
        print(f"{name:14}{medians[name]:10.2f}{min(values):10.2f}{relation:>10}")
    ratio = medians["ours"] / medians["ffmpeg 5120"]
    verdict = "within" if ratio <= LIMIT else "ABOVE"
    print(f"ours / ffmpeg 5120 = {ratio:.2f}, {verdict} the limit of {LIMIT}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    raise SystemExit(main())
