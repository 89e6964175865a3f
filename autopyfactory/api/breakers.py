"""The answers to `breakers` and `close`: what the breakers of the factory know, and closing some by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autopyfactory.api.pilots import known
from autopyfactory.breakers.machine import Breaker
from autopyfactory.breakers.registry import Key
from autopyfactory.control.server import CommandError
from autopyfactory.model.text import count

if TYPE_CHECKING:
    from autopyfactory.factory.factory import Factory


def breakers(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `breakers`: every one that is open, or has seen pilots go wrong; times are Unix times."""
    rows = [_told(key, b) for key, b in factory.breakers.known().items()]
    rows.sort(key=lambda r: (not r["open"], r["ce"], r["scope"], r["name"]))
    return {"breakers": rows, "at": factory.clock.now().timestamp()}


def close(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `close`: close what stands in the way of `queue`, and forget what was seen there."""
    asked = arguments.get("queue")
    if not isinstance(asked, str) or not asked:
        raise CommandError("queue is missing")
    name = known(factory.configuration, asked)
    queue = factory.queues.get(name)
    if queue is None or not queue.gates:
        raise CommandError(f"no breaker stands in the way of {name}: it does not run, or has none")
    keys = [key for gate in queue.gates for key in gate.address.keys]
    open_ones = [key for key in keys if (b := factory.breakers.known().get(key)) and b.open]
    factory.breakers.reset(keys)
    factory.breakers.save()
    if open_ones:
        by = arguments.get("by") or "?"
        factory.announce("breaker", f"{count(len(open_ones), 'breaker')} closed by hand, by {by}", name)
    queue.wake()
    return {"queue": name, "closed": [key.words for key in open_ones]}


def _told(key: Key, b: Breaker) -> dict[str, Any]:
    verdict = b.verdict
    return {
        "scope": key.scope,
        "ce": key.ce,
        "name": key.name,
        "open": b.open,
        "opened": b.opened,
        "next_probe": b.next_probe if b.open else None,
        "probes": b.probes,
        "under_way": b.probed if b.awaits else None,
        "bad": len(verdict.bad),
        "good": len(verdict.good),
        "words": verdict.words if verdict.bad else "",
        "nodes": list(verdict.nodes),
    }


COMMANDS = {"breakers": breakers, "close": close}
