"""Every plugin that is installed keeps the contract of its kind."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from autopyfactory.config.fetch import READING, reading
from autopyfactory.config.registry import find, installed
from autopyfactory.options.common import FactoryOptions
from autopyfactory.options.declare import specs
from autopyfactory.options.section import Section
from autopyfactory.plugins.processes import pilots
from autopyfactory.testing import (
    BatchStatusContract,
    BatchSubmitContract,
    MonitorContract,
    PluginContract,
    QueueConfigContract,
    SchedContract,
    SourceContract,
    SubmissionContract,
    WMSStatusContract,
)
from autopyfactory.testing.plugin import FACTORY
from servers.apfmon import APFMon
from servers.base import HttpServer
from servers.cric import CRIC
from servers.panda import PandaServer, Token
from servers.rest import Dirac

NOBODY = "http://127.0.0.1:9"  # the port of `discard`, where nobody listens
JOBS = '{"jobs": [{"partition": "A-work", "job_state": ["PENDING"], "user_name": "u"}]}'
SQUEUE = f"#!/bin/sh\necho '{JOBS}'\n"


def program(folder: Path, text: str) -> str:
    path = folder / "program"
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


class Served:
    """A contract whose system is a server of this test."""

    server: ClassVar[type[HttpServer]]

    @pytest.fixture(autouse=True)
    def _served(self) -> Any:
        with self.server() as self.running:
            yield


class File(WMSStatusContract):
    keys: ClassVar = {"wmsstatus.file.path": "/nowhere"}

    def working(self, folder: Path) -> dict[str, str]:
        (folder / "counts").write_text("A-work ready 3\nB-work running 1\n")
        return {"wmsstatus.file.path": str(folder / "counts")}

    def broken(self, folder: Path) -> dict[str, str]:
        return {"wmsstatus.file.path": str(folder / "none")}


class Command(WMSStatusContract):
    keys: ClassVar = {"wmsstatus.command.command": "/bin/echo A-work ready 3"}

    def working(self, folder: Path) -> dict[str, str]:
        return {**self.keys}

    def broken(self, folder: Path) -> dict[str, str]:
        return {"wmsstatus.command.command": "/bin/false"}


class Slurm(WMSStatusContract):
    def working(self, folder: Path) -> dict[str, str]:
        return {"wmsstatus.slurm.squeue": program(folder, SQUEUE)}

    def broken(self, folder: Path) -> dict[str, str]:
        return {"wmsstatus.slurm.squeue": "/bin/false"}


class REST(Served, WMSStatusContract):
    server = Dirac
    keys: ClassVar = {"wmsstatus.rest.url": NOBODY, "wmsstatus.rest.preset": "dirac"}

    def working(self, folder: Path) -> dict[str, str]:
        return {**self.keys, "wmsstatus.rest.url": self.running.url}

    def broken(self, folder: Path) -> dict[str, str]:
        return {**self.keys}


class Panda(Served, WMSStatusContract):
    server = PandaServer
    keys: ClassVar = {"wmsstatus.panda.url": NOBODY}

    def working(self, folder: Path) -> dict[str, str]:
        return {"wmsstatus.panda.url": self.running.url}

    def broken(self, folder: Path) -> dict[str, str]:
        return {**self.keys}


class PandaUPS(Served, WMSStatusContract):
    server = PandaServer
    keys: ClassVar = {"wmsstatus.pandaups.url": NOBODY}

    def working(self, folder: Path) -> dict[str, str]:
        self.running.state.tokens["good"] = Token()
        (folder / "token").write_text("good")
        keys = {"url": self.running.url, "tokenfile": str(folder / "token"), "origin": "atlas.production"}
        return {f"wmsstatus.pandaups.{k}": v for k, v in keys.items()}

    def broken(self, folder: Path) -> dict[str, str]:
        return {**self.keys}


class QueueSource(SourceContract):
    """What it answers depends on another queue's cycles: see test_queue."""

    kind = "wmsstatus"
    keys: ClassVar = {"wmsstatus.queue.qname": "OTHER"}


class CondorWork(SourceContract):
    """What it answers is tested on a real pool, in tests/grid."""

    kind = "wmsstatus"


