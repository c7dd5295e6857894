"""Whole ticks over pending jobs, from the start of the process to its end, every job asked for once and saved.

1,000 jobs at 100 ms per answer, 64 at once, against the ideal: jobs × latency ÷ concurrency. The latency is what a bare socket
sees of the stub vendor, which takes a millisecond longer than its pause to answer. Limits: 1.45 over HTTP, 1.5 over TLS, and 1.5
where the first endpoint of every job answers 404 and the second is right (the ideal counts both); 60 MB of memory.
20 jobs against `python3 -c "import requests"`: at most 5 times as long, the four waits of the answers left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness import ROOT, alternate, environment, median, peak_megabytes, ratios, seconds_of, verdict

from tenxsom import clock
from tenxsom.model.accepted import AcceptedDefinition
from tenxsom.model.blueprint import Blueprint, Segment, VideoPlan
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import SCHEMA_VERSION, JobState, VideoJob
from tenxsom.model.parts import Generation

JOBS, FEW, PAUSE, CONCURRENCY, ROUNDS = 1000, 20, 0.1, 64, 7


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = spread(Path(name))
        certificate = make_certificate(folder)
        with vendor() as plain_port, vendor(certificate) as secure_port, vendor(pause=0) as quick_port:
            answers, created = latency(plain_port), creation(folder)
            plain, secure, twice, bare = alternate(
                ROUNDS,
                lambda: tick(folder, f"http://127.0.0.1:{plain_port}/v1"),
                lambda: tick(folder, f"https://localhost:{secure_port}/v1", certificate),
                lambda: tick(folder, f"http://127.0.0.1:{plain_port}/v1", first_is_wrong=True),
                lambda: bare_script(plain_port),
            )
            few, library = alternate(
                ROUNDS, lambda: tick(folder, f"http://127.0.0.1:{quick_port}/v1", jobs=FEW), import_of_requests
            )
            memory = max(
                tick(folder, f"http://127.0.0.1:{plain_port}/v1", measure=megabytes),
                tick(folder, f"https://localhost:{secure_port}/v1", certificate, measure=megabytes),
            )
    ideal = JOBS * answers / CONCURRENCY
    print(f"A bare script on this machine, {CONCURRENCY} threads over sockets and nothing else: {median(bare) / ideal:.2f}")
    print(f"This machine creates a file in {created * 1000:.2f} ms and runs `import requests` in {median(library):.2f} s.")
    title = f"A tick over {JOBS} jobs, {answers * 1000:.1f} ms per answer, {CONCURRENCY} at once; ideal {ideal:.2f} s"
    rows = [
        ("over HTTP", median(plain) / ideal, "≤", 1.45),
        ("over TLS", median(secure) / ideal, "≤", 1.5),
        ("after a 404 each", median(twice) / (2 * ideal), "≤", 1.5),
        ("memory, in 60 MB", memory / 60, "≤", 1.0),
        (f"{FEW} jobs, of `import requests`", median(ratios(few, library)), "≤", 5.0),
    ]
    return verdict(title, rows)


def import_of_requests() -> float:
    return seconds_of(lambda: subprocess.run([sys.executable, "-c", "import requests"], env=environment(), check=True))


def spread(folder: Path) -> Path:
    """Let each queue lie in a part of the disk of its own, where the disk is ext4, and return the folder.

    ext4 does not use what a deleted file was in for minutes, and looks through all of it for each new file nearby: a tick would
    pay for the ticks before it. https://man7.org/linux/man-pages/man1/chattr.1.html
    """
    with contextlib.suppress(OSError):
        subprocess.run(["chattr", "+T", str(folder)], check=False, stderr=subprocess.DEVNULL)
    return folder


def creation(folder: Path) -> float:
    """Seconds of the processor for an empty file, in the same kind of folder as a queue's."""
    place = Path(tempfile.mkdtemp(dir=folder))
    start = time.process_time()
    for number in range(JOBS):
        (place / f"empty-{number}").touch()
    return (time.process_time() - start) / JOBS


def latency(port: int) -> float:
    """Seconds until the vendor's answer is there, with nothing in between."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        return median([seconds_of(lambda: ask(connection)) for _ in range(20)])


def bare_script(port: int) -> float:
    """Seconds of as many questions by a script that reads no job, checks nothing and saves nothing: what Python takes by itself."""
    command = [sys.executable, "-c", BARE, str(port), str(JOBS), str(CONCURRENCY)]
    return seconds_of(lambda: subprocess.run(command, env=environment(), check=True))


BARE = """
import socket, sys, threading
port, jobs, at_once = map(int, sys.argv[1:])
left = iter(range(jobs))
def work():
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in left:
            connection.sendall(b"GET /v1/jobs HTTP/1.1\\r\\n\\r\\n")
            connection.recv(65536)
