"""Work that waits in a PanDA server: one question per interval for all queues."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from autopyfactory.config import jobstates
from autopyfactory.model.info import WMSQueueInfo, WMSStatus
from autopyfactory.model.text import printable
from autopyfactory.options.declare import NameList, option
from autopyfactory.options.polled import maxage_option, sleep_option
from autopyfactory.plugins.base import QueueContext, SourceError, WMSStatusPlugin
from autopyfactory.plugins.wmsstatus import pandastatistics
from autopyfactory.plugins.wmsstatus.pandaserver import NoSuchMethod, PandaServer, Refused
from autopyfactory.plugins.wmsstatus.pandasites import PandaSiteOptions, SiteReader

log = logging.getLogger(__name__)

DETAILED = "statistics/active_job_detailed_stats_by_site"
PLAIN = "statistics/active_job_stats_by_site"
LOOK_AGAIN = 3600.0  # seconds until a server without DETAILED is asked for it again


class PandaOptions(PandaSiteOptions):
    """Options of the source `Panda`."""

    sleep: float = sleep_option(
        150, "Time between two questions; at least 60 s unless the server is on this machine", ge=1
    )
    maxage: float = maxage_option(360, "Job counts older than this send no pilots")
    labels: NameList = option(
        (),
        key="wmsstatus.panda.labels",
        question=False,
        remote=True,
        description="Only jobs with these prodSourceLabels count, for instance managed; unset: all",
    )
    resource_types: NameList = option(
        (),
        key="wmsstatus.panda.resourcetypes",
        question=False,
        remote=True,
        description="Only jobs of these resource types count, for instance MCORE; unset: all",
    )


class Panda(WMSStatusPlugin[PandaOptions]):
    """Asks a PanDA server for the active jobs of all its queues."""

    name = "Panda"
    from_url = True
    settling = 75.0  # the server adds up active jobs once a minute
    Options = PandaOptions

    def __init__(self, options: PandaOptions, context: QueueContext):
        super().__init__(options, context)
        self._server = PandaServer(options)
        self._mapping = jobstates.Mapping.load(jobstates.PANDA, context.mappings)
        self._sites = SiteReader(options, self._server)
        self._plain_until = 0.0  # monotonic; until then the server is known to have no DETAILED
        self._spoilt: Mapping[str, str] = {}
        self._refused: tuple[float, Refused] | None = None

    @property
    def interval(self) -> float:
        """Seconds between two questions."""
        return max(self.options.sleep, self._server.fastest)

    @property
    def label(self) -> str:
        """Return the source as people write it."""
        return f"Panda {self._server.base}"

    def fetch(self) -> WMSStatus:
        """Ask for all queues. Raises SourceError unless the server answers with success and something."""
        if self._refused and time.monotonic() - self._refused[0] < self._server.fastest:
            raise SourceError(f"{self._refused[1]} (asked less than {self._server.fastest:.0f} s ago)")
        try:
            status = self._ask()
        except Refused as err:
            self._refused = (time.monotonic(), err)
            raise
        self._refused = None
        return status

    def queue_info(self, status: WMSStatus) -> WMSQueueInfo | None:
        """Return this queue's work.

        A site that a good answer does not mention has none. None: its record makes no sense; or labels or
        resource types are selected, but this server does not tell them apart.
        """
        site = self.context.queue_options.wmsqueue
        if not site or site in status.spoilt:
            return None
        o = self.options
        if not (o.labels or o.resource_types) or site not in status.queues:
            return status.queues.get(site, WMSQueueInfo())
        if site not in status.axes:
            return None
        return pandastatistics.selected(status.axes[site], o.labels, o.resource_types)

    def close(self) -> None:
        """Close connections."""
        self._server.close()
        self._sites.close()

    def _ask(self) -> WMSStatus:
        try:
            if time.monotonic() >= self._plain_until:
                try:
                    return self._told(pandastatistics.detailed(self._statistics(DETAILED), self._mapping))
                except NoSuchMethod:
                    log.info("%s has no detailed statistics: labels and types are not told apart", self.label)
            found = pandastatistics.plain(self._statistics(PLAIN), self._mapping)
        except ValueError as err:
            raise Refused(f"{self.label}: {err}") from None
        if time.monotonic() >= self._plain_until:  # remembered only now that the server is known to have it
            self._plain_until = time.monotonic() + LOOK_AGAIN
        return self._told(found)

    def _told(self, found: pandastatistics.Statistics) -> WMSStatus:
        if found.spoilt != self._spoilt:  # each set of them is logged once
            for why in found.spoilt.values():
                log.warning("%s: nothing is known of its work: %s", self.label, printable(why))
            if self._spoilt and not found.spoilt:
                log.warning("%s: the records of all sites make sense again", self.label)
            self._spoilt = found.spoilt
        return WMSStatus(found.queues, self._sites.read(), found.axes, spoilt=found.spoilt)

    def _statistics(self, path: str) -> Any:
        data = self._server.get_changed(path)
        if not data:  # also what a server with a broken database may say: not the same as no work
            raise Refused(f"{self.label} answered without any job of any site")
        return data
