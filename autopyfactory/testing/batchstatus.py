"""What every counter of pilots must do."""

from __future__ import annotations

from pathlib import Path

from autopyfactory.model.info import BatchStatus
from autopyfactory.plugins.base import BatchStatusPlugin
from autopyfactory.testing.source import AnswerContract


class BatchStatusContract(AnswerContract):
    """Counts the pilots of this factory, for all its queues."""

    kind = "batchstatus"
    answer = BatchStatus

    def test_it_names_the_place(self) -> None:
        """The submit plugin for the same place says the same: see SubmissionContract."""
        target = self.make().target
        assert target and "\n" not in target

    def test_pending_pilots_are_split_and_not_added_to(self, tmp_path: Path) -> None:
        """`held`, `waiting` and `unsubmitted` are parts of `pending`."""
        for name, info in self.make("A", self.working(tmp_path)).fetch().queues.items():
            assert info.held + info.waiting + info.unsubmitted <= info.pending, f"{name}: {info}"
            assert info.retiring <= info.running, f"{name}: {info}"

    def test_who_tells_endings_tells_how_they_were(self) -> None:
        """A place that says so answers with more than who has ended."""
        plugin = self.make()
        if plugin.tells_endings:
            assert type(plugin).endings is not BatchStatusPlugin.endings
