"""A whole small grid: where pilots are submitted, where they run, and where the work waits for them."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from testbed import condor as htcondor
from testbed.authority import Authority
from testbed.errors import TestbedError
from testbed.issuer import URL, Issuer
from testbed.pool import ACCESS_POINT, NEGOTIATED, SITE, Pool
from testbed.settings import DOMAIN

PILOT, GLIDEIN = f"pilot@{DOMAIN}", f"glidein@{DOMAIN}"
TOKEN_LIFETIME = 86400  # seconds
SUBJECT = "pilot"  # of the tokens for sites, which see PILOT in it
USERS_TOO, TOKENS_ONLY = ("FS", "IDTOKENS"), ("SCITOKENS", "IDTOKENS")
HOST = f"127-0-0-1.{DOMAIN}"  # what HTCondor calls this machine without a name server

# A users' pool loses glideins without notice, which must not take the default quarter of an hour to show.
USERS_POOL = {"CLASSAD_LIFETIME": "60", "JOB_DEFAULT_LEASE_DURATION": "60"}

# A token is shown over TLS: sites have certificates, which the access point checks before it shows one.
SHOWS_TOKENS = {
    "SEC_CLIENT_AUTHENTICATION_METHODS": "FS, IDTOKENS, SCITOKENS",
    "AUTH_SSL_CLIENT_CAFILE": "$(ETC)/authority.pem",
}
TAKES_TOKENS = {
    "AUTH_SSL_SERVER_CERTFILE": "$(ETC)/host.pem",
    "AUTH_SSL_SERVER_KEYFILE": "$(ETC)/host.key",
    "AUTH_SSL_SERVER_CAFILE": "$(ETC)/authority.pem",
    "AUTH_SSL_CLIENT_CAFILE": "$(ETC)/authority.pem",
    "CERTIFICATE_MAPFILE": "$(ETC)/identities",
    "CERTIFICATE_MAPFILE_ASSUME_HASH_KEYS": "True",
    "SCITOKENS_SERVER_AUDIENCE": "$(SCHEDD_NAME)",
    "SEC_SCITOKENS_CACHE": "$(LOCAL_DIR)/issuers",
}


class Grid:
    """Pools that make a grid, each in its own directory under `directory`.

    * ``ap``   the factory's access point: its schedd sends pilots out through the grid universe
    * `sites`  computing elements with eight slots each, which let in only who shows a token for them
    * ``vo``   the users' pool: schedd, collector and negotiator; nothing to run on until glideins join

    At each `up` the tokens are made afresh: `site_token` is the file with the one that opens a site, which a
    pilot has to name (the access point's daemons hold none), `glidein_token` the one that glideins need to
    join ``vo``.  `settings` are HTCondor settings per pool.
    An `attached` grid ends with its process; a detached one can be taken down by another (see `load`).
    """

    def __init__(
        self,
        directory: Path,
        *,
        sites: Sequence[str] = ("ce1", "ce2"),
        settings: Mapping[str, Mapping[str, str]] | None = None,
        condor: htcondor.Condor | None = None,
        attached: bool = True,
    ) -> None:
        self.directory = Path(directory).absolute()
        condor = condor or htcondor.find()
        extra = settings or {}

        def pool(
            name: str, daemons: Sequence[str], members: Sequence[str] = (), methods: Sequence[str] = USERS_TOO
        ) -> Pool:
            ours = {"vo": USERS_POOL, "ap": SHOWS_TOKENS}.get(name, TAKES_TOKENS)
            return Pool(
                self.directory / name, name, daemons, {**ours, **extra.get(name, {})},
                methods=methods, members=members, condor=condor, attached=attached,
            )  # fmt: skip

        self.ap = pool("ap", ACCESS_POINT)
        self.sites = {name: pool(name, SITE, [PILOT], TOKENS_ONLY) for name in sites}
        self.vo = pool("vo", NEGOTIATED, [GLIDEIN])
        self.authority = Authority()

    @classmethod
    def load(cls, directory: Path) -> "Grid":
        """The detached grid that another process brought up in `directory`; TestbedError if there is none."""
        file = Path(directory).absolute() / "grid.json"
        try:
            if file.stat().st_uid != os.geteuid():
                raise TestbedError(f"the grid in {directory} is somebody else's")
            state = json.loads(file.read_text())
        except FileNotFoundError:
            raise TestbedError(f"no grid is up in {directory}") from None
        grid = cls.__new__(cls)
        grid.directory = file.parent
        pools = {name: Pool.load(saved) for name, saved in state["pools"].items()}
        grid.ap, grid.vo = pools.pop("ap"), pools.pop("vo")
        grid.sites = pools
        return grid

    @property
    def pools(self) -> dict[str, Pool]:
        """All pools by name."""
        return {"ap": self.ap, **self.sites, "vo": self.vo}

    @property
    def glidein_token(self) -> Path:
        """The file with the token for joining the users' pool; it belongs to the user who runs the pools."""
        return self.ap.directory / "secrets/glidein.token"

    def site_token(self, site: str) -> Path:
        """The file with the token that opens `site`; it belongs to the user who runs the pools."""
        return self.ap.directory / f"secrets/{site}.token"

    @property
    def issuer(self) -> Issuer:
        """Who makes the tokens that sites trust."""
        return Issuer((self.ap.directory / "secrets/issuer.key").read_bytes())

    def up(self, timeout: float = 60) -> None:
        """Start everything at the same time; return when all of it answers.  After a failure nothing runs."""
        self._make_directory()
        if (self.directory / "grid.json").exists():
            raise TestbedError(f"a grid is up in {self.directory} already")
        try:
            self._exchange_trust()
            for pool in self.pools.values():
                pool.spawn()
            self._save()
            self.renew_tokens()
            for pool in self.pools.values():
                pool.wait_ready(timeout)
        except BaseException:
            self.down()
            raise

    def renew_tokens(self, lifetime: int = TOKEN_LIFETIME) -> None:
        """Make new tokens for sites and for glideins (those handed out before stay valid)."""
        issuer = self.issuer
        for name, site in self.sites.items():
            text = issuer.token(SUBJECT, site.schedd, lifetime) + "\n"
            self.ap.write_secret(self.site_token(name), text)
        limits = ("READ", "ADVERTISE_STARTD", "ADVERTISE_MASTER")
        self.ap.write_secret(self.glidein_token, self.vo.token(GLIDEIN, lifetime, limits) + "\n")

    def down(self) -> None:
        """End everything and remove its directories; all pools are tried before an error is raised."""
        errors = []
        for pool in self.pools.values():
            try:
                pool.close()
            except TestbedError as error:
                errors.append(str(error))
        if errors:
            raise TestbedError("; ".join(errors))
        (self.directory / "grid.json").unlink(missing_ok=True)
        if self.directory.is_dir() and not any(self.directory.iterdir()):
            self.directory.rmdir()

    def status(self) -> list["PoolStatus"]:
        """What runs, pool by pool."""
        return [PoolStatus.of(pool) for pool in self.pools.values()]

    def grid_resource(self, site: str) -> str:
        """The submit file's ``grid_resource`` for a site."""
        return f"condor {self.sites[site].schedd} {self.sites[site].collector}"

    def __enter__(self) -> "Grid":
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def _exchange_trust(self) -> None:
        """Give sites their certificates and the issuer's key, and the access point the authority's."""
        issuer = Issuer()
        self.ap.write_secret(self.ap.directory / "secrets/issuer.key", issuer.pem)
        for pool in (self.ap, *self.sites.values()):
            pool.write_secret(pool.directory / "etc/authority.pem", self.authority.pem)
        us = re.escape(URL).replace("/", r"\/")
        for site in self.sites.values():
            etc, host = site.directory / "etc", self.authority.host(HOST)
            site.write_secret(etc / "host.pem", host.certificate)
            site.write_secret(etc / "host.key", host.key)
            site.write_secret(etc / "identities", f"SCITOKENS /^{us},{SUBJECT}$/ {PILOT}\n")
            issuer.fill_cache(site.directory / "issuers")

    def _make_directory(self) -> None:
        """Ours alone to write to, since others can guess its place; open for the user who runs the pools."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.directory.stat().st_uid != os.geteuid() or self.directory.is_symlink():
            raise TestbedError(f"{self.directory} is somebody else's")
        self.directory.chmod(0o755)

    def _save(self) -> None:
        state = {"pools": {name: pool.state() for name, pool in self.pools.items()}}
        temporary = self.directory / ".grid.json"
        temporary.write_text(json.dumps(state, indent=1))
        temporary.rename(self.directory / "grid.json")


@dataclass(frozen=True)
class PoolStatus:
    """One pool at one moment; counts are None when its daemons did not answer."""

    name: str
    alive: bool
    collector: str
    schedd: str
    processes: int
    jobs: Mapping[str, int] | None
    slots: Mapping[str, int] | None

    @classmethod
    def of(cls, pool: Pool) -> "PoolStatus":
        """Ask `pool`; an answer takes some hundredths of a second, silence at most ten seconds."""
        alive = pool.alive()
        return cls(
            name=pool.name,
            alive=alive,
            collector=pool.collector,
            schedd=pool.schedd,
            processes=len(pool.service.processes()) if pool.service else 0,
            jobs=_tally(pool, "condor_q", "-all", "-af", "JobStatus", names=JOB_STATES) if alive else None,
            slots=_tally(pool, "condor_status", "-af", "State") if alive else None,
        )


JOB_STATES = {"1": "idle", "2": "running", "3": "removed", "4": "completed", "5": "held"}


def _tally(pool: Pool, *command: str, names: Mapping[str, str] | None = None) -> dict[str, int] | None:
    try:
        words = pool.run(*command, timeout=10).stdout.split()
    except TestbedError:
        return None  # shown as "no answer"
    named = [(names or {}).get(word, word.lower()) for word in words]
    return {name: named.count(name) for name in sorted(set(named))}