class CondorPilots(SourceContract):
    """As above."""

    kind = "batchstatus"


class ExecPilots(BatchStatusContract):
    def working(self, folder: Path) -> dict[str, str]:
        return {}

    def broken(self, folder: Path) -> None:
        return None  # the machine has a process table


class CondorSubmit(BatchSubmitContract):
    """What it sends is tested on real schedds, in tests/grid."""

    status = find("batchstatus", "Condor")
    keys: ClassVar = {
        "batchsubmit.condorce.gridresource": "ce.example.org",
        "batchstatus.condor.schedd": "schedd@ap",
    }
    status_keys: ClassVar = {"batchstatus.condor.queryargs": "-name schedd@ap"}


class ToBatch(CondorSubmit):
    keys: ClassVar = {**CondorSubmit.keys, "batchsubmit.condorbatch.kind": "pbs"}


class ToSSH(CondorSubmit):
    keys: ClassVar = {
        **CondorSubmit.keys,
        "batchsubmit.condorssh.host": "login.example.org",
        "batchsubmit.condorssh.batch": "slurm",
    }


class ToARC(CondorSubmit):
    keys: ClassVar = {**CondorSubmit.keys, "batchsubmit.condorarc.gridresource": "arc.example.org"}


class ToEC2(CondorSubmit):
    keys: ClassVar = {
        **CondorSubmit.keys,
        "batchsubmit.condorec2.gridresource": "https://ec2.eu-west-1.example.org/",
        "batchsubmit.condorec2.access_key_id": "/keys/id",
        "batchsubmit.condorec2.secret_access_key": "/keys/secret",
        "batchsubmit.condorec2.ami_id": "ami-1",
        "batchsubmit.condorec2.instance_type": "m5.large",
    }


class ToGCE(CondorSubmit):
    keys: ClassVar = {
        **CondorSubmit.keys,
        "batchsubmit.condorgce.project": "p",
        "batchsubmit.condorgce.zone": "z",
        "batchsubmit.condorgce.image": "i",
        "batchsubmit.condorgce.machine_type": "t",
        "batchsubmit.condorgce.auth_file": "/keys/gce",
    }


class ToAzure(CondorSubmit):
    keys: ClassVar = {
        **CondorSubmit.keys,
        "batchsubmit.condorazure.gridresource": "s",
        "batchsubmit.condorazure.image": "i",
        "batchsubmit.condorazure.location": "l",
        "batchsubmit.condorazure.size": "s",
        "batchsubmit.condorazure.auth_file": "/keys/azure",
        "batchsubmit.condorazure.admin_username": "a",
        "batchsubmit.condorazure.admin_key": "/keys/azure.pub",
    }


