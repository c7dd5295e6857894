"""An id that somebody found is adopted only if it can be the one: a wrong one would be collected in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tenxsom import clock
from tenxsom.errors import AccountError, BadInput, DiskError, NotFound, ServiceDown
from tenxsom.model.clip import Clip, Intent, Step
from tenxsom.model.job import VideoJob
from tenxsom.model.parts import Generation, Still
from tenxsom.pipeline import adoption
from tenxsom.store.files.artifacts import FileArtifacts
from tenxsom.store.files.jobs import FileJobStore
from tests.belt import Belt
from tests.crash.paper_vendor import PaperVendor, paper_suite
from tests.states import new_clip, new_job

VIDEO = "email:me@example.com-job:abc-type:video"


@pytest.fixture
def store(tmp_path: Path) -> FileJobStore:
    return FileJobStore(tmp_path / "pending_video_jobs")


@pytest.fixture
def artifacts(tmp_path: Path) -> FileArtifacts:
    (tmp_path / "completed_videos").mkdir()
    return FileArtifacts(tmp_path / "completed_videos")


def unclear_clip(index: int = 0, step: Step = Step.REQUEST_VIDEO) -> Clip:
    intent = Intent(step=step, attempt=1, reference="tx-1.0.request_video.1", usd="0.16", at=clock.stamp(), unclear="timed out")
    return new_clip(index, step=step, intent=intent, start_frame="none" if step == Step.REQUEST_VIDEO else "flux")


def put(store: FileJobStore, job: VideoJob) -> VideoJob:
    with store.accept(job):
        return job


def check(job_id: str, job: VideoJob, store: FileJobStore, artifacts: FileArtifacts) -> None:
    adoption.check_free(job_id, job, job.clips[0], store, artifacts)


def test_an_id_that_nobody_has_is_free(store, artifacts):
    job = put(store, new_job(clips=[unclear_clip()]))
    check(VIDEO, job, store, artifacts)


@pytest.mark.parametrize("job_id", ["", " ", "a b", "x\n", "\x1b[2J"])
def test_what_is_no_id_is_refused(store, artifacts, job_id):
    with pytest.raises(BadInput, match="no id of a job"):
        check(job_id, new_job(clips=[unclear_clip()]), store, artifacts)


@pytest.mark.parametrize(("step", "kind"), [(Step.REQUEST_VIDEO, "image"), (Step.REQUEST_IMAGE, "video")])
def test_an_id_of_the_other_kind_is_refused(store, artifacts, step, kind):
    job = new_job(clips=[unclear_clip(step=step)])
    with pytest.raises(BadInput, match=f"of the {kind} kind"):
        check(f"email:me@example.com-job:abc-type:{kind}", job, store, artifacts)


def test_an_id_of_another_job_on_the_queue_is_refused(store, artifacts):
    put(store, new_job("boat", clips=[new_clip(step=Step.AWAIT_VIDEO, video={"job_id": VIDEO})]))
    (store.folder / "broken.json").write_text("{")
    with pytest.raises(BadInput, match="clip 1 of boat"):
        check(VIDEO, put(store, new_job(clips=[unclear_clip()])), store, artifacts)


def test_an_id_of_another_clip_of_the_same_job_is_refused(store, artifacts):
    taken = new_clip(1, step=Step.AWAIT_VIDEO, video={"job_id": VIDEO})
    with pytest.raises(BadInput, match="clip 2 of lake"):
        check(VIDEO, put(store, new_job(clips=[unclear_clip(), taken])), store, artifacts)


@pytest.mark.parametrize("name", ["boat_completion_report", "boat~1_completion_report", "boat_failure_report"])
def test_an_id_of_an_ended_job_is_refused(store, artifacts, name):
    page = {"clips": [{"video_job_id": "email:***-job:abc-type:video"}]}
    (artifacts.folder / f"{name}.json").write_text(json.dumps(page, indent=2))
    with pytest.raises(BadInput, match="belongs to boat already"):
        check(VIDEO, put(store, new_job(clips=[unclear_clip()])), store, artifacts)


class Service:
    """Answers every question about a job alike."""

    def __init__(self, trouble: Exception | None) -> None:
        self.trouble = trouble
        self.asked: list[str] = []

    def video_status(self, video, endpoint):
        self.asked.append(video["job_id"])
        if self.trouble:
            raise self.trouble

    def image_status(self, image, endpoint):
        self.video_status(image, endpoint)


@pytest.mark.parametrize("step", [Step.REQUEST_VIDEO, Step.REQUEST_IMAGE])
@pytest.mark.parametrize(
    ("trouble", "raised"),
    [(None, None), (NotFound("no such job.", 404), BadInput), (AccountError("no token.", 401), AccountError),
     (ServiceDown("down."), ServiceDown)],
)  # fmt: skip
def test_the_service_is_asked_whether_it_knows_an_id(step, trouble, raised):
    service: Any = Service(trouble)
    job = new_job(clips=[unclear_clip(step=step)])
    if raised:
        with pytest.raises(raised):
            adoption.check_known("v9", job, job.clips[0], lambda _: service, lambda *_: service)
    else:
        adoption.check_known("v9", job, job.clips[0], lambda _: service, lambda *_: service)
    assert service.asked == ["v9"]


@pytest.mark.parametrize("job_id", ["", "email:me@example.com-job:nobody-type:video"])
def test_a_wrong_id_changes_nothing_and_costs_nothing(tmp_path, store, job_id):
    belt = Belt(tmp_path)
    put(store, new_job(clips=[unclear_clip()]))
    before = store.path("lake").read_bytes()
    assert belt.run("manage_jobs.py", "resolve", "lake", "--adopt", job_id).code == 2
    assert store.path("lake").read_bytes() == before
    assert not (tmp_path / "spend_ledger.jsonl").exists()


@pytest.mark.parametrize(
    ("service", "step", "frame", "job_id", "words"),
    [
        ("vertex_veo", Step.REQUEST_VIDEO, "none", "email:me@example.com-job:abc-type:video", "no operation of vertex_veo"),
        ("vertex_veo", Step.REQUEST_IMAGE, "vertex_image", "projects/p/operations/1", "no picture of this source"),
        ("local_studio", Step.REQUEST_IMAGE, "flux", "email:studio-job:1-type:video", "of the video kind"),
        ("ltx_api", Step.REQUEST_IMAGE, "own_picture", "abc", "is no order"),
    ],
)
def test_an_id_that_the_service_never_gives_is_refused(store, artifacts, service, step, frame, job_id, words):
    clip = unclear_clip(step=step)
    clip.start_frame = frame
    with pytest.raises(BadInput, match=words):
        check(job_id, put(store, new_job(service=service, clips=[clip])), store, artifacts)


@pytest.mark.parametrize(
    ("service", "job_id"),
    [
        ("vertex_veo", "projects/p/locations/us-central1/publishers/google/models/veo-3.1-generate-001/operations/a-1"),
        ("ltx_api", "0197f3c2-7d1e"),
        ("useapi_ltx", "user:1-email:me@example.com-job:1-type:video"),
    ],
)
def test_an_id_as_the_service_gives_them_is_free(store, artifacts, service, job_id):
    check(job_id, put(store, new_job(service=service, clips=[unclear_clip()])), store, artifacts)


def test_an_id_of_a_state_or_of_a_report_is_ours_and_any_other_is_not(store, artifacts):
    video, image = Generation(job_id="v-1", generation_id="g-1"), Still(job_id="i-1")
    clip = new_clip(0, step=Step.AWAIT_VIDEO, video=video, image=image)
    put(store, new_job(clips=[clip]))
    (artifacts.folder / "sea_completion_report.json").write_text(json.dumps({"clips": [{"video_job_id": "v-2"}]}))
    ours = [job_id for job_id in ("v-1", "g-1", "i-1", "v-2", "v-3", "v") if adoption.is_ours(job_id, store, artifacts)]
    assert ours == ["v-1", "g-1", "i-1", "v-2"]


def test_an_unreadable_state_hides_no_id_of_another_and_a_disk_that_does_not_tell_leaves_it_open(store, artifacts, monkeypatch):
    clip = new_clip(0, step=Step.AWAIT_VIDEO, video=Generation(job_id="v-1"))
    put(store, new_job(clips=[clip]))
    store.path("broken").write_text("{")
    assert adoption.is_ours("v-1", store, artifacts)
    assert not adoption.is_ours("v-9", store, artifacts)

    def fail(*_: object) -> object:
        raise DiskError("an input/output error")

    monkeypatch.setattr(store, "load", fail)
    assert adoption.is_ours("v-9", store, artifacts)


@pytest.mark.parametrize("decision", [{"never_sent": True}, {"adopt": VIDEO}, {}], ids=["never_sent", "adopt", "write_off"])
def test_a_decision_is_about_the_call_that_was_open_when_its_command_began(tmp_path, monkeypatch, decision):
    with paper_suite(tmp_path, PaperVendor()) as app:
        with app.store.accept(new_job(clips=[unclear_clip()])):
            manager, load = app.manager(), app.store.load

        def decided_meanwhile(content_id: str) -> VideoJob | None:
            """Another command decides, and a tick makes another call of unclear outcome, after this command's first look."""
            seen = load(content_id)
            with app.store.claim(content_id) as claim:
                assert claim
                intent = claim.job.clips[0].intent
                assert intent
                intent.reference = "tx-1.0.request_video.2"
                claim.save()
            return seen

        monkeypatch.setattr(app.store, "load", decided_meanwhile)
        with pytest.raises(BadInput, match="by another command meanwhile"):
            manager.resolve("lake", None, **decision)
        job = load("lake")
        assert job
        assert [clip.intent and clip.intent.reference for clip in job.clips] == ["tx-1.0.request_video.2"]
