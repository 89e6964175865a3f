"""Which queue sections follow from records and selections, and why each was taken or left; no I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autopyfactory.config.registry import PluginError, find
from autopyfactory.cric import pilotversion, records, targets
from autopyfactory.cric.records import CE, BadRecord, Record
from autopyfactory.cric.selection import Selection, ce_why_not, why_not
from autopyfactory.model.declaration import UNDECLARED, Declaration

CHAIN = "Ready, Share, MaxPerCycle, StatusTest, StatusOffline, MaxPending"
BUILT_IN: Mapping[str, str] = {
    "schedplugin": CHAIN,
    "wmsstatusplugin": "Panda",
    "batchstatusplugin": "Condor",
    "sched.maxpercycle.maximum": "50",
    "sched.maxpending.maximum": "100",
    "sched.statustest.pilots": "1",
    "sched.statusoffline.pilots": "0",
}
"""What holds for a queue unless the selection's defaults file says something else."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one CE queue of a PanDA queue, or of a whole record (`ce` is empty then)."""

    record: str
    selection: str
    ce: str
    section: str | None  # the queue it became; None: it was left
    reason: str
    keys: Mapping[str, str] = field(default_factory=dict)
    broken: bool = False  # left because something is wrong, not because it was not wanted
    warning: str = ""  # what is not as the record wants it, of one that was taken


def plan(
    raw: Mapping[str, Any],
    selections: Mapping[str, Selection],
    defaults: Mapping[str, Mapping[str, str]],
    plugins: Collection[str],
) -> list[Verdict]:
    """Judge every raw record by each selection in turn.

    `defaults` are the keys of each selection's defaults file, `plugins` the batch submit plugins that are
    installed. A record belongs to the first selection that it fits.
    """
    verdicts: list[Verdict] = []
    for name in records.names(raw):
        try:
            record = records.record(raw, name)
        except BadRecord as err:
            verdicts.append(Verdict(name, "", "", None, str(err), broken=True))
            continue
        verdicts += _of_record(record, selections, defaults, plugins)
    return _unique(verdicts)


def _of_record(
    record: Record,
    selections: Mapping[str, Selection],
    defaults: Mapping[str, Mapping[str, str]],
    plugins: Collection[str],
) -> Iterator[Verdict]:
    reasons = []
    for selection_name, selection in selections.items():
        reason = why_not(record, selection)
        if reason is None:
            own = defaults.get(selection_name, {})
            yield from _taken(record, selection_name, selection, own, plugins)
            return
        reasons.append(reason if len(selections) == 1 else f"{selection_name}: {reason}")
    yield Verdict(record.name, "", "", None, "; ".join(reasons))


def _taken(
    record: Record,
    name: str,
    selection: Selection,
    defaults: Mapping[str, str],
    plugins: Collection[str],
) -> Iterator[Verdict]:
    if not record.queues:
        yield Verdict(record.name, name, "", None, "it has no CE", broken=True)
    for entry in record.queues:
        ce = None
        try:
            ce = records.ce(entry)
            reason = ce_why_not(ce)
            if reason is not None:
                yield Verdict(record.name, name, _ce_text(ce), None, reason)
                continue
            pilot = pilotversion.choose(record.pilot_version, defaults)
            keys = {
                **_common(record, selection, defaults),
                **pilot.keys,
                **targets.target(record, ce, plugins, defaults),
            }
        except ValueError as err:
            yield Verdict(record.name, name, _ce_text(ce) if ce else "?", None, str(err), broken=True)
            continue
        yield Verdict(
            record.name, name, _ce_text(ce), section_name(record, ce), "taken", keys, warning=pilot.warning
        )


def _ce_text(ce: CE) -> str:
    host = f"[{ce.host}]" if ":" in ce.host else ce.host
    return f"{host}:{targets.port(ce)} {ce.queue}".strip()


def section_name(record: Record, ce: CE) -> str:
    """Return `<PanDA queue>-<CE host>[-<port>][-<CE queue>]`; the port only when it is not the usual one."""
    port = targets.port(ce)
    parts = [record.name, ce.host, "" if port in targets.USUAL_PORTS else str(port), ce.queue]
    text = "-".join(p for p in parts if p)
    return "".join("_" if c in ":/=" else c for c in text)


def _common(record: Record, s: Selection, defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the keys that do not depend on the kind of CE."""
    keys = {
        "enabled": "True",
        "vo": record.vo,
        "cloud": record.cloud,
        "status": record.status,
        "wmsqueue": record.panda_resource,
        "batchqueue": record.name,
        "pilot.cores": str(targets.cores(record)),
        **({"pilot.memory": str(record.memory_mb)} if record.memory_mb else {}),
        "sched.share.weight": "1",
    }
    factor = 1 / s.jobs_per_pilot
    if s.factories > 1 and s.factory is not None:
        keys |= {"sched.share.factories": str(s.factories), "sched.share.factory": str(s.factory)}
    else:  # which factory this one is, is not told: each takes its part of every number, rounded up
        factor /= s.factories
    chain = _chain(defaults.get("schedplugin", CHAIN), factor != 1.0)
    if chain != defaults.get("schedplugin"):
        keys["schedplugin"] = chain
    if factor != 1.0:
        keys["sched.scale.factor"] = f"{factor:.6g}"
    return {k: v for k, v in keys.items() if v}


def _chain(text: str, scale: bool) -> str:
    """Return the chain with Share, which divides the work among a PanDA queue's CEs, and Scale if needed.

    They come after the rule that looks at the work; a chain that has none, or one that divides, stays.
    """
    names = [n.strip() for n in text.split(",") if n.strip()]
    divides = [n for n in names if _declares(n).part == "divides"]
    looks = [n for n in names if _declares(n).part == "starts" and "wms" in _needs(n)]
    missing = [*([] if divides else ["Share"]), *(["Scale"] if scale and "Scale" not in names else [])]
    if not missing or "%(" in text or not looks:
        return text
    at = names.index((divides or looks)[0]) + 1
    return ", ".join([*names[:at], *missing, *names[at:]])


def _declares(rule: str) -> Declaration:
    """Return what the rules of this name declare; nothing for a name that is not installed."""
    try:
        said: Declaration = find("sched", rule).declares
    except PluginError:  # told where the section is read
        return UNDECLARED
    return said


def _needs(rule: str) -> frozenset[str]:
    needs: frozenset[str] = find("sched", rule).needs
    return needs


def _unique(verdicts: list[Verdict]) -> list[Verdict]:
    """Make the names of the sections unique; the same CE queue listed twice is taken once."""
    known: set[tuple[str, str]] = set()
    used: set[str] = set()
    result = []
    for verdict in verdicts:
        name = verdict.section
        if name is not None and (verdict.record, verdict.ce) in known:
            verdict = replace(verdict, section=None, reason="listed twice", keys={}, broken=True)
        elif name is not None:
            known.add((verdict.record, verdict.ce))
            verdict = replace(verdict, section=_free(name, verdict, used))
        result.append(verdict)
    return result


def _free(name: str, verdict: Verdict, used: set[str]) -> str:
    """Return `name`, or if it is taken one with a mark that depends on what it names only."""
    if name in used:
        digest = hashlib.sha256(f"{verdict.record}\n{verdict.ce}".encode()).hexdigest()
        name = f"{name}~{digest[:10]}"
    used.add(name)
    return name