class ExecSubmit(SubmissionContract):
    status = find("batchstatus", "Exec")
    queue_options: ClassVar = {"executable": "/bin/sleep", "arguments": "60"}
    folder = Path("/nowhere")

    @pytest.fixture(autouse=True)
    def _own(self, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
        self.folder = tmp_path
        yield
        factory = self.make("A").context.factory.factory_id
        for pilot in pilots():
            if pilot.factory == factory and pilot.queue in ("A", "B"):
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(pilot.pid, signal.SIGTERM)

    def working(self, folder: Path) -> dict[str, str]:
        return {}

    def broken(self, folder: Path) -> None:
        return None  # an executable that is not there: see test_exec

    def factory(self) -> FactoryOptions:
        return FACTORY.model_copy(
            update={"base_log_dir": str(self.folder / "logs"), "factory_id": f"contract-{self.folder}"}
        )


class FileQueues(QueueConfigContract):
    """Its files are named by options of [Factory]."""

    files: tuple[str, ...] = ()

    def factory(self) -> FactoryOptions:
        return FACTORY.model_copy(update={"queue_conf": self.files})

    def working(self, folder: Path) -> dict[str, str]:
        (folder / "queues.conf").write_text("[DEFAULT]\nwmsqueue = W\n[A]\nenabled = True\n")
        self.files = (str(folder / "queues.conf"),)
        return {}

    def broken(self, folder: Path) -> dict[str, str]:
        self.files = (str(folder / "none.conf"),)
        return {}


class CRICQueues(Served, QueueConfigContract):
    """Which records become queues: see test_cric."""

    server = CRIC

    def make(self, queue: str = "QUEUE", keys: Mapping[str, str] | None = None) -> Any:
        plugin = super().make(queue, keys)
        chosen = {"vo": "atlas", "cloud": "CERN", "defaultsfile": str(self.defaults)}
        plugin.sections = {"CRIC cern": Section.from_texts("CRIC cern", chosen)}
        return plugin

    @pytest.fixture(autouse=True)
    def _alone(self, tmp_path: Path) -> Any:
        self.defaults = tmp_path / "defaults.conf"
        self.defaults.write_text("[DEFAULT]\nexecutable = /bin/true\n")
        token = READING.set(replace(reading(), copies=None))
        yield
        READING.reset(token)

    def working(self, folder: Path) -> dict[str, str]:
        return {"config.queues.cric.url": self.running.source}

    def broken(self, folder: Path) -> dict[str, str]:
        return {"config.queues.cric.url": NOBODY}


class APF(Served, MonitorContract):
    server = APFMon
    keys: ClassVar = {"monitorURL": NOBODY}

    def working(self, folder: Path) -> dict[str, str]:
        return {"monitorURL": f"{self.running.url}/api"}

    def broken(self, folder: Path) -> dict[str, str]:
        return {**self.keys}


class Dummy(MonitorContract):
    def working(self, folder: Path) -> dict[str, str]:
        return {}

    def broken(self, folder: Path) -> None:
        return None  # it tells nobody


CONTRACTS: dict[str, dict[str, type[PluginContract]]] = {
    "wmsstatus": {
        "File": File,
        "Command": Command,
        "Slurm": Slurm,
        "REST": REST,
        "Panda": Panda,
        "PandaUPS": PandaUPS,
        "Queue": QueueSource,
        "Condor": CondorWork,
    },
    "batchstatus": {"Condor": CondorPilots, "Exec": ExecPilots},
    "batchsubmit": {
        "CondorCE": CondorSubmit,
        "CondorOSGCE": CondorSubmit,
        "CondorLocal": CondorSubmit,
        "CondorBatch": ToBatch,
        "CondorSlurm": CondorSubmit,
        "CondorPBS": CondorSubmit,
        "CondorLSF": CondorSubmit,
        "CondorSGE": CondorSubmit,
        "CondorSSH": ToSSH,
        "CondorARC": ToARC,
        "CondorNordugrid": ToARC,
        "CondorEC2": ToEC2,
        "CondorGCE": ToGCE,
        "CondorAzure": ToAzure,
        "Exec": ExecSubmit,
    },
    "queueconfig": {"File": FileQueues, "CRIC": CRICQueues, "Agis": CRICQueues},
    "monitor": {"APF": APF, "Dummy": Dummy},
    "sched": {name: SchedContract for name in installed().names("sched")},
}


ODD = {"sched.hours.open": "Mon-Fri 20:00-06:00"}


def numbers(rule: type[Any]) -> dict[str, str]:
    """Return keys that set each number without which a rule does nothing."""
    return {
        s.keys[0]: ODD.get(s.keys[0], "5") for s in specs(rule.Options) if s.field in rule.declares.numbers
    }


@pytest.mark.parametrize("kind", CONTRACTS)
def test_every_installed_plugin_has_its_contract(kind: str) -> None:
    assert set(installed().names(kind)) == set(CONTRACTS[kind])


for _name in installed().names("sched"):
    _rule = find("sched", _name)
    if numbers(_rule):
        _parts = {"plugin": _rule, "entry": _name, "keys": numbers(_rule)}
        globals()[f"Test_sched_{_name}_set"] = type(f"Test_sched_{_name}_set", (SchedContract,), _parts)

for _kind, _classes in CONTRACTS.items():
    for _name, _contract in _classes.items():
        _cls = type(f"Test_{_kind}_{_name}", (_contract,), {"plugin": find(_kind, _name), "entry": _name})
        globals()[_cls.__name__] = _cls
