import json
import ssl

import pytest

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.cycle.components import Parts
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.model.decision import CycleInputs, OtherQueues, decide
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.sched.maxpending import MaxPending
from autopyfactory.plugins.sched.maxpercycle import MaxPerCycle
from autopyfactory.plugins.sched.ready import Ready, ReadyOptions
from autopyfactory.plugins.wmsstatus.pandademand import Demand, Member
from autopyfactory.plugins.wmsstatus.pandaups import PandaUPS
from autopyfactory.sources.place import PlaceWatch
from autopyfactory.sources.source import StatusSource
from fakes import FakeBatch, FakeClock, FakeSubmit, queue_config
from schedkit import build
from servers import certificates
from servers.context import context
from servers.panda import PandaServer, Token
from servers.sources import bound

FID = "test-factory"


@pytest.fixture
def server():
    with PandaServer() as it:
        it.state.tokens["good"] = Token()
        yield it


@pytest.fixture
def make(server, tmp_path):
    token = tmp_path / "token"
    token.write_text("good")

    def plugin(queue="SITE", **texts):
        given = {
            "url": server.url,
            "tokenfile": str(token),
            "origin": "atlas.production",
            "sites": "off",
            **texts,
        }
        return bound(PandaUPS, context(queue), **{f"wmsstatus.pandaups.{k}": v for k, v in given.items()})

    return plugin


def command(number, numbers, queue="SITE"):
    return {
        "command_id": number,
        "command": f"SET_N_WORKERS_JOBTYPE:{queue}",
        "params": numbers,
        "ack_requested": 1,
    }


def work(plugin):
    return plugin.queue_info(plugin.fetch())


def test_the_first_heartbeat_registers_and_pilots_are_reported_as_a_text(server, make):
    plugin = make()
    plugin.fetch()
    assert server.state.harvesters == {FID}
    assert server.state.worker_statistics == {}, "nothing is reported before the pilots are known"
    plugin.observe(BatchQueueInfo(pending=2, running=3))
    plugin.fetch()
    assert server.state.worker_statistics == {
        (FID, "SITE"): {"managed": {"SCORE": {"submitted": 2, "running": 3, "to_submit": 0}}}
    }


def test_an_order_is_carried_out_once(server, make):
    plugin = make()
    plugin.observe(BatchQueueInfo(pending=2, running=3))
    assert work(plugin) == WMSQueueInfo(ready=2, running=3), "no order: nothing but what is there"
    server.state.commands.append(command(7, {"managed": {"MCORE": 0, "SCORE": 9}}))
    assert work(plugin) == WMSQueueInfo(ready=11, running=3)
    assert server.state.acknowledged == [7]
    plugin.observe(BatchQueueInfo(pending=8, running=3))  # six were sent
    assert work(plugin).ready - 8 == 3
    plugin.observe(BatchQueueInfo(pending=2, running=9))  # they run
    assert work(plugin).ready - 2 == 3
    plugin.observe(BatchQueueInfo(pending=5, running=9))
    assert work(plugin).ready - 5 == 0
    plugin.observe(BatchQueueInfo(pending=0, running=2))  # pilots end: that is for the server to judge
    assert work(plugin).ready == 0


def test_a_new_order_replaces_the_old_one_and_an_old_one_is_void(server, make):
    plugin = make()
    clock = FakeClock()
    plugin._demand.clock = clock.monotonic
    plugin.observe(BatchQueueInfo())
    server.state.commands.append(command(1, {"managed": {"Undefined": 9}}))
    assert work(plugin).ready == 9
    server.state.commands.append(command(2, {"managed": {"Undefined": 4}}))
    assert work(plugin).ready == 4
    clock.advance(901)
    assert work(plugin).ready == 0


@pytest.fixture
def jobs(server):
    server.state.jobs = {
        "SITE": {"SCORE": {"user": {"activated": 5}}, "MCORE": {"managed": {"activated": 25}}}
    }
    return server.state.jobs["SITE"]


def exchange(server, plugin, running=0):
    """One round: report, let the server order, take the order, send all of it; return what was ordered."""
    plugin.fetch()
    ordered = server.order_workers(FID, "SITE")
    plugin.observe(BatchQueueInfo(pending=work(plugin).ready, running=running))
    return ordered


def test_pilots_of_any_type_are_reported_as_what_they_were_ordered(server, make, jobs):
    plugin = make()
    plugin.observe(BatchQueueInfo())
    assert exchange(server, plugin) == {"SCORE": 6, "MCORE": 26}
    assert plugin._member.batch.pending == 32
    assert [exchange(server, plugin) for _ in range(3)] == [{"SCORE": 1}] * 3, "what waits is known by type"
    assert plugin._member.batch.pending == 35
    plugin.fetch()
    assert server.state.worker_statistics[FID, "SITE"]["managed"] == {
        "SCORE": {"submitted": 9, "running": 0, "to_submit": 0},
        "MCORE": {"submitted": 26, "running": 0, "to_submit": 0},
    }


