"""The policies that are compared, each in settings that span what it can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from autopyfactory.model.decision import Rule
from autopyfactory.simulate.chain import from_texts
from autopyfactory.simulate.models import Workload
from autopyfactory.simulate.references.glideinwms import GlideinWMS
from autopyfactory.simulate.references.harvester import Harvester

OURS = "Adaptive"
ANY = 10**6  # no limit
Chain = Sequence[Rule]
Settings = Mapping[str, Any]  # of a reference's rule, by name


@dataclass(frozen=True, slots=True)
class Policy:
    """One setting of a policy; `family` is what it is a setting of."""

    family: str
    label: str
    chain: Callable[[Workload], Chain]  # makes the rules of one queue; called for every queue and run anew
    pool: bool = False  # it looks at the pool of pilots, as a frontend does
    default: bool = False  # as it comes, or as its documentation says


def ready(
    factor: float, per_cycle: int, pending: int, by: str = "weight", *, default: bool = False
) -> Policy:
    """Return the usual chain of AutoPyFactory. Its pilots that just started count as pending (`starting`)."""

    def chain(workload: Workload) -> Chain:
        payloads = workload.sites[0].payloads
        share = ("Share",) if len(workload.sites) > 1 else ()
        texts = {
            "schedplugin": ",".join((*_work(payloads), *share, "Scale", "MaxPerCycle", "MaxPending")),
            "sched.weightedactivated.activated": str(1 / payloads),
            "sched.scale.factor": str(factor),
            "sched.share.by": by,
            "sched.maxpercycle.maximum": str(per_cycle),
            "sched.maxpending.maximum": str(pending),
        }
        return from_texts({k: v for k, v in texts.items() if _used(k, texts["schedplugin"])}).chain

    label = f"factor {factor:g}, {_or_any(per_cycle)} per cycle, {_or_any(pending)} pending"
    label += ", shared by throughput" if by == "throughput" else ""
    return Policy("Ready", label, chain, default=default)


def _work(payloads: int) -> tuple[str, ...]:
    """Return the rule that looks at the work; where pilots run several jobs, people take the other one."""
    return ("Ready",) if payloads == 1 else ("WeightedActivated",)


def _used(key: str, chain: str) -> bool:
    return "." not in key or key.split(".")[1] in chain.lower()


def glideinwms(label: str, settings: Settings | None = None, *, default: bool = False) -> Policy:
    """Return the formulas of glideinWMS with `settings`."""

    def chain(workload: Workload) -> Chain:
        return (GlideinWMS(payloads=workload.sites[0].payloads, **(settings or {})),)

    return Policy("glideinWMS", label, chain, pool=True, default=default)


def harvester(label: str, settings: Settings | None = None, *, default: bool = False) -> Policy:
    """Return the formula of Harvester with `settings`."""

    def chain(workload: Workload) -> Chain:
        return (Harvester(payloads=workload.sites[0].payloads, **(settings or {})),)

    return Policy("Harvester", label, chain, default=default)


def adaptive(label: str = "defaults", options: Mapping[str, str] | None = None) -> Policy:
    """Return Adaptive with `options` beside its defaults."""

    def chain(workload: Workload) -> Chain:
        payloads = str(workload.sites[0].payloads)
        texts = {"schedplugin": "Adaptive,Share", "sched.adaptive.payloads": payloads, **(options or {})}
        return from_texts(texts).chain

    return Policy(OURS, label, chain, default=not options)


def references() -> Iterator[Policy]:
    """Yield the reference policies in all settings, as they come first."""
    yield ready(1.0, 100, 100, default=True)
    for factor, pending in product((1.0, 0.5), (20, ANY)):
        yield ready(factor, ANY, pending)
    yield from (ready(1.0, 10, 20), ready(1.0, 20, ANY), ready(0.25, ANY, ANY), ready(0.5, 20, 50))
    yield from (ready(f, ANY, p, "throughput") for f, p in ((1.0, ANY), (1.0, 100), (0.5, ANY)))
    yield glideinwms("defaults", default=True)
    yield from _glideinwms()
    yield harvester("defaults", default=True)
    yield from _harvester()


def _glideinwms() -> Iterator[Policy]:
    wide = {"max_idle": 1000, "max_submits": 1000}
    fast = {**wide, "attenuation": 1.0}
    five = {"removal": "IDLE", "requests_tracking": True}
    every = {**five, "max_removes": ANY}
    no_curbs = {"idle_curb": ANY, "idle_curb_total": ANY}
    removals = {"no removal": {}, "5 removed per cycle": five, "unlimited removal": every}
    for attenuation, (words, removal) in product((1.0, 2.0, 3.0), removals.items()):
        label = f"attenuation {attenuation:g}, {words}"
        yield glideinwms(label, {**wide, **removal, "attenuation": attenuation})
    yield glideinwms("attenuation 1, no curbs, no removal", {**fast, **no_curbs})
    yield glideinwms("attenuation 1, no curbs, unlimited removal", {**fast, **no_curbs, **every})
    yield glideinwms("attenuation 1, unlimited removal, margin 10", {**fast, **every, "margin": 10})
    more = {**fast, **every, "fraction_running": 1.5}
    yield glideinwms("attenuation 1, unlimited removal, 1.5 running", more)


def _harvester() -> Iterator[Policy]:
    for limit in (20, 50, 100, 1000):
        label = f"queue limit {limit}, none without jobs"
        yield harvester(label, {"min_pilots": 0, "queue_limit": limit, "max_new": limit})
    wide = {"min_pilots": 0, "queue_limit": 1000, "max_new": 1000}
    for ratio, least in ((30, 10), (50, 100), (200, 10)):
        label = f"queued at most {ratio} % of running and {least}, none without jobs"
        yield harvester(label, {**wide, "ratio": ratio, "ratio_min": least})


def _or_any(n: int) -> str:
    return "any" if n >= ANY else str(n)
