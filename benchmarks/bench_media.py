"""How fast a film goes into an object store, and how little memory it takes: beside a bare put of the same library.

    python benchmarks/bench_media.py [--megabytes 200] [--rounds 5]

Both send the same file to the same server, which speaks S3, throws the parts away, and runs in a process of its own. Ours also
hashes the file and looks for earlier versions of it, under a new name in each round: what is there already is not sent again. Exit
1 when the median of the rounds' ratios (our rate to the bare one's) is below 0.8, or when ten times the bytes take more than 1.3
times the memory.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from harness import ROOT, alternate, environment, median, peak_megabytes, ratios, verdict

sys.path.insert(0, str(ROOT))

from tests.stub_s3 import BUCKET, KEY_ID, REGION, SECRET, serving

LEAST_RATIO = 0.8
MOST_MEMORY = 1.3

OURS = """
import os, sys, time
from pathlib import Path
from tenxsom import settings
from tenxsom.app import App
from tenxsom.safe_files import copy_file
with App(settings.load()) as app:
    app.artifacts.check()
    name = f"lake{os.getpid()}.mp4"
    part = app.artifacts.scratch(name)
    copy_file(sys.argv[1], part)
    began = time.perf_counter()
    app.artifacts.publish(part, name)
    print(time.perf_counter() - began)
"""

BARE = """
import os, sys, time
from pathlib import Path
import obstore
from obstore.store import S3Store
config = {name: os.environ["AWS_" + name.upper()] for name in ("access_key_id", "secret_access_key", "region")}
options = {"allow_http": True}
store = S3Store(sys.argv[2], config={**config, "endpoint": os.environ["AWS_ENDPOINT_URL"]}, client_options=options)
obstore.put(store, "probe", b"")
began = time.perf_counter()
obstore.put(store, "lake.mp4", Path(sys.argv[1]))
print(time.perf_counter() - began)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-media-") as name:
            return compare(Path(name), ours.recv(), options.megabytes, options.rounds)
    finally:
        ours.send("end")
        server.join()


def serve(told: Connection) -> None:
    with serving(keeps=False) as stub:
        told.send(stub.url)
        told.recv()


def compare(folder: Path, url: str, megabytes: int, rounds: int) -> int:
    large, small = folder / "large", folder / "small"
    for path, size in ((large, megabytes), (small, megabytes // 10)):
        with path.open("wb") as file:
            for _ in range(size):
                file.write(os.urandom(1_000_000))
    settings = environment(
        TENXSOM_HOME=str(folder),
        MEDIA_URL=f"s3://{BUCKET}/x",
        AWS_ENDPOINT_URL=url,
        AWS_ACCESS_KEY_ID=KEY_ID,
        AWS_SECRET_ACCESS_KEY=SECRET,
        AWS_REGION=REGION,
        PYTHONPATH=str(ROOT),
    )

    def seconds(lines: str, *words: str) -> float:
        done = subprocess.run([sys.executable, "-c", lines, *words], env=settings, check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout)

    ours, bare = alternate(rounds, lambda: seconds(OURS, str(large)), lambda: seconds(BARE, str(large), BUCKET))
    memory = [peak_megabytes([sys.executable, "-c", OURS, str(path)], **settings) for path in (small, large)]
    rate = [1 / ratio for ratio in ratios(ours, bare)]
    each = " ".join(f"{figure:.2f}" for figure in rate)
    print(f"ours {median(ours):.2f} s, bare {median(bare):.2f} s for {megabytes} MB; ratios: {each}")
    print(f"memory: {memory[0]:.0f} MB for {megabytes // 10} MB, {memory[1]:.0f} MB for {megabytes} MB")
    rows = [
        (f"{megabytes} MB up, our rate to a bare put's", median(rate), "≥", LEAST_RATIO),
        ("memory for ten times the bytes", memory[1] / memory[0], "≤", MOST_MEMORY),
    ]
    return verdict("Media in an object store", rows)


if __name__ == "__main__":
    sys.exit(main())
