"""Every key that 2.4 documents or reads is known: it works, or a warning says what replaced it."""

from __future__ import annotations

import pytest

from autopyfactory.config.registry import installed
from autopyfactory.options.problem import Problem
from configkit import Tree

FACTORY_KEYS = tuple(
    [
        "factoryAdminEmail",
        "factoryId",
        "factorySMTPServer",
        "factoryMinEmailRepeatSeconds",
        "factoryUser",
        "enablequeues",
        "queueConf",
        "queueDirConf",
        "authmanager.enabled",
        "authmanager.sleep",
        "authConf",
        "proxymanager.enabled",
        "proxymanager.sleep",
        "proxyConf",
        "monitorConf",
        "mappingsConf",
        "cycles",
        "cleanlogs.keepdays",
        "factory.sleep",
        "wmsstatus.panda.sleep",
        "wmsstatus.panda.maxage",
        "wmsstatus.condor.sleep",
        "wmsstatus.condor.maxage",
        "wmsstatus.queue.sleep",
        "wmsstatus.queue.maxage",
        "batchstatus.condor.sleep",
        "batchstatus.condor.maxage",
        "batchstatus.maxtime",
        "wmsstatus.maxtime",
        "wmsstatus.maximum",
        "batchhistory.condor.sleep",
        "batchhistory.condor.maxage",
        "batchhistory.condor.interval",
        "batchhistory.condor.mintime",
        "baseLogDir",
        "baseLogDirUrl",
        "logserver.enabled",
        "logserver.index",
        "logserver.allowrobots",
        "maxperfactory.maximum",
        "abort_no_queues",
        "config.reconfig",
        "config.reconfig.interval",
        "reconfig",
        "config.queues.plugin",
        "config.auth.plugin",
        "config.queues.agis.baseurl",
        "config.queues.agis.sleep",
        "config.queues.agis.vos",
        "config.queues.agis.clouds",
        "config.queues.agis.activities",
        "config.queues.agis.defaultsfiles",
        "config.queues.agis.defaultsfile",
        "config.queues.agis.pilotmanager",
        "config.queues.agis.jobsperpilot",
        "config.queues.agis.numfactories",
        "monitor",
        "monitor.section",
        "monitor.interval",
        "monitorURL",
        "versionTag",
        "baseLogHttpPort",
        "persistence.x",
        "wmsstatus.config.sleep",
        "configplugin",
    ]
)

QUEUE_KEYS = tuple(
    [
        "enabled",
        "wmsqueue",
        "batchqueue",
        "apfqueue.sleep",
        "schedplugin",
        "wmsstatusplugin",
        "batchstatusplugin",
        "batchsubmitplugin",
        "monitorsection",
        "cleanlogs.keepdays",
        "executable",
        "executable.arguments",
        "executable.defaultarguments",
        "batchstatus.condor.queryargs",
        "batchstatus.condor.scheddhost",
        "batchstatus.condor.scheddport",
        "batchstatus.condor.collectorhost",
        "batchstatus.condor.collectorport",
        "batchstatus.condorec2.queryargs",
        "wmsstatus.condor.queryargs",
        "wmsstatus.condor.queueskey",
        "wmsstatus.condor.scheddhost",
        "wmsstatus.condor.scheddport",
        "wmsstatus.condor.collectorhost",
        "wmsstatus.condor.collectorport",
        "wmsstatus.condor.password_file",
        "wmsstatus.queue.qname",
        "globusrsl.gram2.queue",
        "globusrsl.gram5.globusrsladd",
        "nordugridrsl.queue",
        "nordugridrsl.addenv.X",
        "factoryconf",
        "vo",
        "grid",
        "cloud",
        "status",
        "override",
        "autofill",
        "req",
        "hold",
        "remove",
        "creamattr",
        "periodic_hold",
        "periodic_remove",
        "sched.ready.offset",
        "sched.scale.factor",
        "sched.fixed.pilotspercycle",
        "sched.maxpercycle.maximum",
        "sched.minpercycle.minimum",
        "sched.maxpending.maximum",
        "sched.maxpending.allow_negative",
        "sched.minpending.minimum",
        "sched.maxtorun.maximum",
        "sched.keepnrunning.keep_running",
        "sched.statustest.pilots",
        "sched.statusoffline.pilots",
        "sched.throttle.interval",
        "sched.throttle.maxtime",
        "sched.throttle.ratio",
        "sched.throttle.submit",
        "sched.keepnqueuelife.njobs",
        "sched.weightedactivated.activated",
        "sched.weightedactivated.pending",
        "sched.fillactivated.default",
        "sched.statustest.allowed",
        "sched.statusoffline.allowed",
        "sched.trivial.x",
        "sched.simple.x",
        "sched.activated.x",
        "max_jobs_torun",
        "max_pilots_per_cycle",
        "min_pilots_per_cycle",
        "min_pilots_pending",
        "max_pilots_pending",
        "testmode.allowed",
        "testmode.pilots",
        "batchsubmit",
        "batchsubmit.condorosgce.remote_condor_schedd",
        "batchsubmit.condorosgce.remote_condor_collector",
        "batchsubmit.condorgt2.queue",
        "batchsubmit.condorosgce.gridresource",
        "batchsubmit.condorosgce.port",
        "batchsubmit.condorosgce.environ",
        "batchsubmit.condorosgce.condor_attributes",
        "batchsubmit.condorosgce.condor_attributes.+x",
        "batchsubmit.condorosgce.proxy",
        "batchsubmit.condorosgce.proxyfile",
        "batchsubmit.condorosgce.submitargs",
        "batchsubmit.condorosgce.peaceful",
        "batchsubmit.condorosgce.killorder",
        "batchsubmit.condorosgce.overlay.peaceful",
        "batchsubmit.condorce.environ",
        "batchsubmit.condorgrid.environ",
        "batchsubmit.condorbase.environ",
        "batchsubmit.condorcream.webservice",
        "batchsubmit.condorcream.port",
        "batchsubmit.condorcream.batch",
        "batchsubmit.condorgt5.gridresource",
        "batchsubmit.condorgram.gram.queue",
        "batchsubmit.condornordugrid.gridresource",
        "batchsubmit.condorlsf.environ",
        "batchsubmit.condorpbs.environ",
        "batchsubmit.condorlocal.proxy",
        "batchsubmit.condorlocal.environ",
        "batchsubmit.condorssh.batch",
        "batchsubmit.condorssh.host",
        "batchsubmit.condorssh.port",
        "batchsubmit.condorssh.user",
        "batchsubmit.condorssh.authprofile",
        "batchsubmit.condorec2.gridresource",
        "batchsubmit.condorec2.access_key_id",
        "batchsubmit.condorec2.secret_access_key",
        "batchsubmit.condorec2.ami_id",
        "batchsubmit.condorec2.instance_type",
        "batchsubmit.condorec2.user_data",
        "batchsubmit.condorec2.user_data_file",
        "batchsubmit.condorec2.spot_price",
        "batchsubmit.condorec2.security_groups",
        "batchsubmit.condorec2.usessh",
        "batchsubmit.condorec2.peaceful",
        "batchsubmit.condordeltacloud.username",
    ]
)

