"""One HTCondor pool in one directory: start, stop, talk to it."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from testbed import condor as htcondor
from testbed import settings as config
from testbed.commands import run
from testbed.errors import TestbedError, Unavailable
from testbed.ports import free_port
from testbed.service import Service, reachable
from testbed.waiting import until

ACCESS_POINT = ("MASTER", "COLLECTOR", "SCHEDD")
SITE = (*ACCESS_POINT, "NEGOTIATOR", "STARTD")
NEGOTIATED = (*ACCESS_POINT, "NEGOTIATOR")
BIRTHS = range(1_000_000_000, 1_700_000_000)  # seconds since the epoch: 2001 to 2023


class Pool:
    """HTCondor daemons that live in `directory` (made if need be) and call themselves `name`@grid.test.

    `settings` are HTCondor configuration on top of ours.  `methods` are the ways in which clients may
    authenticate, `members` the identities (user@grid.test) that may then change things, besides the user who
    runs the pool.  Started by root, all runs as `user`; every other user runs it as himself.  `variables` are
    added to the daemons' environment: what their helpers (blahp, arc_gahp) look for there.

    The collector keeps its port over restarts.  `attached` pools end with the process that started them,
    however that ends; detached ones stay until somebody stops them.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        daemons: Sequence[str] = ACCESS_POINT,
        settings: Mapping[str, str] | None = None,
        *,
        methods: Sequence[str] = ("FS", "IDTOKENS"),
        members: Sequence[str] = (),
        condor: htcondor.Condor | None = None,
        attached: bool = True,
        user: str = "nobody",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = Path(directory).absolute()
        self.name = name
        self.daemons = tuple(daemons)
        self.settings = dict(settings or {})
        self.methods, self.members = tuple(methods), tuple(members)
        self.condor = condor or htcondor.find()
        self.attached = attached
        self.variables = dict(variables or {})
        self.user = user if os.geteuid() == 0 else None
        self.port = free_port()
        self.service: Service | None = None

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> "Pool":
        """The pool that `state()` described, perhaps in another process."""
        service = state["service"]
        pool = cls(
            Path(state["directory"]), state["name"], state["daemons"], state["settings"],
            methods=state["methods"], members=state["members"],
            condor=htcondor.Condor(Path(state["release"])), attached=False, variables=state["variables"],
        )  # fmt: skip
        pool.port = state["port"]
        pool.service = Service(service["pid"], service["born"]) if service else None
        return pool

    def state(self) -> dict[str, Any]:
        """All that another process needs to know of this pool, as JSON can hold it."""
        return {
            "directory": str(self.directory),
            "name": self.name,
            "daemons": self.daemons,
            "settings": self.settings,
            "methods": self.methods,
            "members": self.members,
            "release": str(self.condor.release),
            "variables": self.variables,
            "port": self.port,
            "service": {"pid": self.service.pid, "born": self.service.born} if self.service else None,
        }

    @property
    def collector(self) -> str:
        """``127.0.0.1:port``."""
        return f"127.0.0.1:{self.port}"

    @property
    def schedd(self) -> str:
        """The name under which the collector knows the schedd."""
        return f"{self.name}@{config.DOMAIN}"

    @property
    def owner(self) -> str:
        """The user who runs the pool; by FS one authenticates as ``owner@grid.test``."""
        try:
            return self.user or pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            raise Unavailable(f"user {os.geteuid()} has no name here, and HTCondor asks for one") from None

    @property
    def exports(self) -> dict[str, str]:
        """The environment variables that point a client at this pool."""
        return {"CONDOR_CONFIG": str(self.directory / "client_config")}

    @property
    def env(self) -> dict[str, str]:
        """A whole environment for clients: ours without anything of HTCondor's, its commands on PATH."""
        return self._environment("client_config")

    def start(self, timeout: float = 30) -> None:
        """Start the daemons; return when they answer, raise TestbedError with the log if they do not."""
        self.spawn()
        self.wait_ready(timeout)

    def spawn(self) -> None:
        """Start the daemons without waiting, so that several pools come up at the same time."""
        if self.alive():
            raise TestbedError(f"pool {self.name} already runs")
        self._prepare()
        self.service = Service.start(
            [self.condor.sbin / "condor_master", "-f"],
            env=self._environment("condor_config") | self.variables,
            output=self.directory / "log/master.out",
            user=self.user,
            stop_signal=signal.SIGQUIT,  # HTCondor's "leave fast"
            attached=self.attached,
            empty=self.directory,
        )

    def alive(self) -> bool:
        """Whether the pool's master runs (not whether every daemon answers)."""
        return self.service is not None and self.service.alive()

    def wait_ready(self, timeout: float = 30) -> None:
        """Wait until the collector knows this start's schedd and startd: until clients get answers."""
        try:
            until(self._ready, timeout, f"pool {self.name} ready")
        except TestbedError as error:
            self.stop()
            raise TestbedError(f"{error}; {self.log_tail()}") from None

    def stop(self) -> None:
        """End all daemons and all they started; the directory stays."""
        if self.service:
            self.service.stop()

    def restart(self) -> None:
        """Stop and start, on the same port, with the queue and the tokens as they are."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop, and remove the directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(
        self, tool: str, *args: str | Path, timeout: float = 60, input: str | None = None, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run one of HTCondor's commands as the pool's administrator; raise TestbedError if it fails."""
        return run(
            [self._program(tool), *args], env=self._environment("condor_config"), cwd=self.directory,
            user=self.user, timeout=timeout, input=input, check=check,
        )  # fmt: skip

    def run_client(
        self, tool: str, *args: str | Path, timeout: float = 60, input: str | None = None, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run one of HTCondor's commands with what clients have (`env`)."""
        return run(
            [self._program(tool), *args], env=self.env, cwd=self.directory,
            user=self.user, timeout=timeout, input=input, check=check,
        )  # fmt: skip

    def token(self, identity: str, lifetime: int = 86400, authz: Sequence[str] = ()) -> str:
        """A fresh token for `identity` (user or user@domain), good for `lifetime` seconds.

        `authz` limits what it may be used for (READ, WRITE, ADVERTISE_STARTD, ...).
        """
        full = identity if "@" in identity else f"{identity}@{config.DOMAIN}"
        limits = [word for level in authz for word in ("-authz", level)]
        made = self.run("condor_token_create", "-identity", full, "-lifetime", str(lifetime), *limits)
        return made.stdout.strip()

    def hold_token(self, label: str, token: str) -> None:
        """Give `token` to this pool's daemons, so that its gridmanager can use it; `label` names the file."""
        self.write_secret(self.directory / "tokens.d" / label, token + "\n")

    def write_secret(self, path: Path, text: str | bytes) -> None:
        """Write a file that only the pool's user can read; its directory is made if need be."""
        data = text.encode() if isinstance(text, str) else text
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        if self.user:
            self._give(temporary)
            self._give(path.parent)
        temporary.rename(path)

    def pid_of(self, daemon: str) -> int:
        """The process id of a daemon of DAEMON_LIST, say "SCHEDD"; raise TestbedError if it does not run."""
        program = f"condor_{daemon.lower()}"
        masters = self.service.children(self.service.pid) if self.service else {}
        for master, name in masters.items():
            if name == program:
                return master
            for pid, child in self.service.children(master).items() if self.service else ():
                if child == program:
                    return pid
        raise TestbedError(f"pool {self.name} runs no {program}")

    def log_tail(self, log: str = "MasterLog", lines: int = 15) -> str:
        """The end of a log, for error messages."""
        path = self.directory / "log" / log
        if not path.exists():
            path = self.directory / "log/master.out"
        text = path.read_text(errors="replace").splitlines() if path.exists() else ["nothing was logged"]
        return "\n".join([f"{path.name} says:", *text[-lines:]])

    def __enter__(self) -> "Pool":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        """Directories, signing key and configuration; what an earlier start left of addresses goes."""
        for name in (*config.DIRECTORIES, "client/tokens.d", "client/passwords.d"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        for name in (*config.SECRET, "client/tokens.d", "client/passwords.d"):
            (self.directory / name).chmod(0o700)
        for name in ("spool/.schedd_address", "spool/.schedd_address.super", "log/.collector_address"):
            (self.directory / name).unlink(missing_ok=True)
        self._date_job_queue()
        if not (self.directory / "passwords.d/POOL").exists():
            self.write_secret(self.directory / "passwords.d/POOL", secrets.token_bytes(64))
        daemons = config.daemon_config(
            self.condor, self.directory, self.name, self.collector, self.owner,
            self.daemons, self.methods, self.members, self.settings,
        )  # fmt: skip
        client = config.client_config(self.condor, self.directory, self.name, self.collector)
        (self.directory / "condor_config").write_text(daemons)
        (self.directory / "client_config").write_text(client)
        if self.user:
            for parent, _, names in os.walk(self.directory):
                for path in (Path(parent), *(Path(parent, name) for name in names)):
                    self._give(path)
            for path in (self.directory, self.condor.sbin):
                if not reachable(path):
                    raise TestbedError(f"{path} lies under a directory that is closed to user {self.user}")

    def _date_job_queue(self) -> None:
        """Give a new job queue a time of birth that no other has.

        Clients know a job queue by its schedd's name, its host and the second in which it was made
        (JobQueueBirthdate). Pools of one name on one host that start together would be one and the same. The
        line is the one with which a schedd begins its log; it goes on with what it finds there.
        """
        spool = self.directory / "spool"
        if not any(spool.glob("job_queue.log*")):
            born = BIRTHS.start + secrets.randbelow(len(BIRTHS))
            (spool / "job_queue.log").write_text(f"107 1 CreationTimestamp {born}\n")

    def _give(self, path: Path) -> None:
        entry = pwd.getpwnam(self.user or "")
        os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)

    def _ready(self) -> bool:
        if not self.alive():
            raise TestbedError(f"pool {self.name}: the master has ended")
        if "SCHEDD" in self.daemons and not self._schedd_known():
            return False
        if "STARTD" in self.daemons:
            return bool(self._ask("-startd", "-af", "Name"))
        return bool(self._ask("-any", "-af", "MyType"))

    def _schedd_known(self) -> bool:
        """The collector hands out the address that this start's schedd wrote down."""
        file = self.directory / "spool/.schedd_address"
        if not file.exists() or not (text := file.read_text()).strip():
            return False
        return text.splitlines()[0] in self._ask("-schedd", "-af", "MyAddress")

    def _ask(self, *args: str) -> list[str]:
        done = self.run("condor_status", *args, timeout=25, check=False)
        return done.stdout.splitlines() if done.returncode == 0 else []

    def _program(self, tool: str) -> Path:
        inside = [place / tool for place in (self.condor.bin, self.condor.sbin) if (place / tool).exists()]
        return inside[0] if inside else Path(tool)

    def _environment(self, file: str) -> dict[str, str]:
        ours = {k: v for k, v in os.environ.items() if not k.upper().startswith(("CONDOR_", "_CONDOR_"))}
        path = f"{self.condor.bin}:{self.condor.sbin}:{ours.get('PATH', '/usr/bin:/bin')}"
        home = {"HOME": str(self.directory / "client")} if self.user else {}
        return ours | home | {"PATH": path, "CONDOR_CONFIG": str(self.directory / file)}
