"""A preview tells what the next cycle would do, sends nothing, and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from autopyfactory.breakers.evidence import Evidence
from autopyfactory.config.build import load
from autopyfactory.factory.preview import Preview
from autopyfactory.model.downtimes import Declared, Outage
from autopyfactory.plugins.processes import pilots
from patience import PATIENCE, until
from place import Place


@pytest.fixture
def factory(place: Place) -> Any:
    made = place.start()
    until(lambda: made.queues["east"].last.inputs.batch.running == 2)
    return made


def look(place: Place, factory: Any, *names: str, **more: Any) -> dict[str, Any]:
    """Return what the queues `names` would do with the configuration that is on disk now."""
    new = load([str(place.conf)])
    preview = Preview(
        new,
        sources=factory.sources,
        book=factory.book,
        clock=factory.clock,
        running=dict(factory.queues),
        shared=factory.shared,
        **more,
    )
    return preview.effects({n: new.queues[n] for n in names}, PATIENCE)


def test_numbers_and_the_rule_that_decided(place: Place, factory: Any) -> None:
    place.configure("[more]\nwmsqueue = east\nsched.maxtorun.maximum = 4\n")
    effects = look(place, factory, "east", "more")
    assert (effects["east"].pending, effects["east"].running, effects["east"].would_send) == (0, 2, 0)
    assert (effects["more"].running, effects["more"].would_send) == (0, 4)
    assert effects["more"].reason.startswith("MaxToRun: ")


def test_nothing_is_sent_and_no_source_is_kept(place: Place, factory: Any) -> None:
    place.configure(f"[more]\nwmsqueue = w\nwmsstatus.file.path = {place.folder}/other.json\n")
    (place.folder / "other.json").write_text('{"w": {"ready": 9}}')
    before, sent = set(factory.sources.all()), factory.book.total("more")
    assert look(place, factory, "more")["more"].would_send == 2
    assert set(factory.sources.all()) == before
    assert factory.book.total("more") == sent == 0
    assert len([p for p in pilots() if p.factory == place.name]) == 2


def test_sources_go_also_when_a_queue_cannot_be_built(
    place: Place, factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.configure(f"[more]\nwmsqueue = w\nwmsstatus.file.path = {place.folder}/other.json\n")
    before = set(factory.sources.all())

    def fail(self: Preview, queue: Any) -> Any:
        build(self, queue)
        raise RuntimeError("no such disk")

    build = Preview._build
    monkeypatch.setattr(Preview, "_build", fail)
    with pytest.raises(RuntimeError, match="no such disk"):
        look(place, factory, "more")
    assert set(factory.sources.all()) == before


def test_what_is_not_known_would_send_nothing_and_says_so(place: Place, factory: Any) -> None:
    place.configure(f"[more]\nwmsqueue = w\nwmsstatus.file.path = {place.folder}/missing.json\n")
    effect = look(place, factory, "more")["more"]
    assert effect.would_send == 0
    assert "WMS status" in effect.reason
    assert "missing.json" in effect.reason


def test_a_limit_of_the_factory_counts_those_that_run(place: Place, factory: Any) -> None:
    place.configure(
        "[more]\nwmsqueue = east\nschedplugin = Ready, MaxPerFactory\n", maxperfactory__maximum="5"
    )
    assert look(place, factory, "more")["more"].would_send == 3, "five, and two of east run"


def test_a_pause_is_no_part_of_a_plan(place: Place, factory: Any) -> None:
    place.run("pause", "--all")
    place.configure("[more]\nwmsqueue = east\n")
    assert look(place, factory, "more")["more"].would_send == 2


def test_breakers_and_downtimes_are_part_of_a_plan(place: Place, factory: Any) -> None:
    chain = "schedplugin = Ready, MaxToRun, Downtime\nsched.downtime.site = SITE\n"
    place.configure(f"[more]\nwmsqueue = east\n[down]\nwmsqueue = east\n{chain}")
    queue = factory.queues["east"]
    address = replace(queue.gates[0].address, queue="more")
    now = factory.clock.now().timestamp()
    for n in range(5):
        failed = Evidence(f"p{n}", "failed", now - 1, "exit code 1", sent=now - 9, began=now - 5)
        factory.breakers.note(address, "queue", failed)
    factory.breakers.judge()
    outage = Outage(
        factory.clock.now() - timedelta(hours=1), factory.clock.now() + timedelta(hours=1), "of SITE"
    )
    asked: list[tuple[str, ...]] = []

    def declared(names: tuple[str, ...]) -> Declared:
        asked.append(names)
        return Declared((outage,))

    effects = look(place, factory, "more", "down", declared=declared, breakers=factory.breakers)
    assert effects["more"].would_send == 0
    assert effects["more"].reason.startswith("a breaker is open: ")
    assert effects["down"].would_send == 0
    assert "in a downtime" in effects["down"].reason
    assert asked == [("SITE",)]
    assert factory.breakers.permit(address).limit == 0, "a plan takes no probe"


def test_without_a_factory_it_asks_by_itself_and_keeps_no_source(place: Place) -> None:
    still = place.made()
    effects = look(place, still, "east", "west")
    assert (effects["east"].running, effects["east"].would_send) == (0, 2)
    assert effects["west"].would_send == 0
    assert still.sources.all() == []
    assert not [p for p in pilots() if p.factory == place.name]
    still.shutdown(1)


def test_a_queue_whose_wrapper_cannot_be_composed(place: Place, factory: Any) -> None:
    """Told before a reload, which takes such a queue: its files may come, as an executable may."""
    wrapper = "executable = None\nwrapper.payload = command\nwrapper.checks = no/such.sh\n"
    place.configure(f"[composed]\nwmsqueue = east\n{wrapper}")
    effect = look(place, factory, "composed")["composed"]
    assert effect.would_send == 0
    assert effect.reason.startswith("no pilot can be described: wrapper.checks: the check /")
    assert effect.reason.endswith("no/such.sh cannot be read: No such file or directory")