QUEUE = """[Q]
enabled = True
schedplugin = Fixed
batchsubmitplugin = CondorLocal
batchstatusplugin = Condor
"""


def told(tree: Tree, key: str, factory: str, queue: str) -> list[Problem]:
    """Return the problems about `key`; a file with all keys at once would hide what one alone says."""
    tree.write(factory=factory, queues=queue)
    return [p for p in tree.load(installed()).problems if p.key == key]


@pytest.mark.parametrize("key", FACTORY_KEYS)
def test_a_key_of_the_factory(tree: Tree, key: str) -> None:
    core = {"factoryId": "t", "baseLogDir": "/l", "queueConf": "queues.conf"}
    texts = {**core, key: core.get(key, "File" if "plugin" in key else "None")}
    factory = "[Factory]\n" + "".join(f"{k} = {v}\n" for k, v in texts.items())
    for problem in told(tree, key, factory, QUEUE):
        assert problem.severity == "warning"
        assert problem.hint


@pytest.mark.parametrize("key", QUEUE_KEYS)
def test_a_key_of_a_queue(tree: Tree, key: str) -> None:
    factory = "[Factory]\nfactoryId = t\nbaseLogDir = /l\nqueueConf = queues.conf\n"
    queue = QUEUE if f"\n{key} =" in QUEUE else f"{QUEUE}{key} = None\n"
    for problem in told(tree, key, factory, queue):
        assert (problem.severity, problem.message) != ("error", "unknown key")
        assert problem.severity == "warning"
        assert problem.hint


def test_a_key_of_an_earlier_adaptive(tree: Tree) -> None:
    factory = "[Factory]\nfactoryId = t\nbaseLogDir = /l\nqueueConf = queues.conf\n"
    queue = QUEUE.replace("Fixed", "Adaptive")
    (problem,) = told(tree, "sched.adaptive.unmatched", factory, f"{queue}sched.adaptive.unmatched = 600\n")
    assert (problem.severity, "sched.adaptive.hold" in problem.hint) == ("warning", True)
    (problem,) = told(tree, "sched.adaptive.patience", factory, f"{queue}sched.adaptive.patience = 60\n")
    assert problem.severity == "error"  # seconds, as it was; today it is a part of the latency


def test_a_factory_wide_limit_with_the_family_of_rules_before_it(tree: Tree) -> None:
    """A cap that does not hold is an error; the nearest spelling would have been another rule's."""
    factory = "[Factory]\nfactoryId = t\nbaseLogDir = /l\nqueueConf = queues.conf\n"
    key = "sched.maxperfactory.maximum"
    (problem,) = told(tree, key, factory, f"{QUEUE}{key} = 100\n")
    assert problem.severity == "error"
    assert problem.hint == "did you mean maxperfactory.maximum in [Factory]?"
