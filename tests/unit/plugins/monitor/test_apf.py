import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.external.http import HttpError
from autopyfactory.model.decision import Decision, Step
from autopyfactory.model.record import CycleRecord, FactoryEvent, Sent
from autopyfactory.notify.delivery import Reporter
from autopyfactory.options.binding import bind
from autopyfactory.options.declare import Options
from autopyfactory.options.section import Section
from autopyfactory.plugins.monitor.apf import APF, label_of, status_text
from autopyfactory.plugins.monitor.dummy import Dummy
from fakes import queue_config
from patience import PATIENCE, SOON, until
from servers import faulty
from servers.apfmon import APFMon
from servers.base import Reply
from servers.context import factory_options

FID = "test-factory"
DECISION = Decision(
    3,
    (
        Step("Ready", 0, 83, "", {"activated": 83, "pending": 0}),
        Step("MaxPerCycle", 83, 3, "", {"maxpercycle": 3}),
    ),
)


def monitor(url, **given):
    """A monitor that waits for its server, however busy the machine is, unless the test says otherwise."""
    section = Section.from_texts("m", {"monitorURL": url, "monitor.timeout": str(SOON), **given})
    options, problems = bind(APF.Options, section)
    assert options is not None, problems
    return APF(
        options, factory_options(base_log_dir_url="http://f.example:25880", admin_email="a@b.c, d@e.f")
    )


def cycle(queue="Q1", *sent, outcome="sent", reason="sent", decision=DECISION):
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return CycleRecord(queue, 1, now, outcome, reason, decision=decision, sent=sent)


def pilots(cluster="17", count=3, first=0):
    return Sent("tag", "schedd", "ce", count, cluster, first)


@pytest.fixture
def server():
    with APFMon() as it:
        yield it


def test_a_cycle_as_the_server_sees_it(server):
    apf = monitor(f"{server.url}/api/")
    apf.hello([queue_config("Q1", wmsqueue="SITE", batchqueue="grid"), queue_config("Q2")])
    apf.cycle(cycle("Q1", pilots()))
    assert server.factories[FID]["url"] == "http://f.example:25880"
    assert server.factories[FID]["email"] == "a@b.c"
    assert server.labels[FID, "Q1"]["wmsqueue"] == "SITE"
    assert server.labels[FID, "Q1"]["batchqueue"] == "grid"
    assert (FID, "Q2") in server.labels
    assert {k: j.label for k, j in server.jobs.items()} == {f"{FID}:17.{i}": "Q1" for i in range(3)}
    assert server.labels[FID, "Q1"]["status"] == (
        "Ready:in=0,activated=83,pending=0,ret=83;MaxPerCycle:in=83,maxpercycle=3,ret=3"
    )


def test_pilots_report_to_the_url_they_get_as_apfmon(server):
    apf = monitor(f"{server.url}/api/")
    apf.cycle(cycle("Q1", pilots()))
    job = f"{apf.url}/jobs/{FID}:17.0"
    for form in ({"state": "running", "wrapper": "0.9"}, {"state": "exiting", "rc": "0"}):
        assert requests.post(job, data=form, timeout=PATIENCE).status_code == 200
    assert server.jobs[f"{FID}:17.0"].state == "exiting"


def test_hundreds_of_labels_and_jobs_go_in_shards(server):
    apf = monitor(f"{server.url}/api")
    apf.hello([queue_config(f"Q{i}") for i in range(130)])
    apf.cycle(cycle("Q129", pilots(count=70, first=5), pilots("18", 1)))
    assert len(server.labels) == 130
    assert len(server.jobs) == 71
    assert f"{FID}:17.74" in server.jobs
    assert max(len(r.json()) for r in server.requests if r.path in ("/api/labels", "/api/jobs")) == 20


@pytest.mark.parametrize("queue", ["CERN-ce503.cern.ch", "a/b", "zürich☂", "50%", "q?x=1#y", "a+b&c=d"])
def test_any_name_is_quoted(server, queue):
    apf = monitor(f"{server.url}/api")
    apf.cycle(cycle(queue, pilots()))
    assert server.labels[FID, queue]["status"].startswith("Ready:")
    assert {j.label for j in server.jobs.values()} == {queue}


@pytest.mark.parametrize("queue", ["ce503.cern.ch:9619", "two words", "a: b"])
def test_names_that_the_server_cannot_take_are_changed(server, queue):
    apf = monitor(f"{server.url}/api")
    apf.cycle(cycle(queue, pilots()))
    ((_, label),) = server.labels
    assert label == label_of(queue) != label_of(label_of(queue).partition("~")[0])
    assert server.labels[FID, label]["status"].startswith("Ready:")
    assert {j.label for j in server.jobs.values()} == {label}


@pytest.mark.parametrize("fid", ["a:b", "two words", "F" * 65])
def test_a_factory_that_the_server_cannot_take_is_warned_of(fid, caplog):
    APF(APF.Options(url="http://127.0.0.1:1"), factory_options(factory_id=fid))
    assert "colon" in caplog.text


def test_what_is_too_long_does_not_keep_the_rest_from_being_taken(server):
    options = factory_options(base_log_dir_url=f"http://f/{'x' * 200}", admin_email=f"{'a' * 70}@b.org")
    apf = APF(APF.Options(url=f"{server.url}/api"), options)
    apf.hello([queue_config("Q1", batchqueue="B" * 80), queue_config("Q2", batchqueue="grid")])
    assert server.factories[FID]["url"] == server.factories[FID]["email"] == ""
    assert server.labels[FID, "Q1"]["batchqueue"] == "B" * 64
    assert server.labels[FID, "Q2"]["batchqueue"] == "grid"


