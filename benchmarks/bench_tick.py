"""A whole tick over 1,000 pending jobs at 100 ms per answer, 64 at once, against the ideal: jobs × latency ÷ concurrency.

Measured from the start of the process to its end: start-up, reading the queue, asking, and one durable state write per job.
The latency is what a bare socket sees of the stub vendor, which takes a millisecond longer than its pause to answer.
Limits: 1.15 over HTTP, 1.2 over TLS. After every round it is checked that each job was really asked for, once, and saved.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness import ROOT, alternate, environment, median, seconds_of, verdict

from tenxsom import clock
from tenxsom.model.clip import Clip, Step
from tenxsom.model.job import State, VideoJob

JOBS, PAUSE, CONCURRENCY, ROUNDS = 1000, 0.1, 64, 9


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate = make_certificate(folder)
        with vendor() as plain_port, vendor(certificate) as secure_port:
            answers = latency(plain_port)
            plain, secure, bare = alternate(
                ROUNDS,
                lambda: tick(folder, f"http://127.0.0.1:{plain_port}/v1"),
                lambda: tick(folder, f"https://localhost:{secure_port}/v1", certificate),
                lambda: bare_script(plain_port),
            )
    ideal = JOBS * answers / CONCURRENCY
    print(f"A bare script on this machine, {CONCURRENCY} threads over sockets and nothing else: {median(bare) / ideal:.2f}")
    title = f"A tick over {JOBS} jobs, {answers * 1000:.1f} ms per answer, {CONCURRENCY} at once; ideal {ideal:.2f} s"
    return verdict(title, [("over HTTP", median(plain) / ideal, "≤", 1.15), ("over TLS", median(secure) / ideal, "≤", 1.2)])


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


def tick(folder: Path, base_url: str, certificate: tuple[Path, Path] | None = None) -> float:
    """Seconds of one tick over a fresh queue."""
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    pending = home / "pending_video_jobs"
    pending.mkdir(parents=True)
    for number in range(JOBS):
        (pending / f"job-{number:04}.json").write_text(json.dumps(waiting_job(f"job-{number:04}").as_dict(), indent=1))
    os.sync()
    settings = {"TENXSOM_HOME": str(home), "USEAPI_BEARER_TOKEN": "user:bench", "USEAPI_BASE_URL": base_url}
    settings |= {"POLL_CONCURRENCY": str(CONCURRENCY)} | ({"TLS_CA_FILE": str(certificate[0])} if certificate else {})
    command = [sys.executable, str(ROOT / "poll_video_status.py")]
    taken = seconds_of(lambda: subprocess.run(command, env=environment(**settings), check=True, stdout=subprocess.DEVNULL))
    saved = [json.loads(path.read_bytes()) for path in pending.glob("*.json")]
    if len(saved) != JOBS or any(job["clips"][0]["checks"] != 1 or job["revision"] != 2 for job in saved):
        raise SystemExit("The tick did not ask for every job once and save it; the figure would mean nothing.")
    return taken


def waiting_job(content_id: str) -> VideoJob:
    """A job as the orchestrator leaves it: its clip is at the service."""
    now, file, page = clock.stamp(), f"completed_videos/{content_id}.mp4", {"content_id": content_id, "title": "A title"}
    job = VideoJob(1, 1, content_id, None, "A title", State.WAITING, "useapi_ltx", now, None, file, "tx-1", page, "f")
    job.blueprint = {"video_plan": {"script_segments": [{"content": "word " * 40, "visual_cue": "light " * 60, "duration": 5}]}}
    clip = Clip(0, "a prompt " * 30, "a picture " * 30, 5, 5, "16:9", step=Step.AWAIT_VIDEO, submitted_at=clock.stamp())
    clip.video = {"job_id": f"email:bench@example.com-job:{content_id}-type:video", "generation_id": None}
    clip.status_endpoint = f"/ltxstudio/assets/email%3Abench%40example.com-job%3A{content_id}-type%3Avideo"
    job.clips = [clip]
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
