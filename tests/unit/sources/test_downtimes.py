"""Declared downtimes are read apart, kept while their source is down, and no longer than they are worth."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autopyfactory.model.decision import CycleInputs
from autopyfactory.model.downtimes import NOTHING, Declared, Outage
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.sched.downtime import Downtime
from autopyfactory.sources import downtimes
from autopyfactory.sources.downtimes import DowntimeOptions, DowntimeWatch
from fakes import FakeClock, context
from patience import until
from place import Place
from servers.base import HttpServer, Reply, Request

CE = "ce1.example.ac.uk"


def cric(start: datetime, hours: float = 10, severity: str = "OUTAGE", **more: object) -> str:
    record = {
        "start_time": start.replace(tzinfo=None).isoformat(),
        "end_time": (start + timedelta(hours=hours)).replace(tzinfo=None).isoformat(),
        "severity": severity, "affected_services": "HTCONDOR-CE", "endpoint": CE, **more,
    }  # fmt: skip
    return json.dumps({"SITE": {"1": record}})


class World:
    def __init__(self, folder: Path, **options: object) -> None:
        self.clock, self.file, self.folder = FakeClock(), folder / "downtimes", folder
        self.options = DowntimeOptions(sources=(str(self.file),), **options)  # type: ignore[arg-type] - of tests
        self.watch = self.made()
        self.now = self.clock.now()

    def made(self) -> DowntimeWatch:
        return DowntimeWatch(lambda: self.options, self.clock, self.folder / "state.json")

    def look(self) -> None:
        self.watch._next.clear()
        self.watch.look()

    def decided(self, declared: Declared, **options: str) -> tuple[int, str]:
        texts = {f"sched.downtime.{k}": v for k, v in options.items()}
        made, problems = bind(Downtime.Options, Section.from_texts("Q", texts))
        assert made is not None, problems
        step = Downtime(made, context()).calc(5, CycleInputs("Q", now=self.clock.now(), declared=declared))
        return step.n_out, step.reason


def test_a_declared_downtime_sends_nothing_and_says_whose(tmp_path: Path) -> None:
    w = World(tmp_path)
    w.file.write_text(cric(w.now - timedelta(hours=1)))
    w.look()
    for names in ((CE,), ("site",), ("CE1.EXAMPLE.AC.UK", "x")):
        n, reason = w.decided(w.watch.of(names))
        assert n == 0
        assert f"outage of {CE}, by {w.file}" in reason
    assert w.decided(w.watch.of(("another.example.org",)))[0] == 5
    assert w.decided(w.watch.of(()))[0] == 5


def test_lead_in_and_what_comes(tmp_path: Path) -> None:
    w = World(tmp_path)
    w.file.write_text(cric(w.now + timedelta(hours=3)))
    w.look()
    assert w.decided(w.watch.of((CE,)), lead="7200")[0] == 5
    assert "the next is 2026-11-22 15:00" in w.decided(w.watch.of((CE,)))[1]
    w.clock.advance(3700)
    n, reason = w.decided(w.watch.of((CE,)), lead="7200")
    assert (n, "shortly before a downtime" in reason) == (0, True)
    w.clock.advance(13 * 3600)
    assert w.watch.of((CE,)).outages == (), "it is over"


@pytest.mark.parametrize(
    ("severity", "services"), [("WARNING", "HTCONDOR-CE"), ("OUTAGE", "webdav, SRM"), ("", "CE")]
)
def test_what_does_not_concern_pilots(tmp_path: Path, severity: str, services: str) -> None:
    w = World(tmp_path)
    w.file.write_text(cric(w.now - timedelta(hours=1), severity=severity, affected_services=services))
    w.look()
    assert w.decided(w.watch.of((CE,)))[0] == 5


def test_a_source_that_is_down_keeps_its_last_word_until_that_is_too_old(tmp_path: Path) -> None:
    w = World(tmp_path, maxage=7200.0)
    w.file.write_text(cric(w.now - timedelta(hours=1)))
    w.look()
    for broken in ("<html>", "", None):
        w.file.write_text(broken) if broken is not None else w.file.unlink()
        w.clock.advance(1800)
        w.look()
        n, reason = w.decided(w.watch.of((CE,)))
        assert n == 0
        assert " old, still gone by: " in reason, reason
    w.watch = w.made()  # a restart forgets nothing
    w.look()
    assert w.decided(w.watch.of((CE,)))[0] == 0
    w.clock.advance(3600)
    known = w.watch.of((CE,))
    assert (known.outages, known.known) == ((), False)
    n, reason = w.decided(known)
    assert n == 5
    assert "too old to go by" in reason
    assert w.decided(known, unknown="hold")[0] == 0
    w.file.write_text("{}")
    w.look()
    assert w.watch.of((CE,)) == Declared()


def test_one_that_was_never_read(tmp_path: Path) -> None:
    w = World(tmp_path)
    w.look()
    known = w.watch.of((CE,))
    assert not known.known
    assert "are not known: " in known.trouble
    assert "No such file" in known.trouble


def test_without_sources_nothing_is_known_or_asked(tmp_path: Path) -> None:
    w = World(tmp_path)
    w.options = DowntimeOptions()
    w.look()
    assert w.watch.of((CE,)) is NOTHING


def test_a_damaged_file_of_its_own_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"answers": [{"x": 1}, 2]}')
    w = World(tmp_path)
    w.file.write_text(cric(w.now - timedelta(hours=1)))
    w.look()
    assert len(w.watch.of((CE,)).outages) == 1


def test_it_asks_when_it_is_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    w, asked = World(tmp_path), []
    monkeypatch.setattr(downtimes, "_fetched", lambda source, options: asked.append(source) or b"{}")
    w.watch.look()
    w.watch.look()
    assert asked == [str(w.file)]


def test_windows_of_its_own_and_declared_ones() -> None:
    start = datetime(2026, 11, 22, tzinfo=UTC)
    declared = Declared((Outage(start, start + timedelta(days=1), "outage of x, by y"),))
    made, _ = bind(
        Downtime.Options, Section.from_texts("Q", {"sched.downtime.windows": "2026-12-24/2026-12-26"})
    )
    assert made is not None
    rule = Downtime(made, context())
    for day, n in ((22, 0), (23, 5)):
        now = datetime(2026, 11, day, 12, tzinfo=UTC)
        assert rule.calc(5, CycleInputs("Q", now=now, declared=declared)).n_out == n
    assert rule.calc(5, CycleInputs("Q", now=datetime(2026, 12, 25, tzinfo=UTC))).n_out == 0


class Publisher(HttpServer):
    """Publishes downtimes, or fails."""

    text, status = "{}", 200

    def answer(self, request: Request) -> Reply:
        return Reply.text(self.text, self.status)


def test_a_factory_goes_by_what_is_published(place: Place) -> None:
    """Over HTTP, into a rule of a queue that runs, and on after the publisher has failed."""
    with Publisher() as publisher:
        publisher.text = cric(datetime.now(UTC) - timedelta(hours=1))
        place.configure(
            # before the limit: as many as that permits may have gone before the first look was back
            "[down]\nwmsqueue = east\nschedplugin = Ready, Downtime, MaxToRun\nsched.downtime.site = SITE\n",
            downtimes__sources=f"{publisher.url}/downtimes?json",
            downtimes__sleep="1",
        )
        factory = place.start()

        def reason() -> str:
            record = factory.queues["down"].last
            return " ".join(s.reason for s in record.decision.steps) if record and record.decision else ""

        until(lambda: "in a downtime" in reason(), "the downtime to reach the rule")
        assert f"outage of {CE}, by {publisher.url}/downtimes" in reason()
        publisher.status = 503
        until(lambda: "still gone by" in reason(), "the failure to be told")
        assert "in a downtime" in reason()
        assert "answered 503" in place.run("status").output
        assert place.json("why", "down")["story"]["causes"][0]["code"] == "downtime"
        publisher.status, publisher.text = 200, "{}"
        factory.downtimes._next.clear()
        until(lambda: "no downtime now" in reason(), "the end of the downtime")
