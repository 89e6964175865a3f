"""From a command line to a running factory; what fails on the way says so and gives the exit code.

Root's part is short and comes first: provide the files that the user could not make, and become the user. The
configuration is read as that user, so that what works at the start also works at a reload.
"""

from __future__ import annotations

import grp
import logging
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockfile import AlreadyLocked, LockFailed

from autopyfactory import __version__
from autopyfactory.accounting.ledger import LedgerError
from autopyfactory.control.server import ControlServer, SocketError
from autopyfactory.daemon import privileges
from autopyfactory.daemon.cleanchild import CleanLogs
from autopyfactory.daemon.contract import Built
from autopyfactory.daemon.detach import Verdict, detach, is_file
from autopyfactory.daemon.exits import ExitCode, StartError, drop_what_is_stuck
from autopyfactory.daemon.logpolicy import LogPolicy
from autopyfactory.daemon.options import DaemonOptions
from autopyfactory.daemon.ownership import provide_file
from autopyfactory.daemon.pidfile import PidFile
from autopyfactory.daemon.service import Service
from autopyfactory.daemon.signals import bear_early_ones
from autopyfactory.daemon.systemd import Heart, Notifier
from autopyfactory.daemon.webchild import WebChild, options_of
from autopyfactory.external import privatefiles
from autopyfactory.logs.setup import CannotLog, Logs, setup
from autopyfactory.model.redact import shown
from autopyfactory.model.text import count

if TYPE_CHECKING:
    from autopyfactory.config.model import Configuration

log = logging.getLogger("autopyfactory.daemon")


@dataclass(frozen=True)
class Plan:
    """What a factory is made from, the configuration apart."""

    options: DaemonOptions
    load: Callable[[], Configuration]
    logdir: Path | None


Load = Callable[[tuple[str, ...]], "Configuration"]
Build = Callable[["Configuration", Plan], Built]


def run(options: DaemonOptions, load: Load, build: Build) -> int:
    """Run the daemon as `options` say; return its exit code. Errors are told on stderr in one line each."""
    code = _run(options, load, build)
    if code == ExitCode.FORCED:
        os._exit(code)  # what hangs would keep the interpreter from ending
    drop_what_is_stuck()
    return code


def _run(options: DaemonOptions, load: Load, build: Build) -> int:
    bear_early_ones()
    try:
        options = options.checked(stdout_is_file=is_file(1))
        _give_up_root(options)
        book = _open_log(options)
        try:
            return _with_logs(options, book, load, build)
        finally:
            book.close(0.5)
    except StartError as err:
        print(f"autopyfactory: {err}", file=sys.stderr)
        return err.code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception:  # noqa: BLE001 (process boundary: an exit code of its own, not that of a bad configuration)
        traceback.print_exc()
        return ExitCode.INTERNAL


def _give_up_root(options: DaemonOptions) -> None:
    os.umask(0o022)
    account = privileges.wanted(options.runas)
    if account is None:
        return
    if os.geteuid() == 0:
        privileges.take_groups(account)
        files = [(options.log, ExitCode.LOG)] if options.logs_to_file else []
        files += [(options.pidfile, ExitCode.FILES)] if options.pidfile else []
        for path, code in files:
            try:
                provide_file(Path(path), account)
            except OSError as err:
                raise StartError(code, f"cannot make {path} for {account.name}: {err}") from err
        privileges.become(account)
    privileges.move_in(account)


def _open_log(options: DaemonOptions) -> Logs:
    try:
        level = logging.getLevelNamesMapping()[options.level]
        return setup(options.log, level, console=options.console)
    except CannotLog as err:
        raise StartError(ExitCode.LOG, str(err)) from err


def _with_logs(options: DaemonOptions, book: Logs, load: Load, build: Build) -> int:
    config = _load(options, load)
    logdir = _keep_queue_logs(options, config, book)
    locks = _take_locks(options, config)
    try:
        verdict = Verdict()
        if options.daemon:
            book.reopen()  # detaching closes every file
            detached = detach(locks, options.console_log)
            if detached is None:
                locks.clear()  # they are the detached process's now
                return ExitCode.OK
            verdict = detached
        for lock in locks:
            lock.write()
        plan = Plan(options, lambda: load(options.conf), logdir)
        return _serve(config, plan, book, verdict, build)
    finally:
        for lock in locks:
            lock.release()


def _load(options: DaemonOptions, load: Load) -> Configuration:
    from autopyfactory.options.problem import ConfigError

    try:
        return load(options.conf)
    except ConfigError as err:
        for problem in err.problems:
            print(f"autopyfactory: {problem}", file=sys.stderr)
        raise StartError(ExitCode.CONFIG, "the configuration cannot be used") from err


