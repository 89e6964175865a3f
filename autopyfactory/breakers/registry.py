"""All breakers of a factory: who is concerned by what, probes that go once, and the file that keeps them.

A queue's pilots go to a CE, with a credential, and are of one kind. So three breakers stand in its way: the
CE's, which all its queues share; that of the CE with this credential; and that of the queue's own pilots
there. What goes wrong is held against the one whose fault it is; a pilot that does well speaks for all three.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autopyfactory.breakers import machine
from autopyfactory.breakers.evidence import Evidence
from autopyfactory.breakers.machine import CLOSED, Breaker, Policy
from autopyfactory.external import atomicfile
from autopyfactory.model.clock import Clock
from autopyfactory.model.once import once
from autopyfactory.model.serialize import from_plain, to_plain
from autopyfactory.model.text import count, span

log = logging.getLogger("autopyfactory.breakers")

Scope = Literal["ce", "credential", "queue"]
SCOPES: tuple[Scope, ...] = ("ce", "credential", "queue")
SCHEDDS_OWN = "the schedd's own credential"
Step = Callable[[Breaker, float], Breaker]  # what follows a state, at a time


@dataclass(frozen=True, slots=True)
class Key:
    """Which breaker."""

    scope: Scope
    ce: str  # in its one spelling
    name: str = ""  # of the credential, or of the queue

    @property
    def words(self) -> str:
        """Say what it guards."""
        if self.scope == "ce":
            return f"CE {self.ce}"
        joint = "with" if self.scope == "credential" else "for"
        return f"CE {self.ce} {joint} {self.name}"


@dataclass(frozen=True)
class Address:
    """Where the pilots of a queue go."""

    queue: str
    ce: str  # in its one spelling
    credential: str = ""  # as people write it; empty: the queue names none, and the schedd has its own

    def key(self, scope: Scope) -> Key:
        """Return which breaker of this scope is concerned."""
        if scope == "credential":
            return Key(scope, self.ce, self.credential or SCHEDDS_OWN)
        return Key(scope, self.ce, self.queue if scope == "queue" else "")

    @once
    def keys(self) -> tuple[Key, ...]:
        """Return every breaker that is concerned."""
        return tuple(self.key(scope) for scope in SCOPES)


@dataclass(frozen=True, slots=True)
class Permit:
    """What the breakers say to a queue that wants to send."""

    limit: int | None = None  # pilots that may go; None: as many as it likes
    words: str | None = None  # which breaker is open, why, and what follows; None: all are closed
    scope: Scope | None = None  # of the breaker that is open; of several the widest
    nodes: tuple[str, ...] = ()  # on which pilots go wrong while others do well, as `node7 (4)`


FREE = Permit()


def of_all(permits: Sequence[Permit]) -> Permit:
    """Return what the breakers of several CEs say to the one queue that sends there.

    While one of them is free the queue is: the others are left out.
    """
    nodes = tuple(dict.fromkeys(node for permit in permits for node in permit.nodes))
    if not permits or any(permit.words is None for permit in permits):
        return Permit(nodes=nodes)
    words = "; ".join(dict.fromkeys(permit.words or "" for permit in permits))
    return Permit(max(permit.limit or 0 for permit in permits), words, permits[0].scope, nodes)


@dataclass(frozen=True, slots=True)
class Change:
    """A breaker has opened or closed."""

    key: Key
    open: bool
    words: str


@dataclass(frozen=True, slots=True)
class _Line:
    """One breaker in the file."""

    key: Key
    breaker: Breaker


class Gate:
    """The breakers in the way of one queue."""

    def __init__(self, breakers: Breakers, address: Address):
        self.address = address
        self._breakers = breakers

    def permit(self) -> Permit:
        """Return what may be sent now. A probe is only promised: see `take_probe`."""
        return self._breakers.permit(self.address)

    def take_probe(self) -> bool:
        """Take the probe that is let through now; False: there is none any more."""
        return self._breakers.take_probe(self.address)

    def give_back(self) -> None:
        """Note that the probe that was taken did not go."""
        self._breakers.give_back(self.address)


class Breakers:
    """The breakers of one factory; may be used by several threads, and nobody waits here."""

    def __init__(self, path: Path | None, clock: Clock, policy: Policy | None = None):
        """Read the file at `path`; one that is damaged is moved aside, and all breakers are closed then."""
        self.policy = policy or Policy()
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._known: dict[Key, Breaker] = {}
        self._suspected: dict[Key, float] = {}  # since when it is waited for pilots to prove themselves
        self._orphaned: dict[Key, float] = {}  # since when no queue is concerned by it
        self._news: list[Change] = []
        self._written = _text([])
        self._troubled = False
        if path is not None:
            self._read(path)

    # --- what is seen ---------------------------------------------------------------------------

    def note(self, address: Address, scope: Scope, evidence: Evidence) -> None:
        """Take in what a pilot shows; what is good counts for all breakers that it concerns."""
        now = self._now
        with self._lock:
            if not evidence.good:
                key = address.key(scope)
                self._change(key, machine.noted(self._known.get(key, CLOSED), evidence, now), now)
                return
            for key in address.keys:
                if key in self._known:  # where nothing ever went wrong there is nothing to keep
                    self._change(key, machine.noted(self._known[key], evidence, now), now)

    def down(self, place: str) -> set[str]:
        """Return the pilots at `place` that could not be handed to their CEs, by what is known."""
        with self._lock:
            seen = [e for b in self._known.values() for e in b.seen]
        return {e.pilot for e in seen if e.kind == "down" and e.pilot.startswith(f"{place} ")}

    def reached(self, pilots: Container[str]) -> None:
        """Take back that their CEs do not answer: those of `pilots` do."""
        now = self._now
        with self._lock:
            for key, b in list(self._known.items()):
                back = {e.pilot for e in b.seen if e.kind == "down" and e.pilot in pilots}
                self._change(key, machine.retracted(b, back, now), now)

    def judge(self, undecided: Iterable[Address] = ()) -> bool:
        """Open and close what has to be, and forget what is long over; return whether something waits.

        undecided: where pilots run that have outlived the bad ones, and may yet turn out to do well. For them
        one waits as long as that takes, and no longer.
        """
        now = self._now
        hopeful = {key for address in undecided for key in address.keys}
        with self._lock:
            for key, breaker in list(self._known.items()):
                if key in hopeful and breaker.suspicious(self.policy, now):
                    first = self._suspected.setdefault(key, now)
                    if now - first < breaker.enough(self.policy):
                        continue
                self._suspected.pop(key, None)
                self._change(key, machine.judged(breaker, self.policy, now), now)
                if self._over(self._known[key], now):
                    del self._known[key]
            return bool(self._suspected)

    def suspects(self, addresses: Iterable[Address]) -> dict[Address, tuple[float, float]]:
        """Return those for whom a breaker is open, or would open: their running pilots are of interest.

        With the Unix time before which one must have started to have outlived bad ones, and the seconds that
        one must run to have done well.
        """
        now = self._now
        with self._lock:
            enough = {
                key: (b.promising(now), b.enough(self.policy))
                for key, b in self._known.items()
                if b.open or b.suspicious(self.policy, now)
            }
        if not enough:
            return {}
        found = {a: [enough[key] for key in a.keys if key in enough] for a in addresses}
        return {a: (max(p for p, _ in its), max(e for _, e in its)) for a, its in found.items() if its}

    def prune(self, addresses: Iterable[Address]) -> None:
        """Forget what no queue is concerned by any more, when that has been so for long."""
        wanted = {key for address in addresses for key in address.keys}
        now = self._now
        with self._lock:
            for key in [key for key in self._known if key not in wanted]:
                since = self._orphaned.setdefault(key, now)
                if now - since > self.policy.window:
                    del self._known[key], self._orphaned[key]
            self._orphaned = {key: at for key, at in self._orphaned.items() if key not in wanted}

    def news(self) -> list[Change]:
        """Return what has opened and closed since this was asked last."""
        with self._lock:
            news, self._news = self._news, []
        return news

    # --- what queues ask ------------------------------------------------------------------------

    def permit(self, address: Address) -> Permit:
        """Return what may be sent there now. A probe is only promised: see `take_probe`."""
        if not self._known:  # as long as nothing goes wrong anywhere
            return FREE
        with self._lock:
            known = [(key, b) for key in address.keys if (b := self._known.get(key)) is not None]
        if not known:
            return FREE
        now = self._now
        nodes = tuple(dict.fromkeys(node for _, b in known for node in b.verdict.nodes))
        found = [(key, b) for key, b in known if b.open]
        if not found:
            return Permit(nodes=nodes)
        ready = all(b.lets_probe(now) for _, b in found)
        words = "; ".join(_told(key, b, now) for key, b in found)
        return Permit(1 if ready else 0, words, found[0][0].scope, nodes)

    def take_probe(self, address: Address) -> bool:
        """Take the probe that all breakers in the way let through now; False: there is none any more."""
        now = self._now
        with self._lock:
            found = {key: b for key in address.keys if (b := self._known.get(key)) is not None and b.open}
            if not all(b.lets_probe(now) for b in found.values()):
                return False
            for key, b in found.items():
                self._known[key] = machine.probed(b, self.policy, now)
            return True

    def give_back(self, address: Address) -> None:
        """Note that the probe that was taken did not go: it may still."""
        self._each(address.keys, lambda b, now: machine.unsent(b, now) if b.open else b)

    def hurry(self, address: Address) -> None:
        """Let the next probe go at once: what was wrong has been mended, as it seems."""
        self._each(address.keys, lambda b, now: machine.hurried(b, now))

    def reset(self, keys: Iterable[Key]) -> None:
        """Close these, and forget what was seen."""
        self._each(keys, lambda _, now: machine.reset(now))

    # --- what people ask ------------------------------------------------------------------------

    def known(self) -> Mapping[Key, Breaker]:
        """Return all that something is known of."""
        with self._lock:
            return dict(self._known)

    # --- the file -------------------------------------------------------------------------------

    def save(self) -> None:
        """Write down what must survive a restart: open ones, and when others have closed."""
        if self._path is not None:
            with self._writing:  # or what is older could be written over what is newer
                self._save(self._path)

    def _save(self, path: Path) -> None:
        with self._lock:
            kept = [_Line(key, b) for key, b in self._known.items() if b.open or b.closed]
        text = _text(kept)
        if text == self._written:
            return
        try:
            atomicfile.replace(path, f"{text}\n".encode(), mode=atomicfile.OWNER)
        except OSError as err:
            if not self._troubled:
                log.warning("%s cannot be written: %s; it is tried again", path, err.strerror or err)
            self._troubled = True
            return
        self._written, self._troubled = text, False

    def _read(self, path: Path) -> None:
        try:
            lines = json.loads(path.read_text())["breakers"]
            self._known = {line.key: line.breaker for line in (from_plain(_Line, one) for one in lines)}
            self._written = ""
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
            log.error("%s cannot be read: %s; all breakers are closed", path, err)
            try:
                path.rename(path.with_name(f"{path.name}.broken"))
            except OSError as problem:
                log.error("%s", problem)

    # --- with the lock held ---------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _each(self, keys: Iterable[Key], change: Step) -> None:
        now = self._now
        with self._lock:
            for key in keys:
                if key in self._known:
                    self._change(key, change(self._known[key], now), now)

    def _change(self, key: Key, after: Breaker, now: float) -> None:
        before = self._known.get(key, CLOSED)
        self._known[key] = after
        if after.open and not before.open:
            self._news.append(Change(key, True, f"the breaker opens, {_told(key, after, now)}"))
        elif before.open and not after.open:
            lasted = span(now - (before.opened or now))
            words = f"the breaker closes, {key.words}: it was open for {lasted}, with {_probes(before)}"
            self._news.append(Change(key, False, words))

    def _over(self, b: Breaker, now: float) -> bool:
        """Whether there is nothing left to know."""
        long_ago = now - self.policy.window
        if b.open or b.since >= long_ago:
            return False
        return not any(e.at >= long_ago and not e.good for e in b.seen)


def _text(lines: Sequence[_Line]) -> str:
    return json.dumps({"breakers": [to_plain(line) for line in lines]}, indent=1, ensure_ascii=False)


def _told(key: Key, b: Breaker, now: float) -> str:
    wait = b.next_probe - now
    another = "another" if b.awaits else "a probe"
    then = f"{another} in {span(wait)}" if wait > 0 else f"{another} may go"
    then = f"one under way since {span(now - b.probed)}, {then}" if b.awaits else then
    return f"{key.words}: {b.verdict.words}; {_probes(b)} so far, {then}"


def _probes(b: Breaker) -> str:
    return count(b.probes, "probe")