def test_pilots_that_start_and_end_do_so_in_proportion(server, make, jobs):
    plugin = make()
    plugin.observe(BatchQueueInfo())
    exchange(server, plugin)
    plugin.observe(BatchQueueInfo(pending=16, running=16))
    plugin.fetch()
    assert server.state.worker_statistics[FID, "SITE"]["managed"] == {
        "SCORE": {"submitted": 3, "running": 3, "to_submit": 0},
        "MCORE": {"submitted": 13, "running": 13, "to_submit": 0},
    }
    plugin.observe(BatchQueueInfo(pending=16, running=8))
    plugin.observe(BatchQueueInfo(pending=20, running=4))  # four were put back
    plugin.fetch()
    told = server.state.worker_statistics[FID, "SITE"]["managed"]
    assert told["MCORE"]["submitted"] + told["SCORE"]["submitted"] == 20
    assert told["MCORE"]["running"] + told["SCORE"]["running"] == 4
    assert told["SCORE"]["submitted"] in (3, 4)


def test_pilots_from_before_a_start_are_taken_off_orders_for_types_they_were_not_reported_under(
    server, make, jobs
):
    plugin = make()
    plugin.observe(BatchQueueInfo(pending=32))  # ordered by a factory that is no more
    assert exchange(server, plugin) == {"SCORE": 0, "MCORE": 26}
    assert plugin._member.batch.pending == 32, "nothing was sent"
    assert [exchange(server, plugin) for _ in range(3)] == [{"SCORE": 1}] * 3
    assert plugin._member.batch.pending == 35


def test_what_is_ordered_as_undefined_is_not_ordered_again_and_again(server, make, jobs):
    jobs.clear()
    jobs["Undefined"] = {"managed": {"activated": 9}}
    plugin = make()
    plugin.observe(BatchQueueInfo())
    assert exchange(server, plugin) == {"SCORE": 0, "Undefined": 10}
    assert plugin._member.batch.pending == 10
    assert [exchange(server, plugin) for _ in range(3)] == [{"SCORE": 0, "Undefined": 10}] * 3
    assert plugin._member.batch.pending == 10


def test_queues_of_one_instance_share_orders_and_reports(server, make):
    mcore, score = make(resourcetypes="MCORE"), make(resourcetypes="SCORE", jobtypes="user")
    other = make("OTHER")
    assert mcore._demand is score._demand is other._demand
    mcore.observe(BatchQueueInfo(running=1))
    mcore.fetch()
    assert server.state.worker_statistics == {}, "half the truth is not reported"
    score.observe(BatchQueueInfo(pending=4))
    other.observe(BatchQueueInfo())
    server.state.commands += [
        command(1, {"managed": {"MCORE": 5, "SCORE": 7}, "user": {"SCORE": 2}}),
        command(2, json.dumps({"managed": {"Undefined": 3}}), "OTHER"),
        {"command_id": 3, "command": "REPORT_WORKER_STATS:SITE", "params": None},
    ]
    status = mcore.fetch()
    assert server.state.worker_statistics[FID, "SITE"] == {
        "managed": {"MCORE": {"submitted": 0, "running": 1, "to_submit": 0}},
        "user": {"SCORE": {"submitted": 4, "running": 0, "to_submit": 0}},
    }
    assert server.state.acknowledged == [1, 2, 3]
    assert mcore.queue_info(status).ready == 5 + 4
    assert score.queue_info(status).ready == 2 + 4
    assert other.queue_info(status).ready == 3


def test_a_queue_whose_pilots_are_not_known_is_unknown(make):
    plugin = make()
    assert plugin.queue_info(plugin.fetch()) is None
    assert make(None).queue_info(plugin.fetch()) is None


def test_without_an_identity_the_server_refuses(server, make):
    plugin = bound(PandaUPS, context("SITE"), wmsstatus__pandaups__url=server.url)
    with pytest.raises(SourceError, match="SSL secure connection is required"):
        plugin.fetch()


def test_with_a_certificate(tmp_path):
    certs = certificates.make(tmp_path)
    with PandaServer(certs.server(ssl.CERT_REQUIRED)) as server:
        server.state.production = set()
        texts = {"url": server.url, "capath": certs.ca_file, "certfile": certs.client, "sites": "off"}
        plugin = bound(PandaUPS, context("SITE"), **{f"wmsstatus.pandaups.{k}": v for k, v in texts.items()})
        plugin.observe(BatchQueueInfo())
        server.state.commands.append(command(1, {"managed": {"Undefined": 9}}))
        with pytest.raises(SourceError, match="production or pilot role required"):
            plugin.fetch()
        server.state.production = {server.requests[0].client_cert}
        assert work(plugin).ready == 9
        assert server.state.acknowledged == [1]