threads = [threading.Thread(target=work) for _ in range(at_once)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def ask(connection: socket.socket) -> None:
    connection.sendall(b"GET /v1/jobs HTTP/1.1\r\n\r\n")
    connection.recv(65_536)


def seconds(command: list[str], settings: dict[str, str]) -> float:
    return seconds_of(lambda: subprocess.run(command, env=environment(**settings), check=True, stdout=subprocess.DEVNULL))


def megabytes(command: list[str], settings: dict[str, str]) -> float:
    return peak_megabytes(command, **settings)


def tick(
    folder: Path,
    base_url: str,
    certificate: tuple[Path, Path] | None = None,
    jobs: int = JOBS,
    first_is_wrong: bool = False,
    measure: Callable[[list[str], dict[str, str]], float] = seconds,
) -> float:
    """What `measure` says of one tick over a fresh queue: its seconds on the wall, unless told otherwise."""
    home = Path(tempfile.mkdtemp(dir=folder))
    pending = home / "pending_video_jobs"
    pending.mkdir()
    (home / "completed_videos").mkdir()
    for number in range(jobs):
        job = waiting_job(f"job-{number:04}")
        if first_is_wrong:
            job.clips[0].status_endpoint = f"/ltxstudio/generations/{number}"
        (pending / f"{job.content_id}.json").write_bytes(job.as_json())
    os.sync()
    settings = {"TENXSOM_HOME": str(home), "USEAPI_BEARER_TOKEN": "user:bench", "USEAPI_BASE_URL": base_url}
    settings |= {"POLL_CONCURRENCY": str(CONCURRENCY)} | ({"TLS_CA_FILE": str(certificate[0])} if certificate else {})
    taken = measure([sys.executable, str(ROOT / "poll_video_status.py")], settings)
    saved = [json.loads(path.read_bytes()) for path in pending.glob("*.json")]
    if len(saved) != jobs or any(job["clips"][0]["checks"] != 1 or job["revision"] != 2 for job in saved):
        raise SystemExit("The tick did not ask for every job once and save it; the figure would mean nothing.")
    return taken


SEGMENT = Segment(segment_type="hook", content="word " * 40, visual_cue="light " * 60, duration=5)


def waiting_job(content_id: str) -> VideoJob:
    """A job as the orchestrator leaves it: its clip is at the service."""
    clip = Clip(
        index=0,
        prompt="a prompt " * 30,
        image_prompt="a picture " * 30,
        asked_seconds=5,
        seconds=5,
        aspect_ratio="16:9",
        step=Step.AWAIT_VIDEO,
        submitted_at=clock.stamp(),
        video=Generation(job_id=f"email:bench@example.com-job:{content_id}-type:video", generation_id=None),
        status_endpoint=f"/ltxstudio/assets/email%3Abench%40example.com-job%3A{content_id}-type%3Avideo",
    )
    job = VideoJob(
        schema_version=SCHEMA_VERSION,
        revision=1,
        content_id=content_id,
        job_id=None,
        title="A title",
        state=JobState.WAITING,
        service="useapi_ltx",
        submit_time=clock.stamp(),
        status_endpoint=None,
        expected_file_path=f"completed_videos/{content_id}.mp4",
        run_id="tx-1",
        definition=AcceptedDefinition(content_id=content_id, title="A title"),
        fingerprint="f",
        blueprint=Blueprint(video_plan=VideoPlan(title="A title", script_segments=[SEGMENT])),
        clips=[clip],
    )
    for event in ("accepted", "planned", "image_requested", "image_ready", "image_fetched", "asset_uploaded", "video_requested"):
        job.record(event, "clip 1")
    job.settle_state()
    return job


@contextlib.contextmanager
def vendor(certificate: tuple[Path, Path] | None = None, pause: float = PAUSE) -> Iterator[int]:
    """A stub vendor in a process of its own, for the length of a block: its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(Path(__file__).with_name("stub_vendor.py")), str(port), str(pause)]
    process = subprocess.Popen(command + [str(path) for path in certificate or ()], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield port
    finally:
        process.terminate()
        process.communicate()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, signed by itself; of the kind that most services have, which is the fast one to sign with."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = ["openssl", "req", "-x509", *kind, "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return certificate, key


if __name__ == "__main__":
    sys.exit(main())