def test_limits_of_the_server_are_kept(server, caplog):
    apf = monitor(f"{server.url}/api")
    long = "Q" * 100
    apf.cycle(cycle(long, pilots("123456789012345", 11)))  # 17 characters from the first on
    apf.cycle(cycle(long, pilots("12345678901234", 11)))  # only 12345678901234.10 is too long
    assert len(server.jobs) == 10
    assert "ids too long" in caplog.text
    ((_, name),) = server.labels
    assert len(name) == 64
    assert label_of(long) != label_of(long + "R")
    reason = "a very long reason " * 40
    apf.cycle(cycle(long, outcome="held back", reason=reason))
    assert server.labels[FID, name]["status"].startswith("held back: a very long reason")
    assert server.labels[FID, name]["status"].endswith("...")


def test_a_report_may_be_repeated(server):
    apf = monitor(f"{server.url}/api")
    for _ in range(3):
        apf.cycle(cycle("Q1", pilots()))
    assert len(server.jobs) == 3


@pytest.mark.parametrize("lost", ["everything", "labels", "everything, and a new queue"])
def test_a_server_that_forgot_is_told_again(server, lost):
    apf = monitor(f"{server.url}/api")
    apf.cycle(cycle("Q1", pilots()))
    if lost == "labels":
        server.labels.clear()
    else:
        server.forget()
    queue = "Q2" if "new queue" in lost else "Q1"
    apf.cycle(cycle(queue, pilots("18")))
    assert f"{FID}:18.2" in server.jobs
    assert server.labels[FID, queue]["status"]


def test_an_empty_chain_still_has_a_status(server):
    monitor(f"{server.url}/api").cycle(cycle("Q1", decision=Decision(0, ()), outcome="nothing", reason=""))
    assert server.labels[FID, "Q1"]["status"] == "nothing"


def test_nothing_sent_still_sets_the_status(server):
    apf = monitor(f"{server.url}/api")
    apf.cycle(cycle("Q1", outcome="paused", reason="paused until noon: cooling works"))
    assert server.labels[FID, "Q1"]["status"] == "paused: paused until noon: cooling works"
    assert server.jobs == {}


def test_lost_replies_have_no_job_ids_to_tell(server):
    apf = monitor(f"{server.url}/api")
    apf.cycle(cycle("Q1", Sent("tag", "schedd", "ce", 5, None)))
    assert server.jobs == {}
    apf.cycle(replace(cycle("Q1", pilots("18", 1)), found=(pilots("17", 2, first=3),)))
    assert server.jobs.keys() == {f"{FID}:{job}" for job in ("18.0", "17.3", "17.4")}


def reporter(apf, queues):
    def deliver(event):
        if isinstance(event, CycleRecord):
            apf.cycle(event)
        else:
            apf.hello(queues)

    return Reporter("m", deliver, backoff=0.05, backoff_max=0.1, attempts=50)


def test_server_down_at_start_costs_only_time(server):
    """Everything is delivered once the server is there, in order, and it is visible that it was not."""
    url = f"{server.url}/api"
    server.stop()
    apf = monitor(url)
    out = reporter(apf, [queue_config("Q1")])
    started = time.monotonic()
    out.report(FactoryEvent("started", datetime(2026, 11, 22, tzinfo=UTC)))
    out.report(cycle("Q1", pilots()))
    assert time.monotonic() - started < SOON
    until(lambda: out.status().failures >= 2)
    assert "Connection refused" in out.status().last_error
    server.start()
    until(lambda: out.status().queued == 0)
    assert out.status().last_error is None
    assert len(server.jobs) == 3
    assert out.close()


@pytest.mark.parametrize("behaviour", [faulty.silent, faulty.drip_head, faulty.drip_body])
def test_a_server_that_hangs_takes_one_second_at_most(behaviour):
    with faulty.FaultyServer(behaviour) as hanging:
        started = time.monotonic()
        with pytest.raises(HttpError, match="within 1 s"):
            monitor(f"{hanging.url}/api", **{"monitor.timeout": "1"}).cycle(cycle("Q1", pilots()))
        assert time.monotonic() - started < SOON


def test_errors_of_the_server_are_raised_for_the_reporter_to_repeat(server):
    apf = monitor(f"{server.url}/api")
    server.fail = 1
    with pytest.raises(HttpError, match="500"):
        apf.cycle(cycle("Q1", pilots()))
    apf.cycle(cycle("Q1", pilots()))
    assert len(server.jobs) == 3


def test_what_the_server_never_wants_is_dropped(server, monkeypatch, caplog):
    apf = monitor(f"{server.url}/api")
    monkeypatch.setattr(server, "_post_labels", lambda request, lid: Reply.text("Bad Request", 400))
    apf.cycle(cycle("Q1", pilots()))
    assert "a report on queue Q1 is dropped" in caplog.text
    assert len(server.jobs) == 3


def test_two_monitors_do_not_share_what_they_know(server):
    with APFMon() as second:
        for url in (server.url, second.url):
            monitor(f"{url}/api").cycle(cycle("Q1", pilots()))
        assert len(server.jobs) == len(second.jobs) == 3


@given(st.text(max_size=600))
def test_status_always_fits(reason):
    assert len(status_text(cycle(outcome="failed", reason=reason))) <= 255


def test_dummy_takes_everything():
    dummy = Dummy(Options(), factory_options())
    dummy.hello([queue_config("Q")])
    dummy.cycle(cycle())
    assert dummy.url is None
