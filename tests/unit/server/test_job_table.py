"""The job table: leases, attempts, first answers, and what survives a process that is gone."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from contracts.errors import BeltlineError, ConfigurationError, ConflictError, NotFoundError
from contracts.job import Job, JobState
from contracts.process import Progress
from registry.catalog import Catalog
from registry.database import engine_of, parse_database_url
from server.jobs import leases, schema
from server.jobs.answers import FirstAnswer, IdempotencyKey
from server.jobs.database import Database
from server.jobs.machine import Event
from server.jobs.table import Claim, JobTable, LeaseLostError, NewJob

KINDS = ("render", "import", "train")
SOMEBODY = "elsewhere/boot/1/1/1/00000000"
"""An engine whose process can't be seen from here."""


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def table(database: Database, clock: Clock) -> JobTable:
    return JobTable(database, clock)


def _answer(job: Job) -> FirstAnswer:
    return FirstAnswer(202, job.model_dump(mode="json"))


def _create(table: JobTable, job_id: str = "job-1", key: IdempotencyKey | None = None) -> str:
    new = NewJob(job_id, "render", {"asked": True}, {"plan": job_id}, total=10)
    return str(table.create(new, key, _answer).body["id"])


def _claim(table: JobTable, owner: str = SOMEBODY) -> Claim:
    claim = table.claim(owner, 10.0, kinds=KINDS)
    assert claim is not None
    return claim


def test_migrations_lead_to_the_schema(database: Database, database_url: str) -> None:
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_name": lambda name, kind, _: kind != "table" or name in schema.metadata.tables,
    }
    engine = engine_of(parse_database_url(database_url))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), schema.metadata) == []
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused(database: Database, database_url: str) -> None:
    with database.writing() as connection:
        table = "alembic_version" if connection.dialect.name == "sqlite" else "jobs_alembic_version"
        connection.exec_driver_sql(f"UPDATE {table} SET version_num = '9999'")
    with pytest.raises(ConflictError, match="9999"):
        Database(database_url)


def test_opening_at_once_migrates_once(database_url: str) -> None:
    code = f"from server.jobs.database import Database; Database({database_url!r})"
    processes = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    ends = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], ends


def test_jobs_and_catalog_share_a_postgresql_database(postgresql_url: str) -> None:
    database, catalog = Database(postgresql_url), Catalog(postgresql_url)
    _create(JobTable(database))
    assert catalog.names() == []
    database.close()
    catalog.close()
    again = Database(postgresql_url)  # neither takes the other's revision for its own
    assert JobTable(again).get("job-1").state is JobState.QUEUED
    again.close()


def test_a_job_lives_from_queue_to_success(table: JobTable) -> None:
    _create(table)
    claim = _claim(table)
    assert (claim.job.state, claim.job.attempt, claim.plan) == (JobState.RUNNING, 1, {"plan": "job-1"})
    table.set_progress(claim, Progress(done=4, total=10, message="rendering"))
    table.record(claim, Event.PUBLISH)
    job = table.record(claim, Event.SUCCEED, result={"dataset": "a@1"})
    assert job.state is JobState.SUCCEEDED
    assert (job.progress.done, job.progress.total, job.result) == (10, 10, {"dataset": "a@1"})
    assert job.finished_at is not None
    assert [(attempt.n, attempt.state) for attempt in job.attempts] == [(1, JobState.SUCCEEDED)]
    assert job.attempts[0].ended_at is not None


