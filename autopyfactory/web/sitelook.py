"""One place across queues, as pages and JSON show it: without names of people, whoever asks."""

from __future__ import annotations

from autopyfactory.api.rows import QueueRow
from autopyfactory.api.sites import SiteState, safe_row
from autopyfactory.control.client import ControlError
from autopyfactory.model.serialize import from_plain
from autopyfactory.web.site import Site
from autopyfactory.web.table import Selection


def site_of(site: Site, wanted: Selection) -> tuple[list[QueueRow], SiteState | None]:
    """Return the rows of a place, and what else is known of it; None when the factory cannot be asked."""
    rows = [safe_row(row) for row in wanted.rows(site.views.get().rows)]
    if not rows:
        return [], None
    ce, wms = wanted.ce or None, wanted.wmsqueue or None
    try:
        return rows, from_plain(SiteState, site.access.ask("site", ce=ce, wmsqueue=wms))
    except ControlError:
        return rows, None
