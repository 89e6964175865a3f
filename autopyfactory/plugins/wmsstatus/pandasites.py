"""Where PanDA queues' status and cloud are read."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

from autopyfactory.external import strictjson
from autopyfactory.external.http import MEGABYTE, Client, Conditional, HttpError
from autopyfactory.model.info import SiteInfo
from autopyfactory.options.declare import option
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.wmsstatus import pandastatistics
from autopyfactory.plugins.wmsstatus.pandaserver import PandaServer, PandaServerOptions

log = logging.getLogger(__name__)

SPECS = "metaconfig/get_site_specs"


class PandaSiteOptions(PandaServerOptions):
    """Options that say where site status comes from."""

    sites: str = option(
        "metaconfig",
        key="{prefix}.sites",
        description="Where site status and cloud come from: metaconfig (the PanDA server), off, or URL or "
        "path of a schedconfig.all.json or of CRIC's pandaqueue JSON",
    )
    sites_sleep: float = option(
        600, key="{prefix}.sites.sleep", unit="s", ge=1, description="Time between two readings of it"
    )
    sites_maxage: float = option(
        3600,
        key="{prefix}.sites.maxage",
        unit="s",
        gt=0,
        description="Site status older than this is not known any more",
    )

    def site_source(self) -> tuple[Hashable, ...]:
        """Return what makes two plugins read the same sites."""
        return self.sites, self.sites_sleep, self.sites_maxage


class SiteReader:
    """Site status and cloud, read now and then; without them the counts are still good."""

    def __init__(self, options: PandaSiteOptions, server: PandaServer):
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
                self._known = self._sites()
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

    def _sites(self) -> dict[str, SiteInfo]:
        found = pandastatistics.sites(self._data())
        if not found:  # what a PanDA server without its database calls a success
            raise ValueError("no site in the answer")
        return found

    def _data(self) -> Any:
        if self._options.sites == "metaconfig":
            return self._server.get(SPECS, type="all")  # the server's default is analysis only
        if self._question is not None:
            return self._question.get({"Accept": "application/json"}).json()
        return strictjson.loads(Path(self._options.sites.removeprefix("file://")).read_bytes())
