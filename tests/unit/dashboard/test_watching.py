"""One look at the queue for all pages, what it finds, and how pages hear of it."""

from __future__ import annotations

import asyncio
import json

import pytest

from tenxsom.dashboard import feed as feeds
from tenxsom.dashboard.feed import Feed
from tenxsom.dashboard.watch import Watcher
from tenxsom.errors import DiskError
from tenxsom.pipeline.queue_view import Wanted, read
from tests.states import new_clip, new_job
from tests.stores import open_stores


@pytest.fixture
def jobs(tmp_path):
    return open_stores("files", tmp_path).jobs


def accepted(jobs, content_id, **changes):
    with jobs.accept(new_job(content_id, **changes)) as claim:
        assert claim


def changes(watcher):
    change = watcher.look()
    assert change
    return {job.content_id: job.percent for job in change.jobs}, change.gone


def test_a_look_tells_what_is_new_changed_and_gone_and_reads_nothing_else(jobs, monkeypatch):
    watcher = Watcher(jobs)
    for content_id in ("lake", "hill"):
        accepted(jobs, content_id)
    assert changes(watcher) == ({"lake": 0, "hill": 0}, [])
    read_ids, documents = [], jobs.documents

    def noted(only):
        read_ids.extend(only)
        return documents(only)

    monkeypatch.setattr(jobs, "documents", noted)
    assert watcher.look() is None
    with jobs.claim("lake") as claim:
        claim.job.clips = [new_clip(percent=50.0, step="await_video", video={"job_id": "1"})]
        claim.save()
    assert changes(watcher) == ({"lake": 50}, [])
    with jobs.claim("hill") as claim:
        claim.finish()
    assert changes(watcher) == ({}, ["hill"])
    assert list(watcher.now.jobs) == ["lake"]
    assert read_ids == ["lake"]


def test_a_snapshot_is_what_status_reads(jobs):
    for number in range(5):
        accepted(jobs, f"lake-{number}", submit_time=f"2026-11-2{number}T00:00:00.000Z")
    jobs.path("broken").write_text("{")
    watcher = Watcher(jobs)
    watcher.look()
    view = read(jobs, Wanted())
    assert [watcher.now.jobs[content_id] for content_id in watcher.now.order] == view.jobs
    assert dict(watcher.now.unreadable) == view.unreadable
    assert watcher.now.on_queue == view.on_queue == 6
    jobs.path("broken").unlink()
    watcher.look()
    assert not watcher.now.unreadable


def test_a_disk_that_cannot_be_read_leaves_the_last_snapshot_and_says_so(jobs, monkeypatch):
    accepted(jobs, "lake")
    watcher = Watcher(jobs)
    watcher.look()

    def refuse():
        raise DiskError("The disk is gone.")

    with monkeypatch.context() as broken:
        broken.setattr(jobs, "marks", refuse)
        assert watcher.look() is not None
        assert watcher.look() is None
        assert (list(watcher.now.jobs), watcher.now.trouble) == (["lake"], "The disk is gone.")
    watcher.look()
    assert watcher.now.trouble == ""


# the feed


def told(message):
    fields = dict(line.split(": ", 1) for line in message.decode().strip().split("\n") if not line.startswith("retry"))
    return fields["id"], fields["event"], json.loads(fields["data"])


async def taken(feed, last_id, count):
    stream = feed.stream(last_id)
    messages = [told(await anext(stream)) for _ in range(count)]
    await stream.aclose()
    return messages


def test_every_stream_gets_each_message_and_the_ids_go_up():
    async def run():
        feed = Feed()
        streams = [feed.stream(None) for _ in range(3)]
        for stream in streams:
            assert told(await anext(stream))[1] == "hello"
        assert feed.streams == 3
        for number in range(2):
            feed.publish("jobs", {"number": number})
        heard = [[told(await anext(stream)) for _ in range(2)] for stream in streams]
        assert heard[0] == heard[1] == heard[2]
        assert [data["number"] for _, _, data in heard[0]] == [0, 1]
        for stream in streams:
            await stream.aclose()
        assert feed.streams == 0

    asyncio.run(run())


def test_a_page_that_was_asleep_catches_up_from_the_id_it_saw_last():
    async def run():
        feed = Feed()
        for number in range(5):
            feed.publish("jobs", {"number": number})
        [(third, _, _)] = [each for each in await taken(feed, f"{feed._era}-0", 6) if each[2].get("number") == 2]
        assert [data["number"] for _, _, data in (await taken(feed, third, 3))[1:]] == [3, 4]

    asyncio.run(run())


@pytest.mark.parametrize("last", ["gone-3", "{era}-0", "{era}-999999", "{era}-x", "nonsense", "{era}-" + "9" * 400])
def test_a_page_that_missed_too_much_loads_itself_anew(last, monkeypatch):
    async def run():
        feed = Feed()
        for number in range(feeds.KEPT_MESSAGES + 2):
            feed.publish("jobs", {"number": number})
        assert [event for _, event, _ in await taken(feed, last.format(era=feed._era), 2)] == ["hello", "reload"]

    asyncio.run(run())


def test_a_page_that_reads_too_slowly_is_told_to_load_itself_anew_and_holds_no_memory():
    async def run():
        feed = Feed()
        stream = feed.stream(None)
        await anext(stream)
        for number in range(feeds.MOST_WAITING + 1):
            feed.publish("jobs", {"number": number})
        assert told(await anext(stream))[1] == "reload"
        await stream.aclose()

    asyncio.run(run())


def test_a_quiet_stream_says_something_so_that_proxies_keep_it(monkeypatch):
    monkeypatch.setattr(feeds, "QUIET_SECONDS", 0.01)

    async def run():
        stream = Feed().stream(None)
        await anext(stream)
        assert (await anext(stream)).startswith(b":")
        await stream.aclose()

    asyncio.run(run())


def test_every_stream_ends_when_the_server_stops():
    async def run():
        feed = Feed()
        streams = [feed.stream(None) for _ in range(3)]
        for stream in streams:
            await anext(stream)
        feed.publish("jobs", {})
        feed.close()
        for stream in (*streams, feed.stream(None)):
            assert [told(message)[1] async for message in stream] in ([], ["hello"])
        assert feed.streams == 0

    asyncio.run(run())
