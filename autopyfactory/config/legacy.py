"""Names of 2.4 that no longer do anything, and what to use instead.

A key stands here only if nothing reads it: a plugin that declares a key, by its name or as a legacy name,
comes first. So a row may stay when a plugin for it is installed later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gone:
    """A plugin of 2.4 whose technology is gone: why, and the plugin that takes its place (if one does)."""

    why: str
    replacement: str | None = None
    how: str = ""


_GRAM = Gone(
    "Globus GRAM is gone: neither Globus nor HTCondor supports it any more",
    "CondorCE",
    "the site's HTCondor-CE, or CondorARC for an ARC CE",
)

GONE: dict[tuple[str, str], Gone] = {
    ("batchsubmit", "CondorGT2"): _GRAM,
    ("batchsubmit", "CondorGT5"): _GRAM,
    ("batchsubmit", "CondorGRAM"): _GRAM,
    ("batchsubmit", "CondorCREAM"): Gone(
        "CREAM is gone: its support ended in 2020 and HTCondor removed it",
        "CondorCE",
        "the HTCondor-CE that took the site's CREAM CE over, or CondorARC for an ARC CE",
    ),
    ("batchsubmit", "CondorDeltaCloud"): Gone(
        "DeltaCloud is gone: the project ended in 2015 and HTCondor removed it", "CondorEC2"
    ),
    ("batchsubmit", "Euca"): Gone("Eucalyptus is reached by its EC2 interface", "CondorEC2"),
    ("batchstatus", "Euca"): Gone("cloud nodes are counted as pilots in the schedd", "Condor"),
    ("batchstatus", "CondorEC2"): Gone("cloud nodes are counted as pilots in the schedd", "Condor"),
    ("wmsstatus", "CondorLocal"): Gone("a local pool is a pool like any other", "Condor"),
    ("wmsstatus", "CloudWMS"): Gone("it never worked in 2.4", "Condor"),
    ("sched", "Activated"): Gone(
        "one scheduler that did everything was replaced by a chain of small ones",
        "Ready",
        "for instance schedplugin = Ready, MaxPerCycle, MaxPending",
    ),
    ("sched", "SimpleNQueue"): Gone("it was never finished", "KeepNRunning"),
    ("sched", "Simple"): Gone("it was replaced by a chain of small schedulers", "Ready"),
    ("sched", "Trivial"): Gone("it was replaced by a chain of small schedulers", "Fixed"),
    ("queueconfig", "Agis"): Gone("AGIS was replaced by CRIC", "CRIC"),
    ("queueconfig", "AGIS"): Gone("AGIS was replaced by CRIC", "CRIC"),
    ("queueconfig", "PandaConfig"): Gone("schedconfig was replaced by CRIC", "CRIC"),
    ("queueconfig", "URLConfig"): Gone("queueConf takes URLs itself", "File"),
    ("monitor", "Panda"): Gone("it never did anything", "APF"),
    ("auth", "GSISSH"): Gone("GSI-SSH is gone with Globus", "SSH"),
}


@dataclass(frozen=True, slots=True)
class LegacyKey:
    """A key, or a family of keys, that nothing reads any more, and what to do about it."""

    pattern: re.Pattern[str]
    message: str
    hint: str
    keep: bool = False  # whether a migrated file still says it, since somebody has to decide what it becomes


def _rows(*rows: tuple[str, str, str] | tuple[str, str, str, bool]) -> tuple[LegacyKey, ...]:
    return tuple(LegacyKey(re.compile(row[0]), *row[1:]) for row in rows)


_NEVER = "had no effect in 2.4 either"
_REMOVE = "remove it"

ONE_OVER_MANY = (
    "name the CEs in one queue, batchsubmit.ces = a, b; or give each CE a queue of its own, all with the"
    " same wmsqueue, and let Share divide the work: schedplugin = Ready, Share, MaxPerCycle"
)

FACTORY_KEYS = _rows(
    (
        r"(auth|proxy)manager\.(enabled|sleep)",
        "credentials are looked after whenever authConf names profiles",
        _REMOVE,
    ),
    (
        r"(batch|wms)status\.(maxtime|maximum)",
        "there is one age limit per source now",
        "use batchstatus.condor.maxage and wmsstatus.<plugin>.maxage",
    ),
    (r"batchhistory\..*", "the factory keeps the history of its pilots itself", _REMOVE),
    (r"config\.auth\.plugin", "authConf is read whenever it is set", _REMOVE),
    (
        r"config\.queues\.agis\..*",
        "AGIS was replaced by CRIC",
        "use config.queues.plugin = File, CRIC and the keys config.queues.cric.*",
    ),
    (r"monitor|monitor\.(section|interval)|monitorURL", _NEVER, "name the monitors in monitorConf"),
    (
        r"logserver\.(enabled|index|allowrobots)",
        "the built-in log server is gone",
        "serve baseLogDir with a web server and set baseLogDirUrl to where it is seen",
    ),
    (r"baseLogHttpPort", "the port is part of baseLogDirUrl", _REMOVE),
    (r"versionTag|persistence\..*|wmsstatus\.config\.sleep", "has had no effect since 2.0", _REMOVE),
    (r"batchstatus\.condorec2\..*", "cloud nodes are counted by the batch status plugin Condor", _REMOVE),
    (
        r"wmsstatus\.(panda|queue|condor)\.(sleep|maxage)",
        "sets a WMS status plugin that is not installed",
        _REMOVE,
    ),
)

PROXY = r"batchsubmit\.\w+\.proxy"
FILES = "name the file itself: .proxyfile, or .tokenfile"

QUEUE_KEYS = _rows(
    (r"sched\.(statustest|statusoffline)\.allowed", _NEVER, "set .pilots to send pilots in that state"),
    (
        r"sched\.(trivial|simple|activated|simplenqueue)\..*",
        "that scheduler was replaced by a chain of small ones",
        "see schedplugin",
    ),
    (
        r"sched\.adaptive\.unmatched",
        "jobs that fit no pilot are held back by the jobs now, not by the pilots beside them",
        "sched.adaptive.hold says for how long; its default does",
    ),
    (
        r"(max_jobs_torun|(max|min)_pilots_per_cycle|(max|min)_pilots_pending|testmode\..*)",
        "belongs to a scheduler that was replaced by a chain of small ones",
        "see schedplugin",
    ),
    (r"batchsubmit", _NEVER, "the key is batchsubmitplugin"),
    (r"(batchsubmit\.condor(gt2|gt5|gram)|globusrsl)\..*", "Globus GRAM is gone", "remove it; see CondorCE"),
    (r"batchsubmit\.condorcream\..*|cream_?attr(ibutes)?", "CREAM is gone", "remove it; see CondorCE"),
    (r"batchsubmit\.condordeltacloud\..*", "DeltaCloud is gone", "remove it; see CondorEC2"),
    (
        r"(batchsubmit\.condornordugrid|nordugridrsl)\..*",
        "ARC's GridFTP interface is gone",
        "use CondorARC, which reads these keys",
    ),
    (
        r"batchsubmit\.condor(lsf|pbs)\..*",
        "HTCondor has one grid type for all batch systems now",
        "use CondorBatch and its keys",
    ),
    (
        r"batchsubmit\.\w+\.submitargs",
        "pilots are not sent by condor_submit any more (nor since 2.4.15)",
        "use .condor_attributes, and batchstatus.condor.schedd for another schedd",
    ),
    (
        r"batchsubmit\.\w+\.remote_condor_(schedd|collector)",
        _NEVER,
        "use batchstatus.condor.schedd and batchstatus.condor.collector",
    ),
    (
        r"batchsubmit\.\w+\.(overlay\.)?(peaceful|killorder)",
        "pilots that do not run yet are taken back first, running ones never",
        _REMOVE,
    ),
    (r"batchsubmit\.exec\.proxy", "pilots on this host use its own credentials", _REMOVE),
    (r"batchstatus\.condorec2\..*", "cloud nodes are counted by the batch status plugin Condor", _REMOVE),
    (
        r"wmsstatus\.condor\.password_file",
        _NEVER,
        "give the factory a token for the pool: wmsstatus.condor.tokendir",
    ),
    (
        PROXY,
        "this plugin takes no credential profiles",
        FILES,
        True,
    ),
    (
        r"batchsubmit\.condorssh\.authprofile",
        "this plugin takes no credential profiles",
        "name the key's file: batchsubmit.condorssh.privkeyfile",
    ),
    (
        r"(batchsubmit\.condor(ssh|ec2|arc|batch)|wmsstatus\.(panda|queue))\..*",
        "belongs to a plugin that is not installed",
        _REMOVE,
    ),
    (r"klass", "what a parent of queues is, its childlist says", _REMOVE),
    (r"factoryconf", "a queue takes its factory from the file given with --conf", _REMOVE),
)

AUTH_KEYS = _rows(
    (
        r"(x509\.)?remote_(host|user|owner|group)",
        "a proxy was never sent to another host",
        "remove it; copy it by other means",
    ),
    (r"(x509\.)?(initdelay|interruptcheck)", "has had no effect since 2.4.11", _REMOVE),
    (r"ssh\.passwordfile", _NEVER, "use ssh.privkeypassfile"),
)


def retired(table: tuple[LegacyKey, ...], key: str) -> LegacyKey | None:
    """Return what is known about `key` if it is one that nothing reads any more."""
    return next((row for row in table if row.pattern.fullmatch(key)), None)


_GATEKEEPER = re.compile(r"[\w.-]+(:\d+)?/\S+|[\w.-]+:\d+")


def of_another_time(texts: Mapping[str, str]) -> tuple[str, str] | None:
    """Return what a section without a submit plugin is, and what to do, if it is one of another file format.

    AutoPyFactory 1.x named a queue's CE and batch system by `queue = host:port/kind`, and its site by
    `nickname`. Others set one parent (`klass`) over the queues of several CEs (`childlist`).
    """
    if texts.get("batchsubmitplugin"):
        return None
    if "klass" in texts or "childlist" in texts:
        return "is a parent of other queues, not a queue", ONE_OVER_MANY
    if "nickname" in texts or _GATEKEEPER.fullmatch(texts.get("queue", "")):
        how = "docs/migration.md tells what becomes of its keys"
        return "is a queue of AutoPyFactory 1.x, from before there were plugins", f"write it anew: {how}"
    return None


def gone(kind: str, name: str) -> Gone | None:
    """Return what became of a plugin of 2.4, if its technology is gone."""
    wanted = (kind, name.lower())
    return next((g for (k, n), g in GONE.items() if (k, n.lower()) == wanted), None)
