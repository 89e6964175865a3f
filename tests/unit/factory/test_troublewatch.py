"""The watch for troubles sees the queues that run now, their WMS and their pilots' files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from authkit import private_file, token
from autopyfactory.accounting.lately import Memory
from autopyfactory.factory.troublewatch import trouble_watch
from autopyfactory.model.clock import SystemClock
from autopyfactory.why.work import WorkWatch


def queue(described: dict[str, str], wms: Any = None) -> Any:
    submit = SimpleNamespace(describe=lambda tag, now: described)
    return SimpleNamespace(parts=SimpleNamespace(routes=[SimpleNamespace(submit=submit)], wms=wms))


def test_queues_are_looked_at_as_they_run_now(tmp_path: Path) -> None:
    expired = private_file(tmp_path / "token", token(-60))
    wms = SimpleNamespace(unserved=lambda deadline: ("16 cores",))
    queues: dict[str, Any] = {}
    watch = trouble_watch(
        "f",
        queues=lambda: queues,
        targets=lambda: (),
        pilots=Memory(),
        work=WorkWatch(),
        clock=SystemClock(),
    )
    watch.look()
    assert watch.credential("east") is None
    queues = {"east": queue({"scitokens_file": str(expired)}, wms), "west": queue({})}
    watch.look()
    told = watch.credential("east")
    assert told is not None and str(expired) in told
    assert watch.credential("west") is None
    assert [list(watch._unserved(name)) for name in ("east", "west", "gone")] == [["16 cores"], [], []]
