"""An ARC CE (A-REX with its REST interface), run by an ordinary user; its jobs are processes or Slurm's.

ARC wants no root either: without it all jobs belong to the user who runs the service. Its packages look for
everything below ARC_LOCATION, so a folder of links makes one that is complete.
"""

import os
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from testbed.authority import Authority
from testbed.errors import TestbedError
from testbed.folder import folder
from testbed.issuer import URL, Issuer
from testbed.ports import free_port
from testbed.service import Service
from testbed.slurm import Slurm
from testbed.waiting import until

PACKAGES = ["nordugrid-arc-arex", "nordugrid-arc-hed"]
KEEP = ["usr/share/perl*", "usr/lib/python3*"]  # its scripts need its modules
# In tenths of seconds, against once a minute: what the REST interface says of a job comes from this report.
INFORMATION_EVERY = 50
# The package's JSON::XS is compiled for another Perl than the host's, which has the same in Perl.
JSON_XS = """package JSON::XS;
use parent 'JSON::PP';
sub import {
    my $caller = caller;
    *{"${caller}::$_"} = \\&{"JSON::PP::$_"} for qw(encode_json decode_json);
}
1;
"""


class ARC:
    """One CE in `directory`, which must not exist yet.

    It lets in whose certificate's subject is among `subjects`, and those to whom `issuer` gives a token that
    names `token_subject`, this CE as audience and the right to create jobs.  Its jobs are processes, in the
    queue "fork"; with `slurm` they are that cluster's, in the queue "grid".
    """

    def __init__(
        self,
        directory: Path,
        authority: Authority,
        subjects: Sequence[str] = (),
        *,
        issuer: Issuer | None = None,
        token_subject: str = "pilot",
        slurm: Slurm | None = None,
    ) -> None:
        self.directory, self.authority, self.subjects = directory, authority, subjects
        self.issuer, self.token_subject, self.slurm = issuer, token_subject, slurm
        self.port = free_port()
        self.root = folder("arc", PACKAGES, keep=KEEP) / "usr"
        self._user = "nobody" if os.geteuid() == 0 else None
        self._services: list[Service] = []

    def __enter__(self) -> "ARC":
        self.create()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The service's URL, without the REST interface's own path."""
        return f"https://127.0.0.1:{self.port}/arex"

    @property
    def location(self) -> Path:
        """What ARC takes for the place it is installed in."""
        return self.directory / "location"

    @property
    def anchors(self) -> Path:
        """The folder of authorities that the CE and its clients trust."""
        return self.directory / "certificates"

    @property
    def env(self) -> dict[str, str]:
        """The services' environment."""
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "ARC_LOCATION": str(self.location),
            "ARC_CONFIG": str(self.directory / "arc.conf"),
            "PYTHONPATH": str(self.directory / "python"),
            # modules in Perl; the interpreter is the host's
            "PERL5LIB": f"{self.directory}/perl:{self.root}/share/perl5",
            "TMPDIR": str(self.directory / "tmp"),
            "HOME": str(self.directory / "tmp"),
            **({"SLURM_CONF": str(self.slurm.conf)} if self.slurm else {}),
        }

    def create(self) -> None:
        """Make certificates, configuration and folders."""
        self.directory.mkdir(mode=0o755)
        for name in ("control", "session", "log", "run", "tmp", "location/sbin", "location/share"):
            (self.directory / name).mkdir(mode=0o755, parents=True)
        self.authority.anchors(self.anchors)
        host = self.authority.host("localhost")
        (self.directory / "hostcert.pem").write_bytes(host.certificate)
        key = self.directory / "hostkey.pem"
        key.touch(0o600)
        key.write_bytes(host.key)
        self._install()
        if self.issuer is not None:
            self.issuer.fill_arc(self.directory / "control")
        (self.directory / "arc.conf").write_text(self._settings())
        if self._user:
            for parent, _, names in os.walk(self.directory):
                for path in (Path(parent), *(Path(parent, name) for name in names)):
                    shutil.chown(path, self._user)

    def start(self, timeout: float = 60) -> None:
        """Start both services, and wait until the REST interface answers."""
        for script in ("arc-arex-start", "arc-arex-ws-start"):
            self._services.append(
                Service.start(
                    [self.location / "share/arc" / script, "-f"],
                    env=self.env,
                    output=self.directory / f"log/{script}.out",
                    user=self._user,
                )
            )
        until(self._answers, timeout, f"ARC on port {self.port}", every=0.2)

    def stop(self) -> None:
        """End both services and all jobs."""
        while self._services:
            self._services.pop().stop()

    def log_tail(self, lines: int = 30) -> str:
        """The end of the service's log."""
        path = self.directory / "log/arex.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def descriptions(self) -> str:
        """The descriptions of the jobs it has, as they arrived; empty without jobs."""
        return "\n".join(p.read_text() for p in sorted((self.directory / "control").rglob("*description")))

    def _install(self) -> None:
        """Link what the packages have, and put in the place of three files what a test bed needs instead."""
        where = self.location
        (where / "lib").symlink_to(self.root / "lib")
        (where / "lib64").symlink_to(self.root / "lib")
        (where / "libexec").symlink_to(self.root / "lib")
        (where / "sbin/arched").symlink_to(self.root / "sbin/arched")
        (where / "sbin/arcctl").symlink_to("/bin/true")  # it would look for problems of a host of its own
        shutil.copytree(self.root / "share/arc", where / "share/arc", symlinks=True)
        every = f"<arex:InfoproviderWakeupPeriod>{INFORMATION_EVERY}</arex:InfoproviderWakeupPeriod>"
        _insert(where / "share/arc/arc-arex-start", every, "<arex:gmconfig>")
        loopback = "<tcp:Interface>127.0.0.1</tcp:Interface>"
        _insert(where / "share/arc/arc-arex-ws-start", loopback, "<tcp:Port>")
        (self.directory / "perl/JSON").mkdir(parents=True)
        (self.directory / "perl/JSON/XS.pm").write_text(JSON_XS)
        shutil.copytree(
            self.root / "lib/python3/dist-packages/arc",
            self.directory / "python/arc",
            ignore=shutil.ignore_patterns("paths_dist.py"),  # says /usr, whatever ARC_LOCATION says
        )

    def _answers(self) -> bool:
        for service in self._services:
            if not service.alive():
                outputs = self.directory.glob("log/*.out")
                said = "".join(p.read_text(errors="replace")[-1500:] for p in outputs)
                raise TestbedError(f"ARC ended: {said}\n{self.log_tail()}")
        context = ssl.create_default_context(cadata=self.authority.pem.decode())
        try:
            with urllib.request.urlopen(f"{self.url}/rest/1.0/info", timeout=10, context=context) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _settings(self) -> str:
        here = self.directory
        known = [f"subject={subject}" for subject in self.subjects]
        if self.issuer is not None:
            known.append(f"authtokens={self.token_subject} {URL} {self.url} compute.create *")
        members = "\n".join(known)
        batch, queue = ["lrms=fork"], "fork"
        if self.slurm is not None:
            # without Slurm's accounting database; its jobs are looked at every 2 s, not every 30 s
            batch = ["lrms=slurm", f"slurm_bin_path={self.slurm.bin}"]
            batch += ["slurm_use_sacct=no", "slurm_wakeupperiod=2"]
            queue = "grid"
        lrms = "\n".join(batch)
        return f"""[common]
hostname=localhost
x509_host_key={here}/hostkey.pem
x509_host_cert={here}/hostcert.pem
x509_cert_dir={self.anchors}
x509_cert_policy=grid
[authgroup:pilots]
{members}
[mapping]
policy_on_nomap=continue
[lrms]
{lrms}
[arex]
loglevel=4
logfile={here}/log/arex.log
pidfile={here}/run/arex.pid
wakeupperiod=2
controldir={here}/control
sessiondir={here}/session
tmpdir={here}/tmp
joblog={here}/log/jobs.log

[arex/ws]
wsurl={self.url}
logfile={here}/log/ws.log
pidfile={here}/run/ws.pid
[arex/ws/jobs]
allowaccess=pilots
[infosys]
logfile={here}/log/infosys.log
[infosys/glue2]
[infosys/cluster]
[queue:{queue}]
"""


def _insert(script: Path, text: str, before: str) -> None:
    """Put `text` in front of what a package's script says; TestbedError if it says it no more."""
    old = script.read_text()
    if before not in old:
        raise TestbedError(f"{script} says nothing of {before}: the package changed")
    script.write_text(old.replace(before, text + before))
