"""An sshd of its own on 127.0.0.1, run by an ordinary user, who is also the only one who can log in.

Without root it can become nobody else, and needs neither PAM nor a privilege separation user. Whom it lets in
is said by a passwd file of its own, since the user of the tests may have no shell.
"""

import os
import pwd
import shutil
from pathlib import Path

from testbed.commands import run
from testbed.errors import TestbedError
from testbed.folder import folder
from testbed.ports import free_port
from testbed.service import Service
from testbed.waiting import until

PACKAGES = ["openssh-server", "openssh-sftp-server", "libnss-wrapper"]


class SSHD:
    """One server with its files in `directory`, which must not exist yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._root = folder("openssh", PACKAGES) / "usr"
        self._user = "nobody" if os.geteuid() == 0 else None
        self._service: Service | None = None

    def __enter__(self) -> "SSHD":
        self.create()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def user(self) -> str:
        """Who runs it and may log in."""
        return self._user or pwd.getpwuid(os.geteuid()).pw_name

    @property
    def home(self) -> Path:
        """The home of whoever logs in."""
        return self.directory / "home"

    @property
    def key(self) -> Path:
        """The private key that is let in."""
        return self.directory / "user_key"

    @property
    def client_config(self) -> Path:
        """A configuration for ssh -F: the host keys it trusts, and nothing of the user's own."""
        return self.directory / "ssh_config"

    @property
    def commands(self) -> Path:
        """A folder for PATH in which ssh uses `client_config`, as it would use a user's own."""
        return self.directory / "bin"

    def create(self) -> None:
        """Make keys, configuration and home."""
        self.directory.mkdir(mode=0o755)
        for path in (self.home, self.commands):
            path.mkdir(mode=0o755)
        for name in ("host_key", "user_key"):
            kind = ("-q", "-t", "ed25519", "-N", "", "-C", name)
            run(["ssh-keygen", *kind, "-f", self.directory / name], timeout=30)
        shutil.copy(self.directory / "user_key.pub", self.directory / "authorized_keys")
        entry = pwd.getpwnam(self.user)
        ids = f"{entry.pw_uid}:{entry.pw_gid}"
        (self.directory / "passwd").write_text(f"{self.user}:*:{ids}:test:{self.home}:/bin/bash\n")
        (self.directory / "group").write_text(f"testgroup:x:{entry.pw_gid}:\n")
        (self.directory / "sshd_config").write_text(self._settings())
        public = (self.directory / "host_key.pub").read_text().split()[:2]
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {' '.join(public)}\n")
        self.client_config.write_text(
            f"UserKnownHostsFile {self.known_hosts}\n"
            "GlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n"
        )
        ssh = self.commands / "ssh"
        ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {self.client_config} "$@"\n')
        ssh.chmod(0o755)
        if self._user:
            for parent, _, names in os.walk(self.directory):
                for path in (Path(parent), *(Path(parent, name) for name in names)):
                    shutil.chown(path, self._user)

    @property
    def known_hosts(self) -> Path:
        """The host keys that `client_config` trusts."""
        return self.directory / "known_hosts"

    def start(self) -> None:
        """Start the server and wait until a login works."""
        (wrapper,) = self._root.glob("lib/*/libnss_wrapper.so")
        env = {
            "PATH": "/usr/bin:/bin",
            "NSS_WRAPPER_PASSWD": str(self.directory / "passwd"),
            "NSS_WRAPPER_GROUP": str(self.directory / "group"),
        }
        daemon = (self._root / "sbin/sshd", "-D", "-e", "-f", self.directory / "sshd_config")
        self._service = Service.start(
            # only sshd itself: the wrapper is linked with its C library, not the host's
            ["/usr/bin/env", f"LD_PRELOAD={wrapper}", *daemon],
            env=env,
            output=self.directory / "log",
            user=self._user,
        )
        until(self._lets_in, 30, f"sshd on port {self.port}: {self.log_tail()}", every=0.2)

    def stop(self) -> None:
        """End the server and all logins."""
        if self._service is not None:
            self._service.stop()
            self._service = None

    def log_tail(self, lines: int = 20) -> str:
        """The end of the server's log."""
        path = self.directory / "log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def login(self, *command: str) -> str:
        """Run a command there; return what it printed."""
        options = ["-p", str(self.port), "-o", "BatchMode=yes"]
        where: list[str | Path] = ["-i", self.key, *options, f"{self.user}@127.0.0.1"]
        words: list[str | Path] = [self.commands / "ssh", *where, *command]
        done = run(words, timeout=20, user=self._user, check=False)
        if done.returncode != 0:
            raise TestbedError(f"no login: {done.stderr.strip()}; {self.log_tail()}")
        return done.stdout

    def _lets_in(self) -> bool:
        if self._service is None or not self._service.alive():
            raise TestbedError(f"sshd ended: {self.log_tail()}")
        try:
            return self.login("echo", "in").strip() == "in"
        except TestbedError:
            return False

    def _settings(self) -> str:
        here, helpers = self.directory, self._root / "lib/openssh"
        return f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {here}/host_key
PidFile {here}/pid
AuthorizedKeysFile {here}/authorized_keys
SshdSessionPath {helpers}/sshd-session
SshdAuthPath {helpers}/sshd-auth
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitUserEnvironment no
AcceptEnv none
LogLevel VERBOSE
"""
