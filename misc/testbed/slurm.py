"""A Slurm cluster of one node on 127.0.0.1: controller, node and REST server, all run by an ordinary user.

Slurm wants no root here: the daemons, the users of the cluster and its jobs are all the same user. Who is
who is proven by munge, over REST by a token.
"""

import json
import os
import pwd
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testbed import blahp
from testbed.commands import run
from testbed.condor import Condor
from testbed.errors import TestbedError
from testbed.folder import folder
from testbed.ports import free_port
from testbed.service import Service
from testbed.waiting import until

PACKAGES = [
    "munge",
    "slurmctld",
    "slurmd",
    "slurm-client",
    "slurm-wlm-basic-plugins",
    "slurmrestd",
    "slurm-wlm-jwt-plugin",
]
NODE = "node1"
CLUSTER = "gridtest"
PARTITIONS = {"grid": "Default=YES MaxTime=60 State=UP", "short": "MaxTime=1 State=UP", "shut": "State=DOWN"}


class Slurm:
    """One cluster, its files in `directory`, which must not exist yet; `cpus` may be more than the host has.

    What has ended it knows for `remembers` seconds.
    Root hands it to "nobody": jobs would run as root otherwise.
    """

    def __init__(self, directory: Path, cpus: int = 4, remembers: int = 5) -> None:
        self.directory = directory
        self.cpus, self.remembers = cpus, remembers
        self.port, self.node_port, self.rest_port = free_port(), free_port(), free_port()
        self._root = folder("slurm", PACKAGES) / "usr"
        self._user = "nobody" if os.geteuid() == 0 else None
        self._services: dict[str, Service] = {}

    def __enter__(self) -> "Slurm":
        self.create()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def conf(self) -> Path:
        """The cluster's slurm.conf."""
        return self.directory / "slurm.conf"

    @property
    def bin(self) -> Path:
        """Users' commands: squeue, sbatch, ..."""
        return self._root / "bin"

    @property
    def rest_url(self) -> str:
        """Where slurmrestd answers."""
        return f"http://127.0.0.1:{self.rest_port}"

    @property
    def user(self) -> str:
        """Who runs the cluster and may use it."""
        return self._user or pwd.getpwuid(os.geteuid()).pw_name

    @property
    def env(self) -> dict[str, str]:
        """Environment for the users' commands."""
        return {"PATH": f"{self.bin}:/usr/bin:/bin", "SLURM_CONF": str(self.conf), "LC_ALL": "C", "TZ": "UTC"}

    def blahp(self, condor: Condor) -> Mapping[str, str]:
        """Environment with which the blahp of `condor` submits to this cluster, from a folder of its own."""
        own = self.directory / f"blahp{len(list(self.directory.glob('blahp*')))}"
        found = blahp.configure(condor, own, slurm_binpath=self.bin)
        return {**found, "SLURM_CONF": str(self.conf)}

    def create(self) -> None:
        """Make keys, configuration and folders."""
        self.directory.mkdir(mode=0o755)
        for name in ("state", "spool", "sbin"):
            (self.directory / name).mkdir(mode=0o755)
        for program in (self._root / "sbin").iterdir():  # the daemons look at the name they are called by
            (self.directory / "sbin" / program.name.removesuffix("-wlm")).symlink_to(program)
        for name in ("munge.key", "jwt.key"):
            path = self.directory / name
            path.touch(0o600)
            path.write_bytes(secrets.token_bytes(64))
        self.conf.write_text(self._settings())
        (self.directory / "cgroup.conf").write_text("CgroupPlugin=disabled\n")
        if self._user:
            owner = pwd.getpwnam(self._user)
            for path in (self.directory, *self.directory.iterdir()):
                os.chown(path, owner.pw_uid, owner.pw_gid)

    def start(self) -> None:
        """Start munge, controller and node, and wait until jobs can run."""
        files = [f"--{n}-file={self._munge(n)}" for n in ("key", "log", "pid", "seed")]
        self._service("munged", "--foreground", f"--socket={self._munge('socket')}", *files)
        until(self._munge("socket").exists, 10, "munged")
        self._service("slurmctld", "-D", "-i")
        until(lambda: self._answers("scontrol", "ping"), 20, "slurmctld")
        self._service("slurmd", "-D", "-N", NODE, "-d", self.directory / "sbin/slurmstepd")
        until(self._idle, 20, "the node")

    def start_rest(self) -> None:
        """Start slurmrestd, and wait until it answers."""
        # It does not like to be run by the cluster's own user, and with all its plugins it wants a database.
        plugins = ("-a", "rest_auth/jwt", "-s", "openapi/slurmctld")
        env = {"SLURMRESTD_SECURITY": "disable_user_check", "SLURM_JWT": "daemon"}
        self._service("slurmrestd", *plugins, f"127.0.0.1:{self.rest_port}", **env)
        until(self._rest_listens, 20, "slurmrestd")

    def stop(self) -> None:
        """End all daemons."""
        for name in list(self._services):
            self.kill(name)

    def kill(self, name: str) -> None:
        """End one daemon: slurmctld, slurmd or slurmrestd."""
        self._services.pop(name).stop()

    def start_controller(self) -> None:
        """Start slurmctld again after `kill`."""
        self._service("slurmctld", "-D")
        until(lambda: self._answers("scontrol", "ping"), 20, "slurmctld")

    def pid_of(self, name: str) -> int:
        """The process of one daemon, for signals."""
        children = self._services[name].children(self._services[name].pid)
        return next(iter(children))

    def run(self, *command: str | Path) -> str:
        """Run one of the users' commands; return what it printed."""
        path = self.bin / command[0]
        done = run([path, *command[1:]], timeout=30, env=self.env, cwd=self.directory, user=self._user)
        return done.stdout.strip()

    def submit(self, *options: str, command: str = "sleep 60") -> str:
        """Submit a job; return its number."""
        output = f"--output={self.directory}/spool/%A.out"
        return self.run("sbatch", "--parsable", output, *options, f"--wrap={command}")

    def cancel_all(self) -> None:
        """Cancel every job and wait until none is left."""
        self.run("scancel", f"--user={self.user}")
        until(lambda: self.run("squeue", "-h") == "", 20, "the end of all jobs")

    def token(self, lifetime: int = 3600) -> str:
        """A token for slurmrestd."""
        return self.run("scontrol", "token", f"lifespan={lifetime}").removeprefix("SLURM_JWT=")

    def jobs(self) -> Any:
        """What squeue --json says."""
        return json.loads(self.run("squeue", "--json"))["jobs"]

    def log_tail(self, name: str, lines: int = 30) -> str:
        """The end of one daemon's log."""
        return "\n".join((self.directory / f"{name}.log").read_text().splitlines()[-lines:])

    def _service(self, name: str, *arguments: str | Path, **env: str) -> None:
        self._services[name] = Service.start(
            [self.directory / "sbin" / name, *arguments],
            env={**self.env, **env},
            output=self.directory / f"{name}.out",
            user=self._user,
        )

    def _munge(self, kind: str) -> Path:
        return self.directory / f"munge.{kind}"

    def _answers(self, *command: str) -> bool:
        for name, service in self._services.items():
            if not service.alive():
                raise TestbedError(f"{name} ended: " + (self.directory / f"{name}.out").read_text()[-2000:])
        path = self.bin / command[0]
        words: list[str | Path] = [path, *command[1:]]
        done = run(words, timeout=10, env=self.env, user=self._user, check=False)
        return done.returncode == 0 and "DOWN" not in done.stdout

    def _idle(self) -> bool:
        return (
            self._answers("sinfo") and self.run("sinfo", "-h", "-n", NODE, "-p", "grid", "-o", "%t") == "idle"
        )

    def _rest_listens(self) -> bool:
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", self.rest_port)) == 0 and self._answers("sinfo")

    def _settings(self) -> str:
        libraries = next(self._root.glob("lib/*/slurm-wlm"))
        settings = {
            "ClusterName": CLUSTER,
            "SlurmctldHost": f"{os.uname().nodename}(127.0.0.1)",
            "SlurmctldPort": self.port,
            "SlurmdPort": self.node_port,
            "SlurmUser": self.user,
            "SlurmdUser": self.user,
            "AuthType": "auth/munge",
            "CredType": "cred/munge",
            "AuthInfo": f"socket={self._munge('socket')}",
            "AuthAltTypes": "auth/jwt",
            "AuthAltParameters": f"jwt_key={self.directory}/jwt.key",
            "PluginDir": libraries,
            "StateSaveLocation": self.directory / "state",
            "SlurmdSpoolDir": self.directory / "spool",
            "SlurmctldPidFile": self.directory / "slurmctld.pid",
            "SlurmdPidFile": self.directory / "slurmd.pid",
            "SlurmctldLogFile": self.directory / "slurmctld.log",
            "SlurmdLogFile": self.directory / "slurmd.log",
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "JobAcctGatherType": "jobacct_gather/none",
            "SwitchType": "switch/none",
            "MpiDefault": "none",
            "ReturnToService": 2,
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_CPU",
            "SlurmdParameters": "config_overrides",
            "SchedulerParameters": "sched_interval=1,batch_sched_delay=0,bf_interval=1",
            "CommunicationParameters": "block_null_hash",
            "MinJobAge": self.remembers,
            "KillWait": 2,
            "SlurmctldTimeout": 30,
            "SlurmdTimeout": 30,
        }
        lines = [f"{key}={value}" for key, value in settings.items()]
        lines.append(f"NodeName={NODE} NodeAddr=127.0.0.1 CPUs={self.cpus} RealMemory=1000 State=UNKNOWN")
        lines += [f"PartitionName={name} Nodes={NODE} {how}" for name, how in PARTITIONS.items()]
        return "\n".join(lines) + "\n"