@pytest.mark.parametrize(
    "bad",
    [
        "SET",
        {"command": "SET_N_WORKERS_JOBTYPE:SITE"},
        command(1, {"managed": {"Undefined": -9}}),
        command(1, {"managed": {"Undefined": 10**15}}),
        command(1, {"managed": 9}),
        command(1, None),
        command(1, "not json"),
    ],
)
def test_orders_that_are_not_understood_are_not_taken(server, make, bad):
    plugin = make()
    plugin.observe(BatchQueueInfo())
    server.state.commands += [command(5, {"managed": {"Undefined": 3}}), bad]
    with pytest.raises(SourceError):
        plugin.fetch()
    assert plugin._demand.orders == {}
    assert server.state.acknowledged == []


def test_a_server_that_forgot_the_instance_is_told_again(server, make):
    plugin = make()
    plugin.fetch()
    server.state.harvesters.clear()
    with pytest.raises(SourceError, match="instance test-factory unknown"):
        plugin.fetch()
    plugin.fetch()
    assert server.state.harvesters == {FID}


def test_pilots_are_reported_by_what_they_run_or_by_their_size():
    def axis(**given):
        return Member("SITE", given.get("jobs", ()), given.get("types", ()), given.get("cores", 1)).axis

    assert axis() == ("managed", "SCORE")
    assert axis(cores=8) == ("managed", "MCORE")
    assert axis(cores=8, types=("SCORE_HIMEM", "SCORE"), jobs=("user",)) == ("user", "SCORE_HIMEM")


def test_a_failed_acknowledgement_is_made_up_for(server, make, monkeypatch):
    plugin = make()
    plugin.observe(BatchQueueInfo())
    server.state.commands.append(command(1, {"managed": {"Undefined": 9}}))
    monkeypatch.setattr(server, "_acknowledge_commands", lambda command_ids: (False, "database error", None))
    with pytest.raises(SourceError, match="database error"):
        plugin.fetch()
    monkeypatch.undo()
    assert work(plugin).ready == 9, "the order was taken, though not acknowledged"
    assert server.state.acknowledged == [1]


def test_a_queue_that_is_gone_no_longer_counts():
    demand = Demand(900)
    a, b = Member("SITE", (), ()), Member("SITE", (), ())
    demand.join(a)
    demand.join(b)
    demand.observe(a, BatchQueueInfo(pending=1))
    assert demand.reports() == {}
    del b
    assert json.loads(demand.reports()["SITE"])["managed"]["SCORE"]["submitted"] == 1


def test_the_real_queue_sends_exactly_what_is_ordered(server, make, tmp_path):
    plugin, clock, submit = make(), FakeClock(), FakeSubmit()
    batch = FakeBatch()
    wms_source = StatusSource("ups", plugin.fetch, interval=60, maxage=360, clock=clock)
    book = Bookkeeper(Ledger(tmp_path / "l.db", clock), clock)
    watch = PlaceWatch(batch, book)
    batch_source = StatusSource("batch", watch.fetch, after=watch.after, interval=60, maxage=1e9, clock=clock)

    class World:
        def paused(self, queue):
            return None

        def blocked(self):
            return ()

        def other_queues(self, queue):
            return OtherQueues()

    queue = APFQueue(
        queue_config("Q", wmsqueue="SITE"),
        Parts([Ready(ReadyOptions(), context())], submit, plugin, wms_source, batch, batch_source),
        book=book,
        neighbours=World(),
        report=lambda record: None,
        clock=clock,
    )
    sent = []
    for order in (9, None, None, 4, None, 0, None):
        if order is not None:
            server.state.commands.append(command(len(sent) + 1, {"managed": {"SCORE": order}}))
        clock.advance(60)
        batch_source.poll()
        queue.cycle(clock.now())  # the pilots become known, here or in the first cycle
        assert wms_source.poll(), wms_source.state.trouble
        before = submit.sent
        for _ in range(3):
            clock.advance(5)
            queue.cycle(clock.now())
            # half of what is there starts to run, as the batch system tells later
            total = submit.sent
            batch.queues = {"Q": BatchQueueInfo(pending=total - total // 2, running=total // 2)}
            clock.advance(5)
            batch_source.poll()
        sent.append(submit.sent - before)
    assert sent == [9, 0, 0, 4, 0, 0, 0]


def test_orders_are_obeyed_within_max_pending():
    """The server orders one pilot in each round, also where nothing starts: the example's chain ends that."""
    chain = [
        build(Ready), build(MaxPerCycle, **{"sched.maxpercycle.maximum": "50"}),
        build(MaxPending, **{"sched.maxpending.maximum": "5"}),
    ]  # fmt: skip
    pending, sent = 0, []
    for ordered in (3, 1, 1, 1, 1, 1, 40, 0, 1):
        wms = WMSQueueInfo(ready=ordered + pending)  # so that Ready sends what is ordered
        inputs = CycleInputs("Q", wms=wms, batch=BatchQueueInfo(pending=pending))
        sent.append(decide(chain, inputs).n)
        pending += sent[-1]
    assert sent == [3, 1, 1, 0, 0, 0, 0, 0, 0]
