"""A PostgreSQL server of its own on 127.0.0.1, from the host's programs or from Debian's as a folder."""

import os
import pwd
import secrets
from pathlib import Path

from testbed.commands import run
from testbed.errors import TestbedError
from testbed.folder import folder
from testbed.ports import free_port
from testbed.service import Service
from testbed.waiting import until

PACKAGES = ["postgresql-17"]


def programs() -> Path:
    """The directory with initdb and postgres."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    if installed:
        return installed[-1].parent
    (found,) = folder("postgresql", PACKAGES).glob("usr/lib/postgresql/*/bin")
    return found


class Postgres:
    """One server with its data in `directory`, which must not exist yet; users log in with a password.

    Root hands it to "nobody": initdb refuses to work for root.
    """

    def __init__(self, directory: Path, bin: Path | None = None) -> None:
        self.directory = directory
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self._bin = bin or programs()
        self._user = "nobody" if os.geteuid() == 0 else None
        self._service: Service | None = None

    def __enter__(self) -> "Postgres":
        self.create()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def create(self) -> None:
        """Make the data directory."""
        self.directory.mkdir(mode=0o700)
        secret = self.directory / "password"
        secret.touch(0o600)
        secret.write_text(self.password)
        if self._user:
            owner = pwd.getpwnam(self._user)
            for path in (self.directory, secret):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        command: list[str | Path] = [
            self._bin / "initdb", "-D", self.directory / "data", "-U", "factory", "-E", "UTF8",
            "--locale=C", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync",
        ]  # fmt: skip
        run(command, timeout=120, env=self._env(), cwd=self.directory, user=self._user)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        data = self.directory / "data"
        self._service = Service.start(
            [self._bin / "postgres", "-D", data, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
             "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=32MB",
             "-c", "autovacuum_naptime=1s", "-c", "autovacuum_analyze_threshold=20"],
            env=self._env(), output=self.directory / "log", user=self._user, stop_signal=2,  # SIGINT: fast
        )  # fmt: skip
        until(self._answers, 30, f"PostgreSQL on port {self.port}")

    def stop(self) -> None:
        """End the server; what was committed stays."""
        if self._service is not None:
            self._service.stop()
            self._service = None

    def url(self, database: str = "postgres") -> str:
        """The URL that SQLAlchemy understands."""
        return f"postgresql://factory:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database; return its URL."""
        self.sql(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement with psql; return what it printed."""
        command: list[str | Path] = [
            self._bin / "psql",
            "-X",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
            self.url(database),
        ]
        return run(command, timeout=30, env=self._env()).stdout.strip()

    def _answers(self) -> bool:
        if self._service is None or not self._service.alive():
            raise TestbedError("PostgreSQL ended: " + (self.directory / "log").read_text()[-2000:])
        command: list[str | Path] = [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return run(command, timeout=10, env=self._env(), check=False).returncode == 0

    def _env(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
