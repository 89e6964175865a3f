"""What every source of work must do."""

from __future__ import annotations

from pathlib import Path

from autopyfactory.model.info import SiteInfo, WMSQueueInfo, WMSStatus
from autopyfactory.testing.source import AnswerContract


class WMSStatusContract(AnswerContract):
    """Says how much work waits, for all WMS queues."""

    kind = "wmsstatus"
    answer = WMSStatus

    def test_a_queue_takes_its_own_part(self, tmp_path: Path) -> None:
        """`queue_info` and `site_info` read the shared answer; None means that it does not tell."""
        plugin = self.make("A", self.working(tmp_path))
        status = plugin.fetch()
        assert status.lag >= 0
        assert isinstance(plugin.queue_info(status), WMSQueueInfo | None)
        assert isinstance(plugin.site_info(status), SiteInfo | None)
        assert isinstance(plugin.queue_info(WMSStatus({})), WMSQueueInfo | None)
