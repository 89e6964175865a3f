"""The wrapper that a queue's options compose: what its pilots run instead of a file named by `executable`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from autopyfactory.model import reporttoken
from autopyfactory.options.common import QueueOptions
from autopyfactory.plugins.base import QueueContext
from autopyfactory.plugins.batchsubmit import wrapperstore
from autopyfactory.wrapper.compose import Built, Recipe, compose

REPORTS_FOR = 30 * 86400  # seconds after it was sent that a pilot may report: it may wait long
KEPT = 30 * 86400.0  # seconds after the last pilot was sent with it
EMPTY = 22  # exit code of a pilot without payload, if it is to be seen
PANDA_SOURCES = ("Panda", "PandaUPS")
MOST = 200  # composed wrappers that are remembered: queues that want the same share one
_composed: dict[tuple[object, ...], Built] = {}


def recipe(options: QueueOptions) -> Recipe | None:
    """Return what a queue's wrapper is composed of; None when the queue names a file instead."""
    if not options.wrapper_payloads:
        return None
    return Recipe(
        payloads=options.wrapper_payloads,
        checks=options.wrapper_checks,
        files=options.wrapper_files,
        rules=options.wrapper_rules,
        options=options.wrapper_options,
        settings={
            "APF_ASKED_CORES": str(options.cores),
            "APF_ASKED_MEMORY": str(options.memory_mb),
            "APF_WMSQUEUE": options.wmsqueue or "",
            "APF_LIFETIME": str(options.wrapper_lifetime),
            "APF_GRACE": str(options.wrapper_grace),
            "APF_HOLD": str(options.wrapper_hold),
            "APF_EMPTY_EXIT": str(EMPTY if options.wrapper_tell_empty else 0),
            "APF_UDP": options.wrapper_udp or "",
            "APF_REPORT": options.wrapper_report or "",
        },
    )


class PilotWrapper:
    """One queue's wrapper. Its parts are read anew for each submission, as `executable` is."""

    def __init__(self, wanted: Recipe, state_dir: str, place: str):
        self._recipe = wanted
        self._folder = (
            Path(state_dir).expanduser() / "wrappers" / "".join(c if c.isalnum() else "_" for c in place)
        )

    @classmethod
    def of(cls, context: QueueContext, place: str) -> PilotWrapper | None:
        """Return the wrapper of a queue whose pilots go to `place`; None when it does not compose one."""
        wanted = recipe(context.queue_options)
        return None if wanted is None else cls(wanted, context.factory.state_dir, place)

    def built(self) -> Built:
        """Return the wrapper as it is now. Raises RecipeError."""
        identity = _identity(self._recipe)
        built = _composed.get(identity)
        if built is None:
            built = compose(self._recipe)
            if len(_composed) >= MOST:
                _composed.clear()
            _composed[identity] = built
        return built

    def path(self, built: Built) -> Path:
        """Return where it lies, or will."""
        return self._folder / built.name

    def keep(self, referred: Callable[[str], bool]) -> Path:
        """Write it down for the pilots that are sent now, and remove old ones that no pilot refers to.

        `referred` tells whether a pilot still carries a digest that begins so. Raises RecipeError, OSError.
        """
        path = wrapperstore.keep(self._folder, self.built())
        for old in wrapperstore.unused(self._folder, KEPT):
            if not referred(wrapperstore.digest_of(old)):
                old.unlink(missing_ok=True)
        return path


def report_tokens(context: QueueContext, tag: str, n: int) -> list[str]:
    """Return a token for each of the `n` pilots of a submission; empty: they do not report here."""
    key = context.shared.report_key
    if key is None or not context.queue_options.wrapper_report or not context.queue_options.wrapper_payloads:
        return []
    until = time.time() + REPORTS_FOR
    return [reporttoken.mint(key, tag, proc, until) for proc in range(n)]


def carries_panda(options: QueueOptions) -> bool:
    """Whether pilots of this queue are PanDA's: then the server links jobs and pilots by worker numbers."""
    return options.wmsstatus in PANDA_SOURCES or any(
        p.partition("=")[2].strip() == "panda" or p == "panda" for p in options.wrapper_payloads
    )


def _identity(wanted: Recipe) -> tuple[object, ...]:
    """Return what changes whenever the wrapper would: the recipe, and the state of each file it names."""
    return (
        wanted.payloads, wanted.checks, wanted.files, wanted.rules,
        _items(wanted.options), _items(wanted.settings),
        tuple(_stamp(Path(name)) for name in _named(wanted)),
    )  # fmt: skip


def _items(mapping: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(mapping.items()))


def _named(wanted: Recipe) -> list[str]:
    modules = (name.rpartition("=")[2].strip() for name in (*wanted.payloads, *wanted.checks))
    return [*wanted.files, *(name for name in modules if "/" in name)]


def _stamp(path: Path) -> tuple[object, ...]:
    try:
        status = path.expanduser().stat()
    except OSError as err:
        return (err.errno,)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
