"""Reload: a configuration is read anew and applied as a whole, or the running one stays and all hear why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from autopyfactory.config.diff import Diff, diff
from autopyfactory.config.model import Configuration
from autopyfactory.config.postponed import Started
from autopyfactory.config.vanished import vanished
from autopyfactory.model.text import count
from autopyfactory.options.problem import ConfigError, Problem

log = logging.getLogger("autopyfactory.factory")


@dataclass(frozen=True)
class ReloadReport:
    """What a reload did, or why it did nothing."""

    applied: bool
    changes: Diff | None = None
    problems: tuple[Problem, ...] = ()


class Reloader:
    """Judges another configuration against the running one, and has it applied."""

    def __init__(
        self,
        load: Callable[[], Configuration],
        *,
        running: Callable[[], Configuration],
        apply: Callable[[Configuration], None],
        lock: AbstractContextManager[Any],
        tell: Callable[[str, str], None],
    ):
        """Prepare; what runs now is what the factory is started with.

        `load` returns the configuration as its sources have it then, or raises ConfigError. `running` returns
        the one in force and `apply` puts another into force, both under `lock`. `tell` takes kind and text of
        an event.
        """
        self.load = load
        self._running = running
        self._apply = apply
        self._lock = lock
        self._tell = tell
        self._started_with = Started.of(running())

    def reload(self, *, allow_empty: bool) -> ReloadReport:
        """Load the configuration anew and apply what changed; on any new error keep all as it is."""
        try:
            report = self._reload(allow_empty)
        except ConfigError as err:
            report = ReloadReport(False, None, tuple(err.problems))
        except Exception as err:
            log.exception("the reload failed")
            report = ReloadReport(False, None, (Problem("error", f"internal error: {err}"),))
        if not report.applied:
            self._tell_refusal(report.problems)
        return report

    def _reload(self, allow_empty: bool) -> ReloadReport:
        new = self.load()
        with self._lock:
            if wrong := self.refusals(new, allow_empty=allow_empty):
                return ReloadReport(False, None, wrong)
            changes, later = diff(self._running(), new), self.postponed(new)
            self._apply(new)
        self._tell(
            "reloaded",
            f"{count(len(changes.added), 'queue')} added, {len(changes.removed)} removed, "
            f"{len(changes.changed)} changed",
        )
        for problem in later:
            log.warning("%s", problem)
        return ReloadReport(True, changes, (*new.problems, *later))

    def _tell_refusal(self, problems: tuple[Problem, ...]) -> None:
        log.error("reload refused, the running configuration stays:")
        for problem in problems:
            log.error("  %s", problem)
        if problems:
            self._tell("problem", f"reload refused: {problems[0]}")

    def refusals(self, new: Configuration, *, allow_empty: bool = False) -> tuple[Problem, ...]:
        """Return why `new` may not be applied: new errors, what needs a restart, queues that vanish.

        Queues that vanish all at once are an error unless `allow_empty`.
        """
        old = self._running()
        known = {(p.section, p.key, p.message) for p in old.problems}
        fresh = [
            p for p in new.problems if p.severity == "error" and (p.section, p.key, p.message) not in known
        ]
        fixed = self._started_with.refused(new)
        return (*fresh, *fixed, *(() if allow_empty else vanished(old, new)))

    def postponed(self, new: Configuration) -> tuple[Problem, ...]:
        """Return what of `new` would be accepted by a reload, and taken up by the next start only.

        It is told until a start, or until it says again what the factory was started with.
        """
        return self._started_with.waiting(new)
