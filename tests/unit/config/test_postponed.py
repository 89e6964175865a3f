"""What only a start takes up is declared with the option, and named one by one until then."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.config.build import load
from autopyfactory.config.effective import of_factory
from autopyfactory.config.postponed import Started
from autopyfactory.options.declare import Options, option, specs
from patience import until
from place import Place

OTHER = {  # of each option that waits for a start, another value than the place's
    "factoryAdminEmail": "other@example.org",
    "factorySMTPServer": "mail.example.org",
    "factoryMinEmailRepeatSeconds": "17",
    "cycles": "100000",
    "logdir": "/tmp/elsewhere",
    "socket.group": "staff",
    "history.enabled": "False",
    "history.url": "sqlite:////tmp/other.db",
    "history.keepdays": "17",
    "history.detaildays": "3",
    "history.maxsize": "17",
    "mail.security": "tls",
    "mail.capath": "/tmp/ca.pem",
    "mail.user": "me",
    "mail.passwordfile": "/tmp/password",
    "mail.from": "me@example.org",
    "mail.timeout": "17",
    "pings.listen": "127.0.0.1:1",
    "pings.remote": "True",
    "reports.listen": "127.0.0.1:1",
    "reports.remote": "True",
}
TOGETHER = {
    "mail.user": ("mail.passwordfile", "mail.security"),
    "mail.passwordfile": ("mail.user", "mail.security"),
}


def conf(place: Place, **values: str) -> Any:
    text = place.conf.read_text()
    try:
        place.configure(**values)
        return load([str(place.conf)])
    finally:
        place.conf.write_text(text)


def with_key(place: Place, key: str) -> Any:
    return conf(place, **{k.replace(".", "__"): OTHER[k] for k in (key, *TOGETHER.get(key, ()))})


def declared(configuration: Any, *applies: str) -> set[str]:
    return {i.key for i in of_factory(configuration) if i.applies in applies}


def test_each_option_that_waits_for_a_start_is_named_with_its_place(place: Place) -> None:
    begun = conf(place)
    assert declared(begun, "start") == set(OTHER)
    for key in OTHER:
        new = with_key(place, key)
        told = Started.of(begun).waiting(new)
        assert {p.key for p in told} == {key, *TOGETHER.get(key, ())}
        (problem,) = [p for p in told if p.key == key]
        assert str(problem).startswith(f"{place.conf}:")
        assert f"warning: [Factory] {key}: what changed counts from the next start" in str(problem)


def test_what_is_taken_up_by_a_reload_is_not_named(place: Place) -> None:
    new = conf(place, room__minimum="1", factory__sleep="3", cleanlogs__keepdays="3", factoryUser="me")
    begun = Started.of(conf(place))
    assert begun.waiting(new) == ()
    assert begun.waiting(conf(place, history__keepdays="90.0")) == (), "the default, written"


def test_it_is_told_until_it_is_undone(place: Place) -> None:
    factory = place.made()
    before = place.conf.read_text()
    place.configure(history__keepdays="17")
    for _ in range(2):
        (told,) = [p for p in factory.reload().problems if p.key == "history.keepdays"]
        assert "the next start" in str(told)
    place.conf.write_text(before)
    assert not [p for p in factory.reload().problems if "next start" in str(p)]
    factory.shutdown(1)


def test_an_option_of_a_queue_is_never_one() -> None:
    with pytest.raises(TypeError, match="x: a reload makes queues"):
        option(1, key="x", description="", applies="start")


def test_what_a_factory_reads_once_only_is_declared_so(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a factory reads of [Factory] as it starts it reads anew after a reload, or says that it waits."""
    place.configure(
        factoryAdminEmail="me@example.org", factorySMTPServer="127.0.0.1:1",
        pings__listen="127.0.0.1:0", reports__listen="127.0.0.1:0",
    )  # fmt: skip
    read: dict[int, set[tuple[type, str]]] = defaultdict(set)  # by the set of options, who reads
    plain = Options.__getattribute__

    def noting(self: Any, name: str) -> Any:
        if name in type(self).model_fields:
            reader = Path(sys._getframe(1).f_code.co_filename)
            if reader.parent.name not in ("config", "options", "check"):  # these look, and do nothing with it
                read[id(self)].add((type(self), name))
        return plain(self, name)

    monkeypatch.setattr(Options, "__getattribute__", noting, raising=False)
    factory = place.start()
    try:
        parts = (factory.configuration.factory, *factory.configuration.parts.values())
        at_start = {one for options in parts for one in read[id(options)]}
        assert len(at_start) > 20, "what is read is noted"
        place.configure(room__minimum="1")
        assert factory.reload().applied
        old, new = parts, (factory.configuration.factory, *factory.configuration.parts.values())
        waits = {(type(o), s.field) for o in new for s in specs(type(o)) if s.applies != "reload"}
        assert {field for _, field in at_start & waits} >= {"history_keep_days", "smtp_server", "listen"}

        for look in (factory.care.judge, factory.care.look, factory.room.look, factory.downtimes.look):
            look()  # each looks by itself too, some of them once a minute

        def stale() -> set[tuple[type, str]]:
            return at_start - waits - {one for options in new for one in read[id(options)]}

        until(lambda: not stale(), f"read once only, and not declared so: {stale()}")
        assert old[0] is not new[0]
    finally:
        place.stop()
        place.kill_pilots()
