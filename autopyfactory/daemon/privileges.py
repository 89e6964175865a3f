"""Becoming another user for good: groups, environment, folder; and making sure that there is no way back."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from autopyfactory.daemon.exits import ExitCode, StartError


@dataclass(frozen=True)
class Account:
    """The user that the factory runs as."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str

    @classmethod
    def named(cls, name: str) -> Account:
        """Look a user up. Raises StartError when there is none of that name."""
        try:
            entry = pwd.getpwnam(name)
        except (KeyError, ValueError):
            raise StartError(ExitCode.USER, f"no such user: {name}") from None
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell)


def current() -> str:
    """Return the name of the user that we are."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


def wanted(runas: str | None) -> Account | None:
    """Return the user to become; None when the process stays who it is.

    Raises StartError for an unknown user, for a change that only root can make, and for root without
    `--runas`: nobody shall keep root by mistake (`--runas root` says it on purpose).
    """
    if runas is None:
        if os.geteuid() == 0:
            raise StartError(
                ExitCode.USER, "started as root: say which user to run as with --runas USER (not root)"
            )
        return None
    account = Account.named(runas)
    if os.geteuid() != 0 and account.uid != os.geteuid():
        raise StartError(ExitCode.USER, f"only root can run the factory as {runas}")
    return account


def take_groups(account: Account) -> None:
    """As root: take the user's group and supplementary groups. Raises StartError."""
    try:
        os.initgroups(account.name, account.gid)
        os.setresgid(account.gid, account.gid, account.gid)
    except OSError as err:
        raise StartError(ExitCode.USER, f"cannot take the groups of {account.name}: {err}") from err


@contextmanager
def acting_as(account: Account) -> Iterator[None]:
    """As root with the user's groups: be that user for a moment."""
    os.seteuid(account.uid)
    try:
        yield
    finally:
        os.seteuid(0)


def become(account: Account) -> None:
    """As root with the user's groups: become the user for good. Raises StartError unless all of it worked."""
    try:
        os.setresuid(account.uid, account.uid, account.uid)
    except OSError as err:
        raise StartError(ExitCode.USER, f"cannot become {account.name}: {err}") from err
    if set(os.getresuid()) != {account.uid} or set(os.getresgid()) != {account.gid}:
        raise StartError(ExitCode.USER, f"could not become {account.name} entirely")
    if account.uid != 0 and _can_return():
        raise StartError(
            ExitCode.USER, f"privileges are not given up: {account.name} could become root again"
        )


def _can_return() -> bool:
    try:
        os.setuid(0)
    except PermissionError:
        return False
    return True


def move_in(account: Account) -> None:
    """Set the environment and the working folder of the user."""
    os.environ.update(HOME=account.home, USER=account.name, LOGNAME=account.name, SHELL=account.shell)
    for name in ("MAIL", "SUDO_COMMAND", "SUDO_USER", "SUDO_UID", "SUDO_GID", "XDG_RUNTIME_DIR"):
        os.environ.pop(name, None)
    try:
        os.chdir(account.home)
    except OSError:  # no home, or not ours: any folder that cannot vanish will do
        os.chdir("/")
