"""A VO's VOMS server (with the MariaDB that it needs) and a MyProxy server, and the clients of both."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from testbed.authority import Authority, Identity
from testbed.commands import run
from testbed.folder import folder
from testbed.ports import free_port
from testbed.service import Service
from testbed.waiting import until

PACKAGES = [
    *("voms-clients", "voms-server", "voms-mysql-plugin", "mariadb-server-core", "mariadb-client-core"),
    *("myproxy", "myproxy-server", "globus-proxy-utils", "nordugrid-arc-client"),
]
VO = "gridtest"
# Runs what goes into the background by itself, and stays: its keeper ends both.
BACKGROUND = ("sh", "-c", '"$@" && exec sleep infinity', "sh")
HOST = "/DC=test/DC=grid/CN=localhost"
# VOMS's own tables: its authority, groups, roles; who is in which group (m.rid null) and may take which role.
MEMBERS = """
insert into ca(cid,ca,cadescr) values (10,'/DC=test/DC=grid/CN=Test Authority','test');
insert into `groups`(gid,dn,parent,must) values (1,'/{vo}',1,1),(2,'/{vo}/prod',1,1);
insert into roles(rid,role) values (1,'pilot'),(2,'production');
insert into seqnumber values ('00');
insert into version values (2);
insert into usr(userid,dn,ca,cn) values (1,'/DC=test/DC=grid/CN={member}',10,'{member}');
insert into m(userid,gid,rid) values (1,1,null),(1,1,1);
"""
MYPROXY = """accepted_credentials "/DC=test/DC=grid/*"
authorized_retrievers "*"
default_retrievers "*"
authorized_renewers "/DC=test/DC=grid/*"
default_renewers "none"
authorized_key_retrievers "*"
default_key_retrievers "none"
trusted_retrievers "/DC=test/DC=grid/*"
default_trusted_retrievers "/DC=test/DC=grid/*"
max_proxy_lifetime 24
allow_self_authorization true
"""


class VOMS:
    """Both servers, with their files in `directory`, which must not exist yet; run by an ordinary user.

    `member` (a common name, /DC=test/DC=grid/CN=`member`) is in the VO and has the role pilot, no other.
    """

    def __init__(self, directory: Path, authority: Authority, member: str) -> None:
        self.directory = directory
        self.authority = authority
        self.member = member
        self.port, self.myproxy_port = free_port(), free_port()
        self._root = folder("voms", PACKAGES) / "usr"
        self._user = "nobody" if os.geteuid() == 0 else None
        self._services: list[Service] = []

    def __enter__(self) -> "VOMS":
        self.create()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def variables(self) -> dict[str, str]:
        """The environment of clients: their programs on PATH, and whom they trust."""
        return {
            "PATH": f"{self.directory}/bin:{self._root}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "X509_CERT_DIR": str(self.directory / "anchors"),
            "X509_VOMS_DIR": str(self.directory / "vomsdir"),
            "MYPROXY_SERVER_DN": HOST,
        }

    @property
    def arguments(self) -> str:
        """What voms-proxy-init has to be told of this VO, beyond its name."""
        return f"-vomses {self.directory}/vomses -certdir {self.directory}/anchors"

    def create(self) -> None:
        """Write certificates, configuration and the clients' names."""
        self.directory.mkdir(mode=0o755)
        self.authority.anchors(self.directory / "anchors")
        identity = self.authority.host("localhost")
        self._write("host.pem", identity.certificate)
        self._write("hostkey.pem", identity.key)
        self._write("password", b"none\n")
        (self.directory / "password").chmod(0o640)  # vomsd wants exactly that
        self._write("myproxy.conf", MYPROXY.encode())
        for name in ("db", "store", "bin"):
            (self.directory / name).mkdir(mode=0o700 if name != "bin" else 0o755)
            self._give(self.directory / name)
        for name in ("init", "info"):  # as alternatives(1) calls them on an installed host
            (self.directory / "bin" / f"voms-proxy-{name}").symlink_to(self._root / f"bin/voms-proxy-{name}2")
        lsc = self.directory / "vomsdir" / VO / "localhost.lsc"
        lsc.parent.mkdir(parents=True)
        lsc.write_text(f"{HOST}\n/DC=test/DC=grid/CN=Test Authority\n")
        self._write("vomses", f'"{VO}" "localhost" "{self.port}" "{HOST}" "{VO}"\n'.encode())
        (self.directory / "vomses").chmod(0o644)

    def start(self) -> None:
        """Start all three; return when they answer."""
        here, socket = self.directory, self.directory / "db.sock"
        (messages,) = self._root.glob("share/m*/english/errmsg.sys")
        self._serve("mariadb.log", [
            self._root / "sbin/mariadbd", "--no-defaults", f"--datadir={here}/db", f"--basedir={self._root}",
            f"--lc-messages-dir={messages.parent.parent}", "--skip-networking", f"--socket={socket}",
            "--skip-grant-tables", f"--pid-file={here}/db.pid", "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=8M", f"--plugin-dir={self._root}/lib/mysql/plugin",
        ])  # fmt: skip
        until(lambda: self._sql("select 1", check=False), 60, "MariaDB")
        self._sql(f"create database voms_{VO}")
        tables = (self._root / "share/voms/voms-mysql.data").read_text()
        self._sql(tables + MEMBERS.format(vo=VO, member=self.member), f"voms_{VO}")
        self._serve("voms.log", [
            *BACKGROUND, self._root / "sbin/voms", "-vo", VO, "-dbname", f"voms_{VO}",
            "-port", str(self.port), "-username", "voms", "-passfile", here / "password",
            "-sqlloc", self._root / "lib/voms/libvomsmysql.so",
            "-mysql-socket", socket, "-logfile", here / "vomsd.log", "-loglevel", "4", "-logtype", "7",
            "-code", str(self.port), "-timeout", "86400", "-uri", f"localhost:{self.port}",
            "-x509_user_cert", here / "host.pem", "-x509_user_key", here / "hostkey.pem",
            "-x509_cert_dir", here / "anchors",
        ])  # fmt: skip
        self._serve("myproxy.log", [
            *BACKGROUND, self._root / "sbin/myproxy-server", "-P", here / "myproxy.pid",
            "-l", "127.0.0.1", "-p", str(self.myproxy_port),
            "-c", here / "myproxy.conf", "-s", here / "store",
        ])  # fmt: skip
        until(lambda: _listens(self.port) and _listens(self.myproxy_port), 60, "vomsd and myproxy-server")

    def stop(self) -> None:
        """End all of it."""
        while self._services:
            self._services.pop().stop()

    def store(self, user: Identity, name: str, passphrase: str, *words: str) -> None:
        """Store a proxy of `user` at the MyProxy server under `name`."""
        folder_ = self.directory / f"user-{name}"
        folder_.mkdir(mode=0o700)
        self._give(folder_)
        self._write(f"user-{name}/cert", user.certificate)
        self._write(f"user-{name}/key", user.key)
        files = {"X509_USER_CERT": str(folder_ / "cert"), "X509_USER_KEY": str(folder_ / "key")}
        run(
            [self._root / "bin/myproxy-init", "-s", "localhost", "-p", str(self.myproxy_port), "-l", name,
             *(words or ("-S",))],
            env={**os.environ, **self.variables, **files}, user=self._user, timeout=60,
            input=f"{passphrase}\n",
        )  # fmt: skip

    def _serve(self, log: str, command: list[str | Path]) -> None:
        host = {
            "X509_USER_CERT": str(self.directory / "host.pem"),
            "X509_USER_KEY": str(self.directory / "hostkey.pem"),
            "X509_CERT_DIR": str(self.directory / "anchors"),
        }  # fmt: skip
        env: Mapping[str, str] = {**os.environ, **host}
        self._services.append(Service.start(command, env=env, output=self.directory / log, user=self._user))

    def _sql(self, text: str, database: str = "", check: bool = True) -> bool:
        command: list[str | Path] = [self._root / "bin/mariadb", "--no-defaults"]
        command += [f"--socket={self.directory}/db.sock", *([database] if database else [])]
        return run(command, env=os.environ, timeout=60, input=text, check=check).returncode == 0

    def _write(self, name: str, data: bytes) -> None:
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_bytes(data)
        self._give(path)

    def _give(self, path: Path) -> None:
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(path, entry.pw_uid, entry.pw_gid)


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
