"""How fast and how small a download is: 200 MB over loopback with SHA-256, against `curl -o` without any hash.

    python benchmarks/bench_download.py [--megabytes 200] [--rounds 5]

Exit 1 when the median of the rounds' ratios (our rate to curl's) is below 0.75, or when a fresh process
that only downloads peaks above 45 MB of RSS.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LEAST_RATIO = 0.75
MOST_RSS_MB = 45.0

OURS = """
import resource, sys, time
from pathlib import Path
from tenxsom.http.downloads import Downloader
with Downloader(service_url=sys.argv[1]) as downloader:
    began = time.perf_counter()
    found = downloader.fetch(sys.argv[1], Path(sys.argv[2]), max_bytes=10**10, deadline_seconds=600)
    seconds = time.perf_counter() - began
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, found.sha256)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-download-") as name:
        folder = Path(name)
        source, digest = make_file(folder / "source", options.megabytes * 1_000_000)
        listener = socket.create_server(("127.0.0.1", 0))
        server = multiprocessing.get_context("fork").Process(target=serve, args=(listener, source), daemon=True)
        server.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/clip.mp4"
            return compare(url, folder, digest, options.megabytes, options.rounds)
        finally:
            server.terminate()
            server.join()
            listener.close()


def compare(url: str, folder: Path, digest: str, megabytes: int, rounds: int) -> int:
    curl_rates, our_rates, peaks = [], [], []
    print(f"{'round':>6}  {'curl MB/s':>10}  {'ours MB/s':>10}  {'ratio':>6}  {'RSS MB':>7}")
    for number in range(rounds + 1):
        curl = megabytes / curl_seconds(url, folder / "curl")
        seconds, peak = our_seconds(url, folder / "ours.part", digest)
        if number == 0:
            continue  # both warm up
        curl_rates.append(curl)
        our_rates.append(megabytes / seconds)
        peaks.append(peak)
        print(f"{number:>6}  {curl:>10.0f}  {our_rates[-1]:>10.0f}  {our_rates[-1] / curl:>6.2f}  {peak:>7.1f}")
    ratio = statistics.median(rate / curls for rate, curls in zip(our_rates, curl_rates, strict=True))
    curl, ours = statistics.median(curl_rates), statistics.median(our_rates)
    print(f"{'median':>6}  {curl:>10.0f}  {ours:>10.0f}  {ratio:>6.2f}  {max(peaks):>7.1f}")
    met = ratio >= LEAST_RATIO and max(peaks) <= MOST_RSS_MB
    print(f"{'met' if met else 'MISSED'}: ratio at least {LEAST_RATIO}, RSS at most {MOST_RSS_MB:.0f} MB")
    return 0 if met else 1


def curl_seconds(url: str, target: Path) -> float:
    """The transfer's own time, without the start of the program."""
    target.unlink(missing_ok=True)
    command = ["curl", "--silent", "--fail", "--noproxy", "*", "--output", str(target), "--write-out", "%{time_total}", url]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def our_seconds(url: str, target: Path, digest: str) -> tuple[float, float]:
    """The time of one `fetch` in a fresh process, and that process's peak RSS in MB.

    Its libraries are loaded before the time is taken, as curl's are: both figures are of the transfer itself.
    """
    target.unlink(missing_ok=True)
    command = [sys.executable, "-c", OURS, url, str(target)]
    root = Path(__file__).resolve().parent.parent
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout.split()
    if said[2] != digest:
        raise SystemExit("the hash is wrong")
    return float(said[0]), float(said[1])


def make_file(path: Path, size: int) -> tuple[Path, str]:
    block = os.urandom(1_000_000)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)
            digest.update(block)
    return path, digest.hexdigest()


def serve(listener: socket.socket, source: Path) -> None:
    """Answer every connection with the file, by sendfile, and close it."""
    size = source.stat().st_size
    while True:
        connection, _ = listener.accept()
        with connection, source.open("rb") as file:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(65_536)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size
            )
            try:
                connection.sendfile(file)
            except OSError:
                time.sleep(0)  # the other side hung up


if __name__ == "__main__":
    sys.exit(main())