def test_two_engines_never_hold_one_job(table: JobTable) -> None:
    for number in range(12):
        _create(table, f"job-{number}")
    held: list[str] = []

    def engine(owner: str) -> None:
        while (claim := table.claim(owner, 60.0, kinds=KINDS)) is not None:
            held.append(claim.job.id)

    threads = [threading.Thread(target=engine, args=(f"{SOMEBODY[:-1]}{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == sorted(f"job-{number}" for number in range(12))


def test_jobs_are_taken_in_order_and_by_kind(table: JobTable) -> None:
    _create(table, "job-a")
    table.create(NewJob("job-b", "train", {}, {}, run="run-b"), None, _answer)
    assert table.claim(SOMEBODY, 10.0, kinds=("train",)) is not None
    assert table.claim(SOMEBODY, 10.0, kinds=("train",)) is None
    assert table.claim(SOMEBODY, 10.0, kinds=KINDS, only={"job-x"}) is None
    assert _claim(table).job.id == "job-a"


def test_a_lease_that_is_renewed_holds_and_one_that_ran_out_does_not(table: JobTable, clock: Clock) -> None:
    _create(table)
    first = _claim(table)
    clock.now += 9
    table.renew(first, 10.0)
    clock.now += 9
    assert table.claim("other/boot/1/1/1/x", 10.0, kinds=KINDS) is None
    clock.now += 2
    second = _claim(table, "other/boot/1/1/1/x")
    assert second.job.attempt == 2
    assert second.job.attempts[0].state is JobState.CRASHED
    assert second.job.attempts[0].error is not None
    assert second.job.attempts[0].error["code"] == "engine_lost"
    for action in (
        lambda: table.renew(first, 10.0),
        lambda: table.set_progress(first, Progress(done=9, total=10)),
        lambda: table.record(first, Event.SUCCEED, result={}),
        lambda: table.is_to_be_cancelled(first),
    ):
        with pytest.raises(LeaseLostError):
            action()
    assert table.get("job-1").state is JobState.RUNNING


def test_the_job_of_a_process_that_is_gone_is_taken_up_at_once(table: JobTable) -> None:
    code = "from server.jobs.leases import new_owner; print(new_owner())"
    gone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert leases.is_gone(gone)
    _create(table)
    _claim(table, gone)
    assert _claim(table, leases.new_owner()).job.attempt == 2


def test_an_engine_that_lives_is_not_gone() -> None:
    own = leases.new_owner()
    assert not leases.is_gone(own)
    assert not leases.is_gone(SOMEBODY)
    place, pid, _, token = own.rsplit("/", 3)
    assert leases.is_gone(f"{place}/{pid}/1/{token}"), "another process that bore the same number"


def test_a_death_queues_again_after_a_pause(table: JobTable, clock: Clock) -> None:
    _create(table)
    died = BeltlineError("it died", code="process_died")
    table.record(_claim(table), Event.DIE, error=died, retry_in_s=5.0)
    assert table.get("job-1").state is JobState.QUEUED
    assert table.claim(SOMEBODY, 10.0, kinds=KINDS) is None
    clock.now += 6
    claim = _claim(table)
    assert table.deaths(claim) == 1
    job = table.record(claim, Event.GIVE_UP, error=died)
    assert job.state is JobState.CRASHED
    assert job.error is not None
    assert [attempt.state for attempt in job.attempts] == [JobState.CRASHED, JobState.CRASHED]


def test_a_retry_forgets_deaths_and_keeps_attempts(table: JobTable) -> None:
    _create(table)
    table.record(_claim(table), Event.GIVE_UP, error=BeltlineError("it died"))
    with pytest.raises(ConflictError):
        table.cancel("job-1")
    job = table.retry("job-1")
    assert (job.state, job.error, job.finished_at) == (JobState.QUEUED, None, None)
    claim = _claim(table)
    assert (claim.job.attempt, table.deaths(claim)) == (2, 0)
    with pytest.raises(ConflictError):
        table.retry("job-1")


def test_cancelling(table: JobTable, clock: Clock) -> None:
    _create(table, "job-waits")
    assert table.cancel("job-waits").state is JobState.CANCELLED
    _create(table, "job-runs")
    claim = _claim(table)
    assert not table.is_to_be_cancelled(claim)
    assert table.cancel("job-runs").state is JobState.RUNNING
    assert table.is_to_be_cancelled(claim)
    clock.now += 60  # its engine is gone before it could stop the job
    assert table.claim(SOMEBODY + "1", 10.0, kinds=KINDS) is None
    assert table.get("job-runs").state is JobState.CANCELLED
    retried = table.retry("job-runs")
    assert retried.state is JobState.QUEUED
    assert not table.is_to_be_cancelled(_claim(table))


def test_pages_lead_through_all_jobs_newest_first(table: JobTable) -> None:
    for number in range(5):
        _create(table, f"job-{number}")
    seen: list[str] = []
    cursor: int | None = None
    while True:
        rows, cursor = table.page(before=cursor, limit=2)
        seen += [row.job.id for row in rows]
        if cursor is None:
            break
    assert seen == [f"job-{number}" for number in (4, 3, 2, 1, 0)]
    assert table.page(before=None, limit=5, state=JobState.RUNNING) == ([], None)


def test_unknown_jobs_are_named(table: JobTable) -> None:
    for action in (table.get, table.cancel, table.retry, table.get_run):
        with pytest.raises(NotFoundError, match="nothing"):
            action("nothing")


def test_one_key_makes_one_job(table: JobTable, clock: Clock) -> None:
    key = IdempotencyKey("k", "sha256:a")
    assert _create(table, "job-1", key) == "job-1"
    assert _create(table, "job-2", key) == "job-1"
    with pytest.raises(ConfigurationError) as caught:
        _create(table, "job-3", IdempotencyKey("k", "sha256:b"))
    assert caught.value.code == "idempotency_key_reused"
    assert [row.job.id for row in table.page(before=None, limit=9)[0]] == ["job-1"]
    clock.now += 25 * 3600
    assert _create(table, "job-4", IdempotencyKey("k", "sha256:b")) == "job-4"


def test_one_key_at_the_same_moment_makes_one_job(table: JobTable) -> None:
    made: list[str] = []

    def ask(number: int) -> None:
        made.append(_create(table, f"job-{number}", IdempotencyKey("k", "sha256:a")))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert len(made) == 6


def test_one_key_makes_one_retry(table: JobTable) -> None:
    _create(table)
    table.cancel("job-1")
    key = IdempotencyKey("again", "sha256:a")
    assert table.retry("job-1", key).state is JobState.QUEUED
    table.cancel("job-1")
    assert table.retry("job-1", key).state is JobState.QUEUED  # the first answer
    assert table.get("job-1").state is JobState.CANCELLED
