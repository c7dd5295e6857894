"""The stores in PostgreSQL beyond the contract: what is refused, what a broken connection leaves, and what kills its workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tenxsom import clock, settings
from tenxsom.errors import BadInput, BadSettings, JobIsBusy, SetAside, StoreGone, UnexpectedError
from tenxsom.pipeline.doctor import Doctor
from tenxsom.store.base import RELEASED, RESERVED, SPENT, Purchase
from tenxsom.store.postgres import queries, session
from tenxsom.store.postgres.check_up import wrong_days
from tenxsom.store.postgres.database import Database
from tenxsom.store.postgres.jobs import MOST_CLAIMS
from tenxsom.store.postgres.schema import Schema
from tenxsom.store.postgres.session import Session
from tenxsom.store.postgres.spool import Spool
from tests import databases, postgres_server
from tests.contract.test_stores import purchase, put
from tests.crash import postgres_proxy
from tests.states import new_job
from tests.stores import postgres

pytestmark = pytest.mark.slow

REQUESTS_AFTER_PREPARE = 2
"""What an intent asks of the server after it is prepared: to change the job's row, and COMMIT."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    yield databases.url(tmp_path)
    databases.close(tmp_path)


def run(url: str, *statements: str) -> list[Any]:
    """Do something to the database as its owner."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursors = [connection.execute(statement.encode()) for statement in statements]
        return cursors[-1].fetchall() if cursors[-1].description else []


def refused(url: str) -> str:
    """What a program says that does not start over this database."""
    opened = Session(url)
    with pytest.raises(BadSettings) as refusal:
        opened.start()
    opened.close()
    return str(refusal.value)


# what is refused


def test_a_database_that_is_not_there_is_refused_without_its_password(url):
    told = refused(url.replace("tests@", "tests:secret-word@").rpartition("/")[0] + "/nothing")
    assert "does not exist" in told
    assert "secret-word" not in told


@pytest.mark.parametrize("address", ["postgresql://a b", "postgresql://host:port/x", "postgresql://h/x?nonsense=1"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(BadSettings):
        Session(address).start()


def test_a_user_whom_the_database_does_not_know_is_refused(url):
    assert "stranger" in refused(url.replace("tests@", "stranger@"))


def test_a_user_without_rights_is_refused(url):
    run(url, "DROP ROLE IF EXISTS poor", "CREATE ROLE poor LOGIN")
    assert "has no right" in refused(url.replace("tests@", "poor@"))


def test_a_database_that_is_read_only_is_refused(url):
    run(url, f"ALTER DATABASE {url.rpartition('/')[2]} SET default_transaction_read_only = on")
    assert "standby" in refused(url)


def test_a_server_that_is_too_old_is_refused(url, monkeypatch):
    monkeypatch.setattr(session, "LEAST_VERSION", 99)
    assert "the least that is needed is 99" in refused(url)


def test_a_server_that_is_too_old_for_what_a_connection_asks_is_refused(url, monkeypatch):
    monkeypatch.setattr(session, "_SERVER_OPTIONS", "-c idle_session_timeout_of_a_later_version=0")
    assert "older than PostgreSQL 14" in refused(url)


def test_a_server_that_cannot_take_a_first_connection_for_now_is_waited_for(url, tmp_path, monkeypatch):
    """The disk of the server is full, which hinders the first connection after its crash."""
    told, connect = ["FATAL:  could not write init file: No space left on device"], psycopg.connect

    def connected(*arguments: Any, **options: Any) -> Any:
        if told:
            raise psycopg.OperationalError(f"connection failed: {told.pop()}")
        return connect(*arguments, **options)

    monkeypatch.setattr(psycopg, "connect", connected)
    assert opened(tmp_path).jobs.ids() == []
    assert not told


def test_debians_own_server_has_all_that_is_needed(tmp_path):
    """It is older than the one of the other tests."""
    programs = postgres_server.of_this_machine()
    if not programs:
        pytest.skip("no PostgreSQL of this machine is installed")
    with postgres_server.running(tmp_path, programs[0]) as server:
        (tmp_path / "database.url").write_text(databases.made_on(server))
        stores = opened(tmp_path)
        put(stores.jobs)
        with stores.jobs.claim("lake") as claim:
            stores.till.intend(claim, purchase(), None, lambda: None)
            stores.till.book(claim, purchase(), SPENT, ids={"job_id": "v1"})
            claim.report("lake_completion_report.json", b"{}")
            claim.finish()
        assert stores.jobs.ids() == []
        assert stores.artifacts.owner_of("v1") == "lake"
        assert wrong_days(databases.url(tmp_path)) == (stores.jobs.session.place, [])
        databases.close(tmp_path)


def test_a_pooler_is_refused(url):
    server = databases.server()
    if server is None:
        pytest.skip("a server of TENXSOM_TEST_DATABASE_URL is left as it is")
    with postgres_proxy.running(server.port) as proxy:
        proxy.is_pooler = True
        told = refused(f"postgresql://tests@127.0.0.1:{proxy.port}/{url.rpartition('/')[2]}?sslmode=disable&gssencmode=disable")
    assert "pooler" in told


def test_tables_of_another_version_are_refused(url):
    run(url, "UPDATE tenxsom.place SET schema_version = 99")
    assert "newer version" in refused(url)
    run(url, "UPDATE tenxsom.place SET schema_version = 0")
    assert "database upgrade" in refused(url)


def test_a_database_without_tables_is_refused(url):
    run(url, "DROP SCHEMA tenxsom CASCADE")
    assert "database init" in refused(url)


def test_a_database_that_does_not_answer_is_waited_for_and_is_no_wrong_setting(monkeypatch):
    monkeypatch.setattr(session, "START_SECONDS", 0.2)
    with pytest.raises(StoreGone) as gone:
        Session("postgresql://tests@127.0.0.1:1/x").start()
    assert gone.value.exit_code == 75


# the tables


def test_tables_are_made_once_and_brought_up_to_date(url, monkeypatch):
    opened = Session(url, checks_schema=False)
    schema = Schema(opened)
    assert schema.init() == schema.upgrade() == schema.status()
    more = {**queries.migrations(), queries.schema_version() + 1: "CREATE TABLE later (number integer)"}
    monkeypatch.setattr("tenxsom.store.postgres.schema.migrations", lambda: more)
    monkeypatch.setattr("tenxsom.store.postgres.schema.schema_version", lambda: max(more))
    with pytest.raises(BadInput, match="database upgrade"):
        schema.init()
    assert schema.upgrade().version == max(more)
    assert run(url, "SELECT count(*) FROM tenxsom.later") == [(0,)]
    opened.close()


def test_an_upgrade_makes_the_tables_where_there_are_none(url):
    run(url, "DROP SCHEMA tenxsom CASCADE")
    opened = Session(url, checks_schema=False)
    assert Schema(opened).upgrade().version == queries.schema_version()
    opened.close()
    Session(url).start().close()


def test_a_migration_that_fails_changes_nothing(url, monkeypatch):
    opened = Session(url, checks_schema=False)
    broken = {**queries.migrations(), 98: "CREATE TABLE later (number integer)", 99: "CREATE TABLE nonsense ("}
    monkeypatch.setattr("tenxsom.store.postgres.schema.migrations", lambda: broken)
    with pytest.raises(psycopg.errors.SyntaxError):
        Schema(opened).upgrade()
    assert Schema(opened).status().version == queries.schema_version()
    opened.close()


# a connection that breaks


def opened(place: Path) -> Any:
    """Open the stores of a place as another process would."""
    return postgres(place, None)


def cut(url: str, stores: Any) -> None:
    """End the connection of these stores on the server."""
    pid = stores.jobs.session._backend
    run(url, f"SELECT pg_terminate_backend({pid}, 5000)")


def test_a_statement_that_was_parsed_before_its_tables_changed_is_parsed_again(url, tmp_path):
    store = opened(tmp_path).jobs
    put(store, "lake")
    for _ in range(8):  # a statement that is executed so often is parsed once
        with store.claim("lake") as claim:
            claim.save()
    run(url, "ALTER TABLE tenxsom.job ALTER claims TYPE bigint, ADD COLUMN since timestamptz")
    with store.claim("lake") as claim:
        claim.save()
    assert store.load("lake").revision == claim.job.revision


def test_an_owner_whose_connection_breaks_goes_on_where_nobody_took_its_job(url, tmp_path):
    stores = opened(tmp_path)
    put(stores.jobs)
    with stores.jobs.claim("lake") as claim:
        cut(url, stores)
        claim.job.title = "later"
        claim.save()
        with pytest.raises(JobIsBusy), opened(tmp_path).jobs.claim("lake"):
            raise AssertionError
    assert stores.jobs.load("lake").title == "later"


def test_an_owner_that_lost_its_job_changes_neither_job_nor_money(url, tmp_path):
    """With two transactions it would release what the new owner has just set aside, and the call would be made twice."""
    first, second = opened(tmp_path), opened(tmp_path)
    put(first.jobs)
    with first.jobs.claim("lake") as lost:
        cut(url, first)
        with second.jobs.claim("lake") as owned:
            second.till.intend(owned, purchase(), None, lambda: None)
            with pytest.raises(JobIsBusy):
                first.till.intend(lost, purchase(), None, lambda: None)
            with pytest.raises(JobIsBusy):
                first.till.release(lost, [purchase()])
            assert second.till.last("r1")["entry"] == RESERVED
            owned.save()


def test_an_intent_that_was_stored_unseen_is_taken_back_when_another_process_has_the_job(tmp_path, url):
    """The reply to its COMMIT is lost, and so is its job: no call is made, and nobody has to decide about one."""
    server = databases.server()
    if server is None:
        pytest.skip("a server of TENXSOM_TEST_DATABASE_URL is left as it is")
    other = opened(tmp_path)
    put(other.jobs)
    with postgres_proxy.running(server.port) as proxy:
        (tmp_path / "database.url").write_text(
            f"postgresql://tests@127.0.0.1:{proxy.port}/{url.rpartition('/')[2]}?sslmode=disable&gssencmode=disable"
        )
        stores = opened(tmp_path)
        taken: list[Any] = []

        def somebody_else_takes_it() -> None:
            claim = other.jobs.claim("lake")
            taken.append((claim, claim.__enter__()))

        with stores.jobs.claim("lake") as claim:
            stores.jobs.session.on_connected.append(somebody_else_takes_it)

            def prepare() -> None:
                claim.job.title = "meant"
                proxy.script(REQUESTS_AFTER_PREPARE, postgres_proxy.AFTER)

            with pytest.raises(JobIsBusy):
                stores.till.intend(claim, purchase(), None, prepare)
        assert proxy.has_struck
        [(context, owned)] = taken
        assert other.jobs.load("lake").title == "The lake"
        assert other.till.last("r1")["entry"] == RELEASED
        owned.reload()
        owned.save()
        context.__exit__(None, None, None)


# jobs that cannot be worked on


def test_a_job_that_kills_its_workers_is_set_aside_and_can_be_put_back(url, tmp_path):
    put(opened(tmp_path).jobs)
    waits = []
    for _ in range(MOST_CLAIMS):
        stores = opened(tmp_path)
        die_at_work(url, stores)
        [[seconds]] = run(url, "SELECT extract(epoch FROM due_at - now()) FROM tenxsom.job")
        waits.append(float(seconds))
    assert waits[0] <= 0, "one death says nothing about the job"
    assert 600 < sum(filter(lambda seconds: seconds > 0, waits)) < 1200, "the deaths are spread over time"
    last = opened(tmp_path)
    with pytest.raises(SetAside, match="died"), last.jobs.claim("lake"):
        raise AssertionError
    assert (last.jobs.ids(), last.jobs.set_aside()) == ([], ["lake"])
    assert last.jobs.requeue("lake").content_id == "lake"
    with last.jobs.claim("lake") as claim:
        assert claim


def test_a_job_that_saw_others_die_goes_on_as_before_once_it_was_saved(url, tmp_path):
    put(opened(tmp_path).jobs)
    for _ in range(3):
        die_at_work(url, opened(tmp_path))
    stores = opened(tmp_path)
    assert stores.jobs.due() == []
    with stores.jobs.claim("lake") as claim:
        claim.job.next_check_at = None
        claim.save()
    assert stores.jobs.due() == ["lake"]
    assert run(url, "SELECT claims FROM tenxsom.job") == [(0,)]


def die_at_work(url: str, stores: Any) -> None:
    """Claim the lake, and die: nothing is said any more."""
    with stores.jobs.claim("lake") as claim:
        assert claim
        cut(url, stores)  # waits until the server has freed its locks
        stores.jobs.session.close()


def test_visits_that_the_database_ended_are_not_taken_for_deaths(url, tmp_path):
    stores = opened(tmp_path)
    put(stores.jobs)
    for _ in range(MOST_CLAIMS + 2):
        with stores.jobs.claim("lake") as claim:
            assert claim
            cut(url, stores)
            stores.jobs.session.rows("SELECT 1")


def test_a_document_that_is_no_job_is_set_aside_and_one_of_a_newer_version_is_left_alone(url, tmp_path):
    stores = opened(tmp_path)
    put(stores.jobs)
    put(stores.jobs, "new")
    run(url, "UPDATE tenxsom.job SET document = '{\"schema_version\": 99}' WHERE content_id = 'new'")
    run(url, "UPDATE tenxsom.job SET document = '[]' WHERE content_id = 'lake'")
    with pytest.raises(SetAside), stores.jobs.claim("lake"):
        raise AssertionError
    with stores.jobs.claim("new") as claim:
        assert claim is None
    assert (stores.jobs.ids(), stores.jobs.set_aside()) == (["new"], ["lake"])
    with pytest.raises(BadInput, match="still cannot be read"):
        stores.jobs.requeue("lake")


def test_a_document_that_causes_an_unexpected_error_stays_for_a_day(url, tmp_path, monkeypatch):
    stores = opened(tmp_path)
    put(stores.jobs)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("tenxsom.store.files.state_file._job_in", fail)
        for _ in range(MOST_CLAIMS + 2):
            with pytest.raises(UnexpectedError), stores.jobs.claim("lake"):
                raise AssertionError
        run(url, "UPDATE tenxsom.job SET failed_since = now() - interval '25 hours'")
        with pytest.raises(SetAside), stores.jobs.claim("lake"):
            raise AssertionError
    assert stores.jobs.set_aside() == ["lake"]


def test_a_visit_that_saves_nothing_leaves_the_job_alone_for_a_moment(url, tmp_path):
    stores = opened(tmp_path)
    put(stores.jobs)
    with stores.jobs.claim("lake"):
        pass
    assert stores.jobs.due() == []
    [[seconds]] = run(url, "SELECT extract(epoch FROM due_at - now()) FROM tenxsom.job")
    assert 0 < seconds <= 5


# what a vendor says, and whose clock counts


def test_whatever_a_vendor_says_can_be_saved(url, tmp_path):
    stores = opened(tmp_path)
    with stores.jobs.accept(new_job()) as claim:
        claim.job.error = "\0 and \ud800"
        claim.job.extra["answer"] = ["\0", "\udfff", float("nan")]
        stores.till.book(claim, Purchase(**{**purchase()._asdict(), "usd": purchase().usd}), "spent", ids={"job_id": "\0\ud800"})
    loaded = opened(tmp_path).jobs.load("lake")
    assert loaded.error == "\0 and \ud800"
    assert stores.artifacts.owner_of("\0\ud800") == "lake"


def test_a_machine_whose_clock_is_wrong_follows_the_databases(url, tmp_path, monkeypatch):
    stores = opened(tmp_path)
    put(stores.jobs)
    real = clock.now()
    clock.follow(real.timestamp() + 3600)
    try:
        ahead = clock.now() - real
        assert 3590 < ahead.total_seconds() < 3620
        opened(tmp_path).jobs.ids()  # a new connection asks the server
        assert abs((clock.now() - real).total_seconds()) < 60
    finally:
        clock.follow(real.timestamp())


# what is refused to a fleet, and what is looked at


def test_two_machines_with_their_own_disks_do_not_work_on_the_same_jobs(url, tmp_path):
    other = Session(url, host="another-host")
    other.works()
    other.start()
    ours = Database(url, tmp_path / "spool.jsonl", ())
    with pytest.raises(BadSettings, match="another-host works on the jobs"):
        ours.connect(has_own_media=True)
    ours.connect(has_own_media=False)
    other.close()
    ours.close()
    looker = Session(url, host="another-host").start()  # somebody who only looks
    again = Database(url, tmp_path / "spool.jsonl", ())
    again.connect(has_own_media=True)
    again.close()
    looker.close()


def test_a_day_that_does_not_add_up_is_found(url, tmp_path):
    opened(tmp_path).ledger.reserve(purchase())
    assert wrong_days(url)[1] == []
    run(url, "UPDATE tenxsom.budget_day SET used = used + 1")
    assert wrong_days(url)[1] == [clock.day()]


def test_doctor_looks_at_the_database_and_at_what_waits_for_it(url, tmp_path):
    loaded = settings.load({"TENXSOM_HOME": str(tmp_path), "QUEUE_URL": url})

    def found() -> list[tuple[bool, str]]:
        doctor = Doctor(loaded, opened(tmp_path).jobs, opened(tmp_path).artifacts)
        return [(finding.ok, finding.message) for finding in doctor._database()]

    assert [ok for ok, _ in found()] == [True]
    Spool(loaded.spool_file).put(purchase(), "spent", {"job_id": "v1"})
    assert [ok for ok, _ in found()] == [True, False]
    run(url, "UPDATE tenxsom.place SET schema_version = 99")
    [(ok, message)] = found_without_tables(loaded)
    assert not ok
    assert "newer version" in message


def found_without_tables(loaded: settings.Settings) -> list[tuple[bool, str]]:
    nowhere: Any = None
    return [(finding.ok, finding.message) for finding in Doctor(loaded, nowhere, nowhere)._database()]
