"""Work that waits in a PanDA server: one question per interval for all queues."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

from autopyfactory import mappings, strictjson
from autopyfactory.config.common import FACTORY
from autopyfactory.config.options import NameList, option
from autopyfactory.http import MEGABYTE, Client, Conditional, HttpError
from autopyfactory.info import SiteInfo, WMSQueueInfo, WMSStatus
from autopyfactory.plugins.base import QueueContext, SourceError, WMSStatusPlugin
from autopyfactory.plugins.wmsstatus import pandastatistics
from autopyfactory.plugins.wmsstatus.pandaserver import NoSuchMethod, PandaServer, PandaServerOptions, Refused

log = logging.getLogger(__name__)

DETAILED = "statistics/active_job_detailed_stats_by_site"
PLAIN = "statistics/active_job_stats_by_site"
SPECS = "metaconfig/get_site_specs"
LOOK_AGAIN = 3600.0  # seconds until a server without DETAILED is asked for it again


class PandaOptions(PandaServerOptions):
    """Options of the source `Panda`."""

    sleep: float = option(
        150,
        key="wmsstatus.panda.sleep",
        scope=FACTORY,
        unit="s",
        ge=1,
        description="Time between two questions; at least 60 s unless the server is on this machine",
    )
    maxage: float = option(
        360,
        key="wmsstatus.panda.maxage",
        scope=FACTORY,
        unit="s",
        gt=0,
        description="Job counts older than this send no pilots",
    )
    labels: NameList = option(
        (),
        key="wmsstatus.panda.labels",
        description="Only jobs with these prodSourceLabels count, for instance managed; unset: all",
    )
    resource_types: NameList = option(
        (),
        key="wmsstatus.panda.resourcetypes",
        description="Only jobs of these resource types count, for instance MCORE; unset: all",
    )
    sites: str = option(
        "metaconfig",
        key="wmsstatus.panda.sites",
        description="Where site status and cloud come from: metaconfig (the PanDA server), off, or URL or "
        "path of a schedconfig.all.json or of CRIC's pandaqueue JSON",
    )
    sites_sleep: float = option(
        600, key="wmsstatus.panda.sites.sleep", unit="s", ge=1, description="Time between two readings of it"
    )
    sites_maxage: float = option(
        3600,
        key="wmsstatus.panda.sites.maxage",
        unit="s",
        gt=0,
        description="Site status older than this is not known any more",
    )


class Panda(WMSStatusPlugin[PandaOptions]):
    """Asks a PanDA server for the active jobs of all its queues."""

    name = "Panda"
    Options = PandaOptions

    def __init__(self, options: PandaOptions, context: QueueContext):
        super().__init__(options, context)
        self._server = PandaServer(options)
        self._mapping = mappings.Mapping.load(mappings.PANDA, context.mappings)
        self._sites = SiteReader(options, self._server)
        self._plain_until = 0.0  # monotonic; until then the server is known to have no DETAILED
        self._refused: tuple[float, Refused] | None = None

    def source_key(self) -> Hashable:
        """Return server, identity and where sites are read: not the selections, which are made afterwards."""
        o = self.options
        table = tuple(sorted(self._mapping.table.items()))
        return *o.connection(), o.sleep, o.sites, o.sites_sleep, o.sites_maxage, table

    @property
    def interval(self) -> float:
        """Seconds between two questions."""
        return max(self.options.sleep, self._server.fastest)

    @property
    def maxage(self) -> float:
        """Seconds after which counts no longer cause a submission."""
        return self.options.maxage

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

        A site that a good answer does not mention has none. None: labels or resource types are selected,
        but this server does not tell them apart.
        """
        site = self.context.queue_options.wmsqueue
        if not site:
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
                    queues, axes = pandastatistics.detailed(self._statistics(DETAILED), self._mapping)
                    return WMSStatus(queues, self._sites.read(), axes)
                except NoSuchMethod:
                    log.info("%s has no detailed statistics: labels and types are not told apart", self.label)
            queues = pandastatistics.plain(self._statistics(PLAIN), self._mapping)
        except ValueError as err:
            raise Refused(f"{self.label}: {err}") from None
        if time.monotonic() >= self._plain_until:  # remembered only now that the server is known to have it
            self._plain_until = time.monotonic() + LOOK_AGAIN
        return WMSStatus(queues, self._sites.read())

    def _statistics(self, path: str) -> Any:
        data = self._server.get_changed(path)
        if not data:  # also what a server with a broken database may say: not the same as no work
            raise Refused(f"{self.label} answered without any job of any site")
        return data


class SiteReader:
    """Site status and cloud, read now and then; without them the counts are still good."""

    def __init__(self, options: PandaOptions, server: PandaServer):
        self._options = options
        self._server = server
        self._url = options.sites if options.sites.startswith(("http://", "https://")) else None
        identity = replace(server.client.identity, token_file=None)  # the token is for PanDA only
        self._client = Client(timeout=options.timeout, max_bytes=100 * MEGABYTE, identity=identity)
        self._question = Conditional(self._client, self._url) if self._url else None
        self._known: dict[str, SiteInfo] = {}
        self._known_at: float | None = None
        self._asked_at: float | None = None

    def read(self) -> dict[str, SiteInfo]:
        """Return what is known of sites; nothing when that is older than its maxage."""
        now = time.monotonic()
        if self._options.sites == "off":
            return {}
        if self._asked_at is None or now - self._asked_at >= self._options.sites_sleep:
            try:
                self._known = pandastatistics.sites(self._data())
                self._known_at, self._asked_at = now, now
            except (SourceError, HttpError, ValueError, OSError) as err:
                log.warning("site status cannot be read from %s: %s", self._options.sites, err)
                self._asked_at = now - self._options.sites_sleep + min(60.0, self._options.sites_sleep)
        if self._known_at is None or now - self._known_at > self._options.sites_maxage:
            return {}
        return self._known

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _data(self) -> Any:
        if self._options.sites == "metaconfig":
            return self._server.get(SPECS, type="all")  # the server's default is analysis only
        if self._question is not None:
            return self._question.get({"Accept": "application/json"}).json()
        return strictjson.loads(Path(self._options.sites.removeprefix("file://")).read_bytes())
