"""Starts pilots as processes of this machine. For trying the factory where there is no HTCondor."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

from autopyfactory.logs.setup import queue_logger
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import (
    BatchSubmitPlugin,
    QueueContext,
    SentPilots,
    SubmitError,
    SubmitUnknown,
)
from autopyfactory.plugins.batchsubmit.logtree import LogPlace
from autopyfactory.plugins.batchsubmit.pilotwrapper import PilotWrapper, report_tokens
from autopyfactory.plugins.hostname import host_name
from autopyfactory.plugins.processes import MARK, TAG, Register, pilots
from autopyfactory.wrapper.compose import RecipeError


class ExecOptions(Options):
    """Options of the batch submit plugin `Exec`."""

    prefixes: ClassVar[tuple[str, ...]] = ("batchsubmit.exec",)
    environ: str = option(
        "",
        key="{prefix}.environ",
        description="Added to the pilot's environment: NAME=value, quoted as in a shell",
    )


class Exec(BatchSubmitPlugin[ExecOptions]):
    """Processes of this machine."""

    name = "Exec"
    Options = ExecOptions
    _children: ClassVar[list[subprocess.Popen[bytes]]] = []
    _last_cluster: ClassVar[int] = 0
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, options: ExecOptions, context: QueueContext):
        super().__init__(options, context)
        self._extra = dict(word.split("=", 1) for word in shlex.split(options.environ) if "=" in word)
        self._host = host_name()
        self._wrapper = PilotWrapper.of(context, self.target)
        self._register = Register(context.factory.state_dir)

    @property
    def target(self) -> str:
        """Return this machine as people write it."""
        return "local processes"

    @property
    def ce(self) -> str:
        """Return this machine's name."""
        return socket.gethostname()

    def describe(self, tag: str, now: datetime | None = None) -> Mapping[str, str]:
        """Return command and environment of pilots that carry `tag`."""
        q, f = self.context.queue_options, self.context.factory
        place = LogPlace.of(f.base_log_dir, f.base_log_dir_url, self.context.queue, now or datetime.now(UTC))
        wrapper = self._wrapper.built() if self._wrapper else None
        own = {
            TAG: tag,
            MARK: self.context.shared.mark,
            "PANDA_JSID": f.factory_id,
            "APFFID": f.factory_id,
            "FACTORYQUEUE": self.context.queue,
            **({"APFMON": self.context.monitor_url} if self.context.monitor_url else {}),
            **({"FACTORYUSER": f.factory_user} if f.factory_user else {}),
            **({"APF_WRAPPER_SHA256": wrapper.sha256} if wrapper else {}),
        }
        return {
            "executable": str(self._wrapper.path(wrapper))
            if self._wrapper and wrapper
            else q.executable or "",
            "arguments": q.arguments or "",
            "folder": str(place.folder),
            "url": place.url or str(place.folder),
            **{f"env.{k}": v for k, v in {**own, **self._extra}.items()},
        }

    def submit(self, n: int, tag: str, deadline: float) -> SentPilots:
        """Start `n` pilots. Raises SubmitError if not even the first could be started."""
        try:
            description = self.describe(tag)
            os.makedirs(description["folder"], exist_ok=True)
            if self._wrapper:
                self._wrapper.keep(lambda digest: True)  # how old processes run is not known: theirs stay
        except RecipeError as err:
            raise SubmitError(str(err)) from err
        except OSError as err:
            raise SubmitError(f"no place for the pilots' logs or wrapper: {err}") from err
        cluster = self._new_cluster()
        tokens = report_tokens(self.context, tag, n)
        started = 0
        for proc in range(n):
            try:
                own = {"APF_REPORT_TOKEN": tokens[proc]} if tokens else {}
                self._start(description, f"{cluster}.{proc}", own)
            except OSError as err:
                if not started:
                    raise SubmitError(f"cannot start {description['executable']}: {err}") from err
                break
            started += 1
        return SentPilots(str(cluster), started)

    def _start(self, description: Mapping[str, str], cid: str, own: Mapping[str, str]) -> None:
        env = {k[4:]: v for k, v in description.items() if k.startswith("env.")} | dict(own)
        env |= {"APFCID": cid, "GTAG": f"{description['url']}/{cid}.out"}
        env["FACTORY_JOBID"] = f"{self._host}#{cid}"
        base = f"{description['folder']}/{cid}"
        with open(f"{base}.out", "wb") as out, open(f"{base}.err", "wb") as err:
            child = subprocess.Popen(
                [description["executable"], *shlex.split(description["arguments"])],
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=description["folder"],
                start_new_session=True,
            )
        with self._lock:
            self._children.append(child)
        try:
            self._register.note(cid, child.pid)
        except OSError as err:  # its environment says who it is all the same
            queue_logger(self.context.queue).warning("pilot %s cannot be written down: %s", cid, err)

    @classmethod
    def _new_cluster(cls) -> int:
        with cls._lock:
            cls._last_cluster = max(cls._last_cluster + 1, time.time_ns() // 1_000_000 % 10_000_000_000)
            return cls._last_cluster

    def lookup(self, tag: str, deadline: float) -> SentPilots | None:
        """Return the running pilots that carry `tag`. Raises SubmitUnknown without a process table."""
        try:
            found = self._register.sorted_out(p for p in pilots() if p.tag == tag)
        except OSError as err:
            raise SubmitUnknown(f"no process table: {err}") from err
        if not found:
            return None
        procs = sorted(int(p.cid.rpartition(".")[2] or 0) for p in found)
        return SentPilots(found[0].cid.partition(".")[0], len(found), procs[0])

    def retire(self, n: int, deadline: float, started_before: float | None = None) -> int:
        """Ask none to end: a process that runs may have found work, and none waits."""
        return 0

    def cleanup(self, deadline: float) -> None:
        """Collect pilots that have ended, so that they leave the process table."""
        with self._lock:
            self._children[:] = [c for c in self._children if c.poll() is None]
        try:
            self._register.tidy()
        except OSError as err:
            raise SubmitError(str(err)) from err
