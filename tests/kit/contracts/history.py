"""What a history must do on every kind of database. The class that inherits gives the fixture `url`."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, inspect, text

from autopyfactory.history import writer as writer_module
from autopyfactory.history.migration import STEPS, TooNew, migrate
from autopyfactory.history.place import HistoryError
from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.schema import metadata, outcome_number
from autopyfactory.history.store import open_engine, parse
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.model.record import CycleRecord, FactoryEvent, HeldGroup, Troubles
from autopyfactory.notify.delivery import BatchReporter
from contracts.records import T0, cycle, series
from patience import PATIENCE, until
from remembered import SetClock

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LONG = "SECMAN:2007 failed to receive the ClassAd; renew ATLAS proxy by noon, says VOMS at 137.138.1.9"


class HistoryContract:
    """Everything that does not depend on the kind of database."""

    def writer(self, url: str, now: datetime = T0, **settings: object) -> HistoryWriter:
        return HistoryWriter(url, "factory-1", clock=SetClock(now), **settings)  # type: ignore[arg-type]

    def test_what_goes_in_comes_out(self, url: str) -> None:
        held = HeldGroup("token expired", 8, 0, T0 - timedelta(hours=2), "17.0")
        rich = cycle(
            number=3,
            at=T0 + 2 * MINUTE,
            gate=("batch status 412 s old (maxage 360)",),
            errors={"batch": "connection refused"},
            pause="paused until noon: cooling works",
            unresolved=("7 pilots of 02:01",),
            breaker="5 of 5 pilots failed",
            credential="atlas-pilot expired 02:12",
            troubles=Troubles(T0, (held,), (held,), 4, T0 - MINUTE),
        )
        records = [cycle(), cycle(number=2, at=T0 + MINUTE, pending=3), rich]
        writer = self.writer(url)
        writer.deliver(records)
        writer.close()
        reader = HistoryReader(url, "factory-1")
        assert [s.record for s in reader.last("BNL_MCORE-gk01", 10)] == records
        assert [s.submitted for s in reader.last("BNL_MCORE-gk01", 10)] == [0, 7, 0]
        assert reader.queues() == ["BNL_MCORE-gk01"]
        reader.close()

    def test_last_and_span_look_at_one_queue_and_at_the_right_times(self, url: str) -> None:
        writer = self.writer(url)
        a, b = list(series("A", T0, 20)), list(series("B", T0, 20))
        writer.deliver([r for pair in zip(a, b, strict=True) for r in pair])
        reader = HistoryReader(url)
        assert [s.record for s in reader.last("A", 3)] == a[-3:]
        assert [s.record for s in reader.last("B", 2, until=b[10].started)] == b[9:11]
        found = reader.span("A", a[5].started, a[8].started)
        assert [s.record for s in found] == a[5:8]
        assert {q: s.record for q, s in reader.latest().items()} == {"A": a[-1], "B": b[-1]}
        assert reader.last("C", 3) == []
        reader.close()
        writer.close()

    def test_a_long_time_is_sampled_and_its_sums_are_exact(self, url: str) -> None:
        writer = self.writer(url)
        mine, other = list(series("A", T0, 100)), list(series("B", T0, 100))
        writer.deliver([*mine, *other])
        writer.close()
        reader = HistoryReader(url, "factory-1")
        end = mine[-1].started + MINUTE
        found = reader.sampled("A", T0, end, 7)
        assert 7 <= len(found) <= 8
        assert sum(sent for _, sent in found) == sum(r.submitted for r in mine)
        records = [s.record for s, _ in found]
        assert records == sorted(records, key=lambda r: r.started)
        assert records[-1] == mine[-1]
        assert all(r in mine for r in records)
        assert [s.record for s, _ in reader.sampled("A", T0, end, 10_000)] == mine
        assert reader.sampled("C", T0, end, 7) == []
        assert reader.sampled("A", end, end + MINUTE, 7) == []
        reader.close()

    def test_factories_that_share_a_database_do_not_mix(self, url: str) -> None:
        for factory, ready in (("factory-1", 1), ("factory-2", 2)):
            writer = HistoryWriter(url, factory, clock=SetClock(T0))
            writer.deliver([cycle(ready=ready), FactoryEvent("started", T0, factory)])
            writer.close()
        for factory, ready in (("factory-1", 1), ("factory-2", 2)):
            reader = HistoryReader(url, factory)
            (stored,) = reader.last("BNL_MCORE-gk01", 5)
            assert stored.record.inputs is not None
            assert stored.record.inputs.wms is not None
            assert stored.record.inputs.wms.ready == ready
            assert [e.text for e in reader.events(T0, T0 + DAY)] == [factory]
            reader.close()

    def test_events_of_a_queue_and_of_the_factory(self, url: str) -> None:
        writer = self.writer(url)
        events = [
            FactoryEvent("started", T0, "version 3"),
            FactoryEvent("paused", T0 + MINUTE, "until noon", "A", {"until": 1.5}),
            FactoryEvent("paused", T0 + MINUTE, "", "B"),
            FactoryEvent("stopped", T0 + DAY),
        ]
        writer.deliver(events)
        reader = HistoryReader(url)
        assert reader.events(T0, T0 + DAY, "A") == events[:2]
        assert reader.events(T0, T0 + 2 * DAY) == events
        reader.close()
        writer.close()

    def test_the_same_delivery_twice_is_kept_once(self, url: str) -> None:
        writer = self.writer(url)
        records = list(series("A", T0, 5))
        writer.deliver(records)
        writer.deliver(records)
        reader = HistoryReader(url)
        assert [s.record for s in reader.last("A", 100)] == records
        reader.close()
        writer.close()

    def test_what_cannot_be_written_does_not_take_the_others_with_it(self, url: str) -> None:
        writer = self.writer(url)
        bad = cycle(number=2, at=T0 + MINUTE, errors={"wms": object()})
        writer.deliver([cycle(), bad, cycle(number=3, at=T0 + 2 * MINUTE)])
        assert writer.skipped == 1
        reader = HistoryReader(url)
        assert [s.record.number for s in reader.last("BNL_MCORE-gk01", 9)] == [1, 3]
        reader.close()
        writer.close()

    @pytest.mark.parametrize("half", ["\ud800", "a\udfffb"])
    def test_half_a_character_costs_its_record_only(self, url: str, half: str) -> None:
        writer = self.writer(url)
        events = [
            cycle("A"),
            cycle("A", at=T0 + MINUTE, reason=half),
            cycle(f"A{half}"),
            cycle("A\0B"),
            cycle("Q" * 400),
            FactoryEvent("problem", T0, half),
            FactoryEvent("problem", T0, "told", queue=half),
            cycle("B"),
        ]
        writer.deliver(events)
        assert writer.skipped == 6
        reader = HistoryReader(url)
        assert len(reader.last("A", 9)) == len(reader.last("B", 9)) == 1
        writer.close()

    def test_a_better_dictionary_is_learnt_and_older_rows_stay_readable(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(writer_module, "RETRAIN", 50)
        writer = self.writer(url)
        first = list(series("QUEUE_OF_THE_EAST", T0, 40))
        second = [
            cycle(
                "QUEUE_OF_THE_WEST", n, T0 + n * MINUTE, cap=12, ready=n * 7, breaker=words, credential=words
            )
            for n, words in enumerate(f"{LONG} {i}" for i in range(200))
        ]
        writer.deliver(first)
        for start in range(0, 200, 20):
            writer.deliver(second[start : start + 20])
        writer.close()
        with open_engine(parse(url)).connect() as connection:
            used = connection.execute(text("SELECT DISTINCT dictionary_id FROM cycle")).scalars().all()
            sizes = dict(
                connection.execute(
                    text("SELECT dictionary_id, avg(length(detail)) FROM cycle WHERE queue_id = 2 GROUP BY 1")
                ).all()  # type: ignore[arg-type]
            )
        assert len(used) >= 2
        assert float(sizes[max(used)]) < 0.7 * float(sizes[min(used)])
        reader = HistoryReader(url)
        assert [s.record for s in reader.last("QUEUE_OF_THE_EAST", 99)] == first
        assert [s.record for s in reader.last("QUEUE_OF_THE_WEST", 999)] == second
        reader.close()

    # -- thinning ------------------------------------------------------------------------------------

    def test_old_cycles_are_thinned_and_their_sums_stay_exact(self, url: str) -> None:
        now = T0 + 12 * DAY
        writer = self.writer(url, now)
        cycles = list(series("A", T0, 24 * 60)) + list(series("A", now - 60 * MINUTE, 60))
        for start in range(0, len(cycles), 500):
            writer.deliver(cycles[start : start + 500])
        writer.close()
        writer = self.writer(url, now)  # what comes in late is thinned by the next life
        writer.deliver([FactoryEvent("started", now)])
        writer.close()
        reader = HistoryReader(url)
        kept = list(reader.span("A", T0, now + DAY))
        old = [s for s in kept if s.record.started < T0 + 2 * DAY]
        fresh = [s for s in kept if s.record.started > T0 + 2 * DAY]
        assert [s.record for s in fresh] == cycles[-60:]
        assert all(s.width == 600 for s in old)
        assert 144 <= len(old) <= 2 * 145  # a window keeps one row of each of the two outcomes
        assert sum(s.cycles for s in old) == 24 * 60
        totals = reader.totals("A", T0, T0 + 2 * DAY)
        for outcome in ("sent", "nothing"):
            ours = [r for r in cycles[:-60] if r.outcome == outcome]
            assert totals[outcome_number(outcome)] == (len(ours), sum(r.submitted for r in ours))
        # the last cycle of a window is the one that stays, whole
        assert old[-1].record in cycles
        reader.close()

    def test_thinning_goes_on_to_hours_and_ends_at_keepdays(self, url: str) -> None:
        cycles = list(series("A", T0, 24 * 12, every=300))
        failed = cycle("A", 9999, T0 + 7 * MINUTE, outcome="failed", reason="refused", sent=())
        clock = SetClock(T0 + DAY)
        writer = HistoryWriter(url, "factory-1", clock=clock)
        writer.deliver([*cycles, failed])
        reader = HistoryReader(url)

        def after(days: float) -> list[tuple[int, int, str]]:
            clock.wall = T0 + timedelta(days=days)
            writer.deliver([FactoryEvent("tick", clock.wall)])
            return [(s.width, s.cycles, s.record.outcome) for s in reader.last("A", 9999)]

        assert len(after(2)) == 289
        tens = after(10)
        assert {w for w, _, _ in tens} == {600}
        assert 145 <= len(tens) <= 288
        hours = after(33)
        assert {w for w, _, _ in hours} == {3600}
        assert 25 <= len(hours) <= 49
        assert sum(n for _, n, _ in hours) == 289
        assert [(n, o) for _, n, o in hours].count((1, "failed")) == 1
        assert after(92) == []
        reader.close()
        writer.close()

    def test_only_its_own_queues_are_thinned(self, url: str) -> None:
        theirs = HistoryWriter(url, "factory-2", clock=SetClock(T0))
        theirs.deliver(list(series("A", T0, 100)))
        theirs.close()
        ours = self.writer(url, T0 + 20 * DAY)
        ours.deliver([cycle("A", at=T0 + 20 * DAY)])
        ours.close()
        reader = HistoryReader(url, "factory-2")
        assert len(reader.last("A", 999)) == 100
        reader.close()

    # -- versions ------------------------------------------------------------------------------------

    def test_an_older_schema_is_brought_forward_with_what_it_holds(self, url: str) -> None:
        engine = open_engine(parse(url))
        migrate(engine, STEPS[:1])
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO queue (factory, name) VALUES ('factory-1', 'A')"))
        engine.dispose()
        with pytest.raises(HistoryError, match="version 1, not 2"):
            HistoryReader(url).queues()
        writer = self.writer(url)
        writer.deliver([FactoryEvent("started", T0), cycle("B")])
        writer.close()
        reader = HistoryReader(url)
        assert reader.queues() == ["A", "B"]
        assert len(reader.events(T0, T0 + DAY)) == 1
        assert reader.info().version == 2
        reader.close()

    def test_migrations_lead_to_the_tables_that_are_used(self, url: str) -> None:
        engine = open_engine(parse(url))
        migrate(engine)
        migrate(engine)  # again: nothing to do
        real = inspect(engine)
        for table in metadata.tables.values():
            columns = {c["name"]: c["nullable"] for c in real.get_columns(table.name)}
            assert columns == {c.name: bool(c.nullable) for c in table.columns}, table.name
            for index in table.indexes:
                found = {i["name"]: i for i in real.get_indexes(table.name)}[index.name]
                assert found["column_names"] == [c.name for c in index.columns]
                assert bool(found["unique"]) == bool(index.unique)
        engine.dispose()

    def test_a_newer_schema_is_left_alone(self, url: str) -> None:
        engine = open_engine(parse(url))
        migrate(engine)
        with engine.begin() as connection:
            connection.execute(text("UPDATE schema_version SET version = 99"))
        with pytest.raises(TooNew):
            migrate(engine)
        with pytest.raises(HistoryError, match="version 99"):
            self.writer(url).deliver([cycle()])
        with pytest.raises(HistoryError, match="newer release"):
            HistoryReader(url).queues()
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM cycle")).scalar() == 0
        engine.dispose()

    def test_a_step_that_fails_leaves_the_old_version(self, url: str) -> None:
        def bad(connection: object) -> None:
            connection.execute(text("CREATE TABLE half_done (x INTEGER)"))  # type: ignore[attr-defined]
            connection.execute(text("SELECT no_such_column FROM queue"))  # type: ignore[attr-defined]

        engine = open_engine(parse(url))
        with pytest.raises(Exception, match="no_such_column"):
            migrate(engine, (STEPS[0], bad))
        assert inspect(engine).get_table_names() == []
        engine.dispose()

    def test_several_factories_may_start_at_once(self, url: str) -> None:
        """Each through its reporter, which tries again when another one holds a lock."""
        writers = [HistoryWriter(url, f"factory-{n}", clock=SetClock(T0)) for n in range(6)]
        reporters = [
            BatchReporter(str(n), w.deliver, attempts=None, backoff=0.05) for n, w in enumerate(writers)
        ]
        for reporter in reporters:
            reporter.report(cycle())
        until(lambda: all(r.status().delivered for r in reporters), "all to have written")
        for reporter, writer in zip(reporters, writers, strict=True):
            reporter.close()
            writer.close()
        reader = HistoryReader(url)
        assert reader.info().queues == 6
        assert reader.info().version == 2
        reader.close()

    def test_reading_goes_on_while_it_is_written(self, url: str) -> None:
        writer = self.writer(url)
        writer.deliver([cycle("A")])
        stop, seen = threading.Event(), []
        reader = HistoryReader(url)

        def read() -> None:
            while not stop.is_set():
                seen.append(len(reader.last("A", 5)))

        thread = threading.Thread(target=read)
        thread.start()
        for r in series("A", T0 + MINUTE, 100):
            writer.deliver([r])
        stop.set()
        thread.join(PATIENCE)
        assert seen[-1] == 5
        reader.close()
        writer.close()

    def test_a_reader_cannot_write(self, url: str) -> None:
        writer = self.writer(url)
        writer.deliver([cycle()])
        engine = open_engine(parse(url), read_only=True)
        with pytest.raises(Exception, match=r"(?i)read-?only"), engine.begin() as connection:
            connection.execute(text("DELETE FROM cycle"))
        engine.dispose()
        writer.close()

    def test_info(self, url: str) -> None:
        writer = self.writer(url)
        records: list[CycleRecord] = list(series("A", T0, 1000))
        writer.deliver(records)
        reader = HistoryReader(url)
        info = reader.info()
        assert (info.oldest, info.newest, info.rows) == (records[0].started, records[-1].started, 1000)
        assert info.queues == 1
        reader.close()
        writer.close()


def raw(url: str, statement: str) -> object:
    """Ask the database itself, not through our own code."""
    engine = create_engine(parse(url))
    with engine.connect() as connection:
        answer = connection.execute(text(statement)).scalar()
    engine.dispose()
    return answer


assert T0.tzinfo is UTC