def _keep_queue_logs(options: DaemonOptions, config: Configuration, book: Logs) -> Path | None:
    """Give the queues logs of their own, where configured or beside the factory's log file; return where.

    Without a folder for them what queues say goes to the factory's log: an error only if one is configured.
    """
    configured = config.factory.log_dir
    if not configured and not options.logs_to_file:
        return None
    logdir = Path(configured).expanduser() if configured else Path(options.log).parent
    try:
        book.keep_queue_logs(logdir)
    except CannotLog as err:
        if configured:
            raise StartError(ExitCode.LOG, str(err)) from err
        log.warning("no logs for each queue, theirs go here: %s", err)
        return None
    return logdir


def _take_locks(options: DaemonOptions, config: Configuration) -> list[PidFile]:
    """Take the state folder, which no two factories may share, and the pid file."""
    state = os.path.abspath(os.path.expanduser(config.factory.state_dir))
    _keep_private(Path(state), config.factory.socket_group)
    paths = [os.path.join(state, "autopyfactory.pid")]
    if options.pidfile and os.path.realpath(options.pidfile) != os.path.realpath(paths[0]):
        paths.append(options.pidfile)
    taken: list[PidFile] = []
    try:
        for path in paths:
            lock = PidFile(path)
            lock.acquire()
            taken.append(lock)
    except (AlreadyLocked, LockFailed) as err:
        for lock in taken:
            lock.release()
        if isinstance(err, AlreadyLocked):
            raise StartError(ExitCode.RUNNING, f"already running: {err}") from err
        hint = f" (statedir has to be a folder of the user {privileges.current()})" if not taken else ""
        raise StartError(ExitCode.FILES, f"{err}{hint}") from err
    return taken


def _keep_private(state: Path, group: str | None) -> None:
    """Close the state folder to other users; what was open is told."""
    try:
        told = privatefiles.keep(state, None if group is None else grp.getgrnam(group).gr_gid)
    except KeyError:
        raise StartError(ExitCode.FILES, f"the control socket's group does not exist: {group}") from None
    except OSError as err:
        hint = f"statedir has to be a folder of the user {privileges.current()}"
        raise StartError(ExitCode.FILES, f"cannot keep {state} private: {err.strerror} ({hint})") from err
    if told:
        log.warning("other users could read the factory's state, and lock it: %s; mended", "; ".join(told))


def _serve(config: Configuration, plan: Plan, book: Logs, verdict: Verdict, build: Build) -> int:
    book.start()
    sources = ", ".join(shown(source) for source in plan.options.conf)
    log.info("AutoPyFactory %s starts: process %d, %s", __version__, os.getpid(), sources)
    if os.geteuid() == 0:
        log.warning("the factory runs as root, as it was told to")
    try:
        notifier = Notifier()
        policy = LogPolicy(_state(config))
        built = _build(config, plan, build)
        cleaner = CleanLogs(lambda: policy.now(built.factory))
        cleaner.start()
        service = Service(
            built, logs=book, notifier=notifier, verdict=verdict,
            heart=Heart(notifier, plan.options.sleep or config.factory.sleep), status=_status(config),
        )  # fmt: skip
        control = _control(config, service)
        web = WebChild(
            lambda: options_of(built.factory.configuration.parts), plan.options.conf, _state(config)
        )
        web.start()
        try:
            return service.run(control)
        finally:
            cleaner.stop()
            web.stop()
    except StartError as err:
        log.error("%s", err)
        verdict.failed(err)
        raise


def _build(config: Configuration, plan: Plan, build: Build) -> Built:
    try:
        return build(config, plan)
    except LedgerError as err:
        raise StartError(ExitCode.FILES, str(err)) from err
    except Exception as err:
        log.critical("the factory cannot be built", exc_info=True)
        raise StartError(ExitCode.INTERNAL, f"the factory cannot be built: {err!r}") from err


def _control(config: Configuration, service: Service) -> ControlServer:
    given = config.factory.socket
    path = Path(given).expanduser() if given else _state(config) / "control.sock"
    server = ControlServer(path, service.handle, group=config.factory.socket_group)
    try:
        server.start()
    except SocketError as err:
        raise StartError(ExitCode.FILES, str(err)) from err
    return server


def _state(config: Configuration) -> Path:
    return Path(config.factory.state_dir).expanduser()


def _status(config: Configuration) -> str:
    on = sum(q.options.enabled for q in config.queues.values())
    broken = f", {len(config.broken)} left out" if config.broken else ""
    return f"{count(on, 'queue')}{broken}"
