"""Run one service and end all it ever started: on request, when it exits, or when its owner dies.

Started as a program of its own (``python3 - OPTIONS -- COMMAND``), with nothing but the standard library, as
the user that the service is to run as.  Daemons leave their parent's process group and session, and
grandchildren outlive their parents; being the "subreaper", the keeper inherits all of them: none is lost.
"""

import argparse
import contextlib
import ctypes
import os
import selectors
import shutil
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE = 10.0  # seconds a service gets to leave in order


def main() -> int:
    """Keep the service until it ends or is to end; return its exit code (128 + signal when killed)."""
    options = _options()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    events = selectors.DefaultSelector()
    _wake_on_signals(events)
    owner = _watch_owner(events, options.owner)
    child = _spawn(options.command, options.stop_signal)
    code, orphaned = None, False
    while code is None and not (_asked_to_stop or orphaned):
        for key, _ in events.select():
            orphaned = orphaned or key.fileobj == owner
        _drain()
        code = _reap(child)
    if code is None:
        code = _stop(child, options.stop_signal, events)
    _kill_all(child)
    if orphaned and options.empty:
        _empty(options.empty)
    return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--owner", type=int, default=0, help="end when this process ends (0: nobody's)")
    parser.add_argument("--empty", type=Path, help="directory to empty when the owner has died")
    parser.add_argument("--stop-signal", type=int, default=int(signal.SIGTERM))
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def prctl(option: int, value: int) -> None:
    """Call prctl(2), which Python does not offer."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


_asked_to_stop = False
_wake_read, _wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)


def _wake_on_signals(events: selectors.BaseSelector) -> None:
    """Turn signals into readable events, so that one wait serves signals, children and the owner."""

    def stop(_number: int, _frame: object) -> None:
        global _asked_to_stop
        _asked_to_stop = True

    signal.set_wakeup_fd(_wake_write, warn_on_full_buffer=False)
    events.register(_wake_read, selectors.EVENT_READ)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)


def _drain() -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(_wake_read, 4096)


def _watch_owner(events: selectors.BaseSelector, owner: int) -> int | None:
    if not owner:
        return None
    try:
        descriptor = os.pidfd_open(owner)
    except ProcessLookupError:
        sys.exit(0)  # it died before we got here
    events.register(descriptor, selectors.EVENT_READ)
    return descriptor


def _spawn(command: list[str], stop_signal: int) -> int:
    """Start the service; should the keeper itself be killed, the kernel sends the service its stop signal."""
    child = os.fork()
    if child == 0:
        try:
            prctl(PR_SET_PDEATHSIG, stop_signal)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.execvp(command[0], command)
        except OSError as error:
            print(f"{command[0]}: {error}", file=sys.stderr)
        finally:
            os._exit(127)
    return child


def _reap(child: int) -> int | None:
    """Collect all that ended; return the service's exit code once it is among them."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                code = 128 - code if code < 0 else code
    return code


def _stop(child: int, stop_signal: int, events: selectors.BaseSelector) -> int:
    """Ask the service to leave, and wait for it at most GRACE seconds."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, stop_signal)
    end = time.monotonic() + GRACE
    while (code := _reap(child)) is None and time.monotonic() < end:
        for pid, (_, state) in _below(os.getpid()).items():
            if state in "Tt":
                _kill(pid)  # stopped: it cannot answer the service's own request to leave
        events.select(0.02)
        _drain()
    return 128 + signal.SIGKILL if code is None else code


def _kill_all(child: int) -> None:
    """Kill what is left, and again what that left behind, until there is nothing."""
    while left := _below(os.getpid()):
        for pid in left:
            _kill(pid)
        _reap(child)
        time.sleep(0.005)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _below(top: int) -> dict[int, tuple[int, str]]:
    """Processes that descend from `top`: pid -> (parent, state letter of proc(5))."""
    table: dict[int, tuple[int, str]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                # The command name before these fields may itself hold spaces and brackets.
                state, parent = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[:2]
                table[int(name)] = int(parent), state
    found: dict[int, tuple[int, str]] = {}
    layer = {top}
    while layer:
        layer = {pid for pid, (parent, _) in table.items() if parent in layer}
        found |= {pid: table[pid] for pid in layer}
    return found


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
