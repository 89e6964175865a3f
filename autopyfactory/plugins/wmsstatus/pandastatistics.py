"""From PanDA's job statistics and site data to ours; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autopyfactory.config.jobstates import Mapping as StatusMapping
from autopyfactory.model.info import SiteInfo, WMSQueueInfo

Axes = dict[str, dict[tuple[str, str], WMSQueueInfo]]


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is {type(value).__name__}, not an object")
    return value


def _counts(value: Any, what: str, mapping: StatusMapping) -> WMSQueueInfo:
    try:
        return mapping.wms(_object(value, "it"))
    except ValueError as err:
        raise ValueError(f"{what}: {err}") from None


def detailed(data: Any, mapping: StatusMapping) -> tuple[dict[str, WMSQueueInfo], Axes]:
    """Read `{site: {resource type: {label: {status: number}}}}`.

    Returns the work of each site, in sum and by (label, resource type). Raises ValueError on any other shape
    or an impossible number.
    """
    queues: dict[str, WMSQueueInfo] = {}
    axes: Axes = {}
    for site, by_type in _object(data, "the statistics").items():
        parts: dict[tuple[str, str], WMSQueueInfo] = {}
        for resource_type, by_label in _object(by_type, f"site {site!r:.80}").items():
            for label, statuses in _object(by_label, f"site {site!r:.80}, {resource_type!r:.40}").items():
                what = f"site {site!r:.80}, {resource_type!r:.40}, {label!r:.40}"
                parts[label, resource_type] = _counts(statuses, what, mapping)
        axes[site] = parts
        queues[site] = sum(parts.values(), WMSQueueInfo())
    return queues, axes


def plain(data: Any, mapping: StatusMapping) -> dict[str, WMSQueueInfo]:
    """Read `{site: {status: number}}`, the answer of older servers. Raises ValueError as `detailed` does."""
    return {
        site: _counts(statuses, f"site {site!r:.80}", mapping)
        for site, statuses in _object(data, "the statistics").items()
    }


def selected(
    parts: Mapping[tuple[str, str], WMSQueueInfo], labels: tuple[str, ...], types: tuple[str, ...]
) -> WMSQueueInfo:
    """Add up the parts with one of `labels` and one of `types`; an empty selection takes all."""
    chosen = (
        info
        for (label, resource_type), info in parts.items()
        if (not labels or label in labels) and (not types or resource_type in types)
    )
    return sum(chosen, WMSQueueInfo())


KEPT = ("type", "resource_type", "capability", "workflow", "harvester", "pilot_manager")


def sites(data: Any) -> dict[str, SiteInfo]:
    """Read site data: of get_site_specs, of schedconfig.all.json or of CRIC (`{queue: {status, cloud, ..}}`).

    A record without a status is left out: its queue's status is not known. Raises ValueError on any other
    shape.
    """
    found: dict[str, SiteInfo] = {}
    for name, record in _object(data, "the site data").items():
        status = _object(record, f"site {name!r:.80}").get("status")
        if isinstance(status, str) and status:
            attributes = {k: str(record[k]) for k in KEPT if record.get(k) not in (None, "")}
            found[name] = SiteInfo(status, str(record.get("cloud") or ""), attributes)
    return found
