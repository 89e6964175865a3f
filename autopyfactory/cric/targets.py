"""From a CE queue of a PanDA queue to the keys of a queue section; pure.

Units are those of HTCondor-CE and of our own options: memory in MB for the whole pilot, wall time in minutes.
CRIC has maxrss in MB, maxtime in seconds and ce_queue_maxwctime in minutes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from autopyfactory.condor.quoting import attr
from autopyfactory.cric import records
from autopyfactory.cric.records import CE, BadRecord, Record
from autopyfactory.model.hostport import HostPort

CONDOR_PORT = 9619
ARC_PORT = 443
OLD_ARC_PORT = 2811  # GridFTP, which is gone; the same host has REST now
USUAL_PORTS = (CONDOR_PORT, ARC_PORT)
MAX_RUNNING = 604_800  # seconds: a pilot that runs for a week is lost
GONE = frozenset({"cream-ce", "osg-ce", "globus", "lcg-ce", "gt2", "gt5"})
_NO_QUEUE = ("", "default")


def port(ce: CE) -> int:
    """Return the port of the CE: what CRIC says, or the usual one of its kind."""
    if ce.flavour == "arc-ce":
        return ARC_PORT if ce.port in (None, OLD_ARC_PORT) else ce.port
    return ce.port or CONDOR_PORT


def cores(record: Record) -> int:
    """Return the cores of one pilot; special_par's xcount wins, as in Harvester."""
    return _special_number(record, "xcount") or record.cores or 1


def wall_minutes(record: Record, ce: CE) -> int:
    """Return how long a pilot may run, in minutes; 0: nothing is told.

    special_par's maxWallTime (minutes) wins; else the shorter of what the PanDA queue and the CE queue allow.
    """
    special = _special_number(record, "maxwalltime")
    if special:
        return special
    limits = [m for m in (record.max_seconds // 60, ce.max_minutes) if m]
    return min(limits, default=0)


def queue_name(record: Record, ce: CE) -> str:
    """Return the CE's queue; empty when it is the default one."""
    queue = records.queue_name(record.special.get("queue") or ce.queue)
    return "" if queue in _NO_QUEUE else queue


def _special_number(record: Record, key: str) -> int:
    text = record.special.get(key)
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRecord(f"special_par: {key} is {text!r:.40}")
    return int(text)


def target(record: Record, ce: CE, plugins: Collection[str], defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the keys that say how pilots reach `ce`.

    `plugins` are the batch submit plugins that are installed, `defaults` is what the defaults file says.
    Raises BadRecord for a CE that cannot be served.
    """
    if ce.flavour == "htcondor-ce":
        return _condor_ce(record, ce, defaults)
    if ce.flavour == "arc-ce":
        if "CondorARC" not in plugins:
            raise BadRecord("an ARC CE, not reachable until the plugin CondorARC is installed")
        return _arc_ce(record, ce)
    if ce.flavour in GONE:
        raise BadRecord(f"ce_flavour is {ce.flavour}: nothing speaks that any more")
    raise BadRecord(f"ce_flavour is unknown: {ce.flavour!r:.40}")


def _condor_ce(record: Record, ce: CE, defaults: Mapping[str, str]) -> dict[str, str]:
    prefix = "batchsubmit.condorce"
    attributes = {"+xcount": str(cores(record)), "+voactivity": _string(record.type)}
    if record.memory_mb:
        attributes["+maxMemory"] = str(record.memory_mb)
    if queue_name(record, ce):
        attributes["+remote_queue"] = _string(queue_name(record, ce))
    minutes = wall_minutes(record, ce)
    if minutes:
        attributes["+maxWallTime"] = str(minutes)
    if not any("condor_attributes" in k and "remove" in (k + v).lower() for k, v in defaults.items()):
        attributes["periodic_remove"] = f"JobStatus == 2 && (time() - EnteredCurrentStatus) > {MAX_RUNNING}"
    return {
        "batchsubmitplugin": "CondorCE",
        f"{prefix}.gridresource": str(HostPort(ce.host, port(ce))) if ":" in ce.host else ce.host,
        f"{prefix}.port": str(port(ce)),
        **{f"{prefix}.condor_attributes.{k}": v for k, v in attributes.items()},
    }


def _arc_ce(record: Record, ce: CE) -> dict[str, str]:
    prefix = "batchsubmit.condorarc"
    minutes, queue = wall_minutes(record, ce), queue_name(record, ce)
    return {
        "batchsubmitplugin": "CondorARC",
        f"{prefix}.gridresource": f"https://{HostPort(ce.host, port(ce))}",
        f"{prefix}.rte": "ENV/PROXY",
        **({"batchsubmit.walltime": str(minutes)} if minutes else {}),
        **({"batchsubmit.queue": queue} if queue else {}),
    }


def _string(text: str) -> str:
    """Return `text` as a ClassAd string."""
    return str(attr(text))
