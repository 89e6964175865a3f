"""Contract tests: what every plugin must do, ours or not. The plugin author's guide is docs/plugins.md.

A test module says which plugin and with which keys; pytest finds the tests in the class that is inherited:

    class TestHalf(SchedContract):
        plugin = Half
        keys = {"sched.half.floor": "2"}
"""

from autopyfactory.testing.auth import AuthContract
from autopyfactory.testing.batchstatus import BatchStatusContract
from autopyfactory.testing.batchsubmit import BatchSubmitContract, SubmissionContract
from autopyfactory.testing.monitor import MonitorContract
from autopyfactory.testing.plugin import PluginContract
from autopyfactory.testing.queueconfig import QueueConfigContract
from autopyfactory.testing.sched import SchedContract
from autopyfactory.testing.source import SourceContract
from autopyfactory.testing.wmsstatus import WMSStatusContract

__all__ = [
    "AuthContract",
    "BatchStatusContract",
    "BatchSubmitContract",
    "MonitorContract",
    "PluginContract",
    "QueueConfigContract",
    "SchedContract",
    "SourceContract",
    "SubmissionContract",
    "WMSStatusContract",
]
