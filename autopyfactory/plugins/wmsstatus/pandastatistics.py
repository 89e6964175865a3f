"""From PanDA's job statistics and site data to ours; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from autopyfactory.config.jobstates import Mapping as StatusMapping
from autopyfactory.model.info import SiteInfo, WMSQueueInfo

T = TypeVar("T")
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


@dataclass(frozen=True, slots=True)
class Statistics:
    """The work of each site, in sum and, from servers that tell, by (label, resource type)."""

    queues: Mapping[str, WMSQueueInfo]
    axes: Axes
    spoilt: Mapping[str, str]  # sites whose record makes no sense, and why


def detailed(data: Any, mapping: StatusMapping) -> Statistics:
    """Read `{site: {resource type: {label: {status: number}}}}`.

    A site whose record has another shape or an impossible number is spoilt, and it alone. Raises ValueError
    when no site's record is good.
    """

    def read(by_type: Any, what: str) -> dict[tuple[str, str], WMSQueueInfo]:
        return {
            (label, resource_type): _counts(
                statuses, f"{what}, {resource_type!r:.40}, {label!r:.40}", mapping
            )
            for resource_type, by_label in _object(by_type, what).items()
            for label, statuses in _object(by_label, f"{what}, {resource_type!r:.40}").items()
        }

    axes, spoilt = _each(data, read)
    sums = {site: sum(parts.values(), WMSQueueInfo()) for site, parts in axes.items()}
    return Statistics(sums, axes, spoilt)


def plain(data: Any, mapping: StatusMapping) -> Statistics:
    """Read `{site: {status: number}}`, the answer of older servers. Raises ValueError as `detailed` does."""
    queues, spoilt = _each(data, lambda statuses, what: _counts(statuses, what, mapping))
    return Statistics(queues, {}, spoilt)


def _each(data: Any, read: Callable[[Any, str], T]) -> tuple[dict[str, T], dict[str, str]]:
    """Read every site's record by itself; return those that are good, and why the others are not."""
    good: dict[str, T] = {}
    spoilt: dict[str, str] = {}
    for site, record in _object(data, "the statistics").items():
        try:
            good[site] = read(record, f"site {site!r:.80}")
        except ValueError as err:
            spoilt[site] = str(err)
    if spoilt and not good:
        raise ValueError(next(iter(spoilt.values())))
    return good, spoilt


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

    A record without a status, or that is no record, is left out: its queue's status is not known. Raises
    ValueError on any other shape.
    """
    found: dict[str, SiteInfo] = {}
    for name, record in _object(data, "the site data").items():
        status = record.get("status") if isinstance(record, dict) else None
        if isinstance(status, str) and status:
            attributes = {k: str(record[k]) for k in KEPT if record.get(k) not in (None, "")}
            found[name] = SiteInfo(status, str(record.get("cloud") or ""), attributes)
    return found
