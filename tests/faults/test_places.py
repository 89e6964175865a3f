"""Places that are not what they seem, and pilots whose queue has gone elsewhere: on real schedds."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.accounting.protocol.accounts import Policy
from autopyfactory.condor import process, registry
from autopyfactory.plugins.base import SourceError, SubmitUnknown
from autopyfactory.plugins.batchstatus.condor import Condor
from autopyfactory.plugins.batchsubmit.condorbase import CondorBase
from factorybox import Box, Daemon, InProcess, last
from patience import until
from servers.relay import Relay, to
from testbed.errors import TestbedError
from testbed.pool import Pool


@pytest.fixture
def box(tmp_path: Path, ap: Pool, request: pytest.FixtureRequest) -> Iterator[Box]:
    """A factory of this test's own on the module's access point."""
    name = f"p-{abs(hash(request.node.name)) % 10**9}"
    yield Box(tmp_path / "f", ap, name)
    clear(ap, name)


@pytest.fixture(scope="module")
def other(make_pool: Callable[..., Pool]) -> Pool:
    """A second access point, with a collector of its own."""
    return make_pool("other")


def clear(pool: Pool, name: str) -> None:
    pool.run_client("condor_rm", "-const", f'ApfFactory == "{name}"', check=False)


def stays(box: Box, most: int, seconds: float, *more: Pool) -> None:
    """Look for so long whether there are more pilots, at all places together."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert box.pilots() + sum(box.pilots(ap=pool) for pool in more) <= most
        time.sleep(0.5)


def factory_cap(box: Box, most: int) -> dict[str, str]:
    """Let the factory have `most` pilots; return the options of a queue that would send for ever."""
    box.factory_options["maxperfactory.maximum"] = str(most)
    return {
        "schedplugin": "Fixed, MaxPerFactory", "sched__fixed__pilotspercycle": "5", "apfqueue__sleep": "0.2"
    }  # fmt: skip


def at(pool: Pool) -> dict[str, str]:
    return {"batchstatus.condor.schedd": pool.schedd, "batchstatus.condor.collector": pool.collector}


def not_of_its_second(identity: str) -> None:
    """Wait until a job queue that is made now is told apart from that of `identity`.

    A schedd tells in whole seconds when its job queue was made: two of one second on one host are one.
    """
    made = int(identity.rpartition(" ")[2].rstrip(")"))
    until(lambda: time.time() >= made + 1, "the next second")


# --- who answers ----------------------------------------------------------------------------------------


def test_an_impostor_that_advertises_our_schedds_name_gets_no_pilot(
    make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    """Another schedd, with a job queue of its own, says to the same collector that it is ours."""
    real = make_pool("real", SCHEDD_INTERVAL="2")
    box = Box(tmp_path / "f", real, "impostor")
    box.queue("i1", sched__maxtorun__maximum="20", apfqueue__sleep="0.2")
    box.work({"i1": 1000})
    settings = {
        "COLLECTOR_HOST": real.collector,
        "SCHEDD_NAME": real.schedd,
        "SEC_USE_FAMILY_SESSION": "False",  # it is no child of that collector's master
    }
    impostor = make_pool("impostor", ("MASTER", "SCHEDD"), start=False, **settings)

    def whose(pool: Pool) -> list[str]:
        """Return whose the jobs of one of the two are, whatever the collector says: by its own address."""
        return pool.run("condor_q", "-all", "-af", "ApfFactory").stdout.split()

    with InProcess(box) as factory:
        # A submission may be cut off when its schedd is stopped; one that did not take place makes room soon.
        factory.book.configure(Policy(under_way=5, apart=5, apart_without_history=10))
        until(lambda: box.pilots() == 20, "20 pilots")
        until(lambda: factory.book.standings()[0].balance.even, "balance")
        (before,) = factory.book.standings()
        not_of_its_second(before.identity)
        impostor.spawn()
        until((impostor.directory / "spool/.schedd_address").exists, "the impostor")
        job = 'executable = /bin/true\nhold = True\nMY.ApfFactory = "itself"\nqueue\n'
        until(lambda: not impostor.run("condor_submit", "-", input=job, check=False).returncode, "its job")
        schedd = real.pid_of("SCHEDD")
        os.kill(schedd, signal.SIGSTOP)  # now only the impostor advertises
        try:
            try:
                until(lambda: "is not the one it was" in last(factory, "i1"), "the queue to be held back")
            except TestbedError as error:  # failed once, and nobody knew which of the two was advertised
                seen = real.run("condor_status", "-schedd", "-af", "MyAddress", "MyCurrentTime", check=False)
                raise AssertionError(f"{error}: {last(factory, 'i1')}; advertised: {seen.stdout}") from error
            (standing,) = factory.book.standings()
            assert (standing.balance.open, standing.identity) == (20, before.identity)
            assert standing.stranger_age is not None
            box.queue("i1", sched__maxtorun__maximum="33", apfqueue__sleep="0.2")
            assert factory.reload().applied
            end = time.monotonic() + 6
            while time.monotonic() < end:
                assert whose(impostor) == ["itself"]
                time.sleep(0.5)
        finally:
            os.kill(schedd, signal.SIGCONT)
        end = time.monotonic() + 6  # both advertise, one after the other
        while time.monotonic() < end:
            assert whose(impostor) == ["itself"]
            assert len(whose(real)) <= 33
            time.sleep(0.5)
        impostor.stop()
        until(lambda: len(whose(real)) == 33, "the real one to be served again")
        until(lambda: factory.book.open("i1") == 33, "the book to know")
        assert factory.book.standings()[0].identity == before.identity


def test_one_schedd_spelled_two_ways_has_one_capacity(box: Box) -> None:
    """32 in the factory, none counted twice: all 32 are there, and each that ends makes room."""
    options = factory_cap(box, 32)
    host, _, port = box.ap.collector.partition(":")
    assert host == "127.0.0.1"
    box.queue("w1", **options)
    box.queue("w2", **options)
    box.queues["w2"]["batchstatus.condor.collector"] = f"localhost:{port}"
    box.queues["w2"]["batchstatus.condor.schedd"] = box.ap.schedd.upper()
    with InProcess(box) as factory:
        until(lambda: box.pilots() == 32, "32 pilots")
        stays(box, 32, 3)
        (standing,) = factory.book.standings()
        assert standing.balance.open == 32
        until(lambda: factory.book.standings()[0].balance.even, "balance")
        box.ap.run_client("condor_rm", "-const", f'ApfFactory == "{box.name}" && ProcId < 2')
        until(lambda: factory.book.total("w1") + factory.book.total("w2") > 40, "others in their place")
        until(lambda: box.pilots() == 32, "32 pilots again")
        stays(box, 32, 3)


def test_two_factories_with_one_id_that_start_empty_at_the_same_moment(box: Box, tmp_path: Path) -> None:
    """Of one host only one sends; when it ends the other goes on, and knows what is there."""
    twin = Box(tmp_path / "twin", box.ap, box.name)
    for one in (box, twin):
        one.queue("s1", sched__maxtorun__maximum="20", apfqueue__sleep="0.2")
        one.work({"s1": 1000})
    both = [Daemon(box), Daemon(twin)]
    try:
        until(lambda: box.pilots() == 20, "20 pilots")
        stays(box, 20, 6)

        def reason(one: Daemon) -> str:
            return str(one.ask("status")["queues"][0]["reason"])

        def stands_back() -> list[int]:
            return [i for i, one in enumerate(both) if "with our factoryId sends to" in reason(one)]

        until(lambda: all(one.ask("status")["queues"][0]["outcome"] for one in both), "a cycle of each")
        (held,) = until(stands_back, "one to stand back")
        first = both[1 - held]
        assert f"process {first.process.pid}" in reason(both[held])
        first.kill()
        until(
            lambda: "with our factoryId" not in reason(both[held]),
            "the other to go on",
        )
        stays(box, 20, 4)
    finally:
        for daemon in both:
            daemon.kill()


def test_a_name_that_is_moved_to_another_schedd_is_parted_from_the_other_name(
    make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    """Two ways to one schedd, found out to be one place; then one of them leads to another schedd."""
    old = make_pool("old")
    box = Box(tmp_path / "f", old, f"moved-{os.getpid()}")
    with Relay(int(old.collector.rpartition(":")[2])) as alias:
        for name, collector, most in (("m1", old.collector, "3"), ("m2", f"127.0.0.1:{alias.port}", "4")):
            box.queue(
                name, batchstatus__condor__collector=collector, sched__maxtorun__maximum=most,
                apfqueue__sleep="0.2",
            )  # fmt: skip
        box.work({"m1": 1000, "m2": 1000})
        with InProcess(box) as factory:
            until(lambda: (box.pilots("m1"), box.pilots("m2")) == (3, 4), "the pilots of both")
            until(lambda: len(factory.book.standings()) == 1, "the two to be found to be one")
            not_of_its_second(factory.book.standings()[0].identity)
        new = make_pool("new", SCHEDD_NAME=old.schedd)
        alias.behaviour = to(int(new.collector.rpartition(":")[2]))
        registry.close_all(5)  # while the old schedd answers, who knows its address goes on to ask it
        with InProcess(box) as factory:
            until(lambda: len(factory.book.standings()) == 2, "the two to be parted")
            stays(box, 7, 3, new)
            box.queues["m2"]["sched.maxtorun.maximum"] = "6"
            box.queues["m1"]["sched.maxtorun.maximum"] = "5"
            assert factory.reload().applied
            until(lambda: (box.pilots("m1"), box.pilots("m2", new)) == (5, 2), "each at its own")
            assert box.pilots("m2") == 4, "those that were there before stay, and count"
            stays(box, 11, 3, new)
            assert factory.book.open("m2") == 6 and not any(s.lost for s in factory.book.standings())


def test_a_name_is_followed_to_another_schedd_though_the_old_one_answers(
    make_pool: Callable[..., Pool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old schedd goes on at the address that the children of a running factory know."""
    monkeypatch.setattr(process, "LOCATION_AGE", 1.0)
    old = make_pool("left")
    box = Box(tmp_path / "f", old, f"followed-{os.getpid()}")
    with Relay(int(old.collector.rpartition(":")[2])) as alias:
        box.queue(
            "f1", batchstatus__condor__collector=f"127.0.0.1:{alias.port}", sched__maxtorun__maximum="3",
            apfqueue__sleep="0.2",
        )  # fmt: skip
        box.work({"f1": 1000})
        with InProcess(box) as factory:
            until(lambda: box.pilots("f1") == 3, "the pilots")
            until(lambda: factory.book.standings()[0].balance.even, "balance")
            not_of_its_second(factory.book.standings()[0].identity)
            new = make_pool("taken", SCHEDD_NAME=old.schedd)
            alias.behaviour = to(int(new.collector.rpartition(":")[2]))
            until(lambda: factory.book.standings()[0].stranger_age is not None, "the other to be met")
            assert (box.pilots("f1"), box.pilots("f1", new)) == (3, 0), "it is not the one it was"


# --- where pilots were sent -----------------------------------------------------------------------------


class LostReply:
    """The first submission takes place, its reply is lost, and its place does not answer until `go`."""

    def __init__(self, place: Pool) -> None:
        self.place, self.lost, self.go = place, threading.Event(), threading.Event()


@pytest.fixture
def lost_reply(box: Box, monkeypatch: pytest.MonkeyPatch) -> LostReply:
    it = LostReply(box.ap)
    submit, fetch, search = CondorBase.submit_to, Condor.fetch, Condor.search

    def loses(plugin: Any, identity: str, n: int, tag: str, deadline: float) -> Any:
        sent = submit(plugin, identity, n, tag, deadline)
        if it.lost.is_set():
            return sent
        it.lost.set()
        raise SubmitUnknown("the reply is lost")

    def hides(plugin: Any) -> bool:
        return it.lost.is_set() and not it.go.is_set() and it.place.collector in plugin.target

    def fetches(plugin: Any) -> Any:
        if hides(plugin):
            raise SourceError("it does not answer")
        return fetch(plugin)

    monkeypatch.setattr(CondorBase, "submit_to", loses)
    def searches(plugin: Any, *question: Any) -> Any:
        """A poll may be under way, with its count behind it."""
        if hides(plugin):
            raise SourceError("it does not answer")
        return search(plugin, *question)

    monkeypatch.setattr(Condor, "fetch", fetches)
    monkeypatch.setattr(Condor, "search", searches)
    return it


def test_an_open_intent_is_looked_up_where_it_was_sent_though_its_queue_has_moved(
    box: Box, other: Pool, lost_reply: LostReply
) -> None:
    box.queue("m1", sched__maxtorun__maximum="3", apfqueue__sleep="0.2")
    box.work({"m1": 1000})
    with InProcess(box) as factory:
        until(lost_reply.lost.is_set, "the lost reply")
        box.queues["m1"] |= at(other)
        assert factory.reload().applied
        until(lambda: "nothing" in last(factory, "m1") or "held back" in last(factory, "m1"), "a cycle")
        assert (factory.book.open("m1"), factory.book.total("m1")) == (3, 0), "an intent, not known yet"
        lost_reply.go.set()
        until(lambda: factory.book.total("m1") == 3, "the three to be found where they are")
        stays(box, 3, 4, other)
        assert all(s.lost == 0 for s in factory.book.standings())
        clear(box.ap, box.name)
        until(lambda: box.pilots(ap=other) == 3, "three at the new place, when the old ones' end was read")
    clear(other, box.name)


def test_an_open_intent_of_a_removed_queue_gives_its_capacity_back(
    box: Box, other: Pool, lost_reply: LostReply
) -> None:
    """Also the last queue of its schedd: nobody but the book asks it then."""
    options = factory_cap(box, 10)
    box.queue("r1", **options | {"sched__fixed__pilotspercycle": "4"})
    with InProcess(box) as factory:
        until(lost_reply.lost.is_set, "the lost reply")
        del box.queues["r1"]
        box.queue("k1", other, **options)
        assert factory.reload(allow_empty=True).applied
        until(lambda: box.pilots() + box.pilots(ap=other) == 10, "10 in all, with those of the open intent")
        assert factory.book.standings()[0].unresolved == 4
        stays(box, 10, 3, other)
        lost_reply.go.set()
        until(lambda: not factory.book.standings()[0].unresolved, "the four to be found")
        stays(box, 10, 2, other)
        clear(box.ap, box.name)
        until(lambda: box.pilots(ap=other) == 10, "their room to be used")
        assert factory.book.open("r1") == 0
    clear(other, box.name)


def test_when_all_queues_of_a_schedd_are_removed_its_pilots_count_until_they_end(
    box: Box, other: Pool
) -> None:
    options = factory_cap(box, 7)
    box.queue("a1", **options)
    with InProcess(box) as factory:
        until(lambda: box.pilots() == 7, "7 pilots")
        del box.queues["a1"]
        box.queue("k1", other, **options)
        assert factory.reload(allow_empty=True).applied
        until(lambda: "7 pilots in the whole factory" in last(factory, "k1"), "the cap")
        stays(box, 7, 3, other)
        clear(box.ap, box.name)
        until(lambda: box.pilots(ap=other) == 7, "7 in their place")
    with InProcess(box) as factory:  # and after a restart nobody remembers a1 but the book
        stays(box, 7, 3, other)
    clear(other, box.name)


def test_another_poll_period_while_the_schedd_hangs_forgets_no_pilot(box: Box, other: Pool) -> None:
    """`batchstatus.condor.sleep` edited: the source is made anew, and cannot ask."""
    options = factory_cap(box, 37)
    box.queue("h1", **options)
    with InProcess(box) as factory:
        until(lambda: box.pilots() == 37, "37 pilots")
        until(lambda: factory.book.standings()[0].balance.even, "balance")
        schedd = box.ap.pid_of("SCHEDD")
        os.kill(schedd, signal.SIGSTOP)
        try:
            box.factory_options["batchstatus.condor.sleep"] = "2"
            box.queue("h2", other, **options)
            assert factory.reload().applied
            until(
                lambda: "37 pilots in the whole factory" in last(factory, "h2"),
                "the cap, with the hanging one's",
            )
            end = time.monotonic() + 8
            while time.monotonic() < end:
                assert box.pilots(ap=other) == 0
                time.sleep(0.5)
        finally:
            os.kill(schedd, signal.SIGCONT)
        stays(box, 37, 6, other)
    clear(other, box.name)
