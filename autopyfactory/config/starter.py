"""A first configuration, commented, from a few answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from autopyfactory.model.hostport import parse

FILES = ("autopyfactory.conf", "queues.conf", "auth.conf", "monitor.conf")
_HOLE = re.compile(r"@(\w+)@")
_OFF = "#"
_ELSEWHERE = "/usr/libexec/wrapper.sh"  # what pilots run, where nobody has said it
_PANDA = """wrapper.payload = panda
# FILL IN where the archive with PanDA's pilot is, and its digest, by `sha256sum FILE`: no pilot goes without
# them.  What else there is, as the server and the experiment: docs/sources/panda.md.
#wrapper.option.panda.url = https://pilots.example.org/pilot3.tar.gz
#wrapper.option.panda.sha256 =
#wrapper.option.panda.user = generic"""


@dataclass(frozen=True, slots=True)
class CE:
    """An HTCondor-CE that pilots go to."""

    place: str  # host or host:port
    schedd: str = ""  # its name, when it is not the host
    token: str = ""  # a file of its own; empty: as for all


@dataclass(frozen=True, slots=True)
class Answers:
    """What a first configuration needs to know; the defaults make the files that are shipped."""

    factory_id: str = "MYSITE-myhost-myname"
    factory_user: str = "autopyfactory"
    admin_email: str = "root@localhost"
    smtp_server: str = ""
    wms: str = "Condor"  # or Panda
    wmsqueue: str = "my-label"
    ces: tuple[CE, ...] = ()
    collector: str = ""
    schedd: str = ""
    pool_token: str = ""
    pilot_collector: str = ""
    pilot_schedd: str = ""
    executable: str = ""  # empty: PanDA's pilot in our wrapper; else a file that has to be put there
    arguments: str = ""
    token: str = ""
    log_dir: str = "/var/log/autopyfactory/pilots"
    log_url: str = ""
    state_dir: str = "/var/lib/autopyfactory"
    max_per_cycle: int = 20
    max_pending: int = 20
    max_to_run: int = 500
    max_factory: int = 5000
    period: int = 60  # s between two looks, and between two decisions


def render(answers: Answers) -> dict[str, str]:
    """Return the starter configuration: file name -> text."""
    holes = _holes(answers)
    return {name: _fill(name, holes) for name in FILES}


def write(folder: Path, answers: Answers, *, force: bool = False) -> list[Path]:
    """Write the starter configuration into `folder`.

    Raises FileExistsError unless `force`, and ValueError for a CE that names no host.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {folder / name: text for name, text in render(answers).items()}
    there = [str(p) for p in paths if p.exists()]
    if there and not force:
        raise FileExistsError(", ".join(there))
    for path, text in paths.items():
        path.write_text(text, encoding="utf-8")
    return list(paths)


def unfilled(answers: Answers) -> dict[str, str]:
    """Return what only the operator knows and has not said: options of queues.conf, and what each needs."""
    needed = {} if answers.ces else {"batchsubmit.condorce.gridresource": "the CE; then `enabled = True`"}
    if _panda_pilot(answers):
        needed |= {
            "wrapper.option.panda.url": "where the archive with PanDA's pilot is (docs/sources/panda.md)",
            "wrapper.option.panda.sha256": "its digest, by `sha256sum FILE`",
        }
    elif not Path(answers.executable or _ELSEWHERE).is_file():
        needed["executable"] = f"what pilots run: there is no file {answers.executable or _ELSEWHERE} here"
    return needed


def _panda_pilot(answers: Answers) -> bool:
    """Return whether pilots are PanDA's own, fetched by our wrapper."""
    return answers.wms == "Panda" and not answers.executable


def _fill(name: str, holes: Mapping[str, str]) -> str:
    template = files("autopyfactory.config").joinpath(f"starter-{name}").read_text(encoding="utf-8")
    return _HOLE.sub(lambda m: holes[m[1]], template).rstrip() + "\n"


def _holes(a: Answers) -> dict[str, str]:
    condor = a.wms == "Condor"
    status = "" if condor else "StatusTest, StatusOffline, "
    return {
        **{name: _safe(str(getattr(a, name))) for name in a.__slots__ if name != "ces"},
        "smtp": _switch(a.smtp_server),
        "smtp_server": _safe(a.smtp_server or "mail.example.org"),
        "log_url_off": _switch(a.log_url),
        "log_url_on": _OFF if a.log_url else "",
        "log_url": _safe(a.log_url or "https://myhost.example.org/pilot-logs"),
        "condor": "" if condor else _OFF,
        "panda": _OFF if condor else "",
        "payload": _PANDA if _panda_pilot(a) else f"{_OFF}wrapper.payload = glidein",
        "executable_off": _OFF if _panda_pilot(a) else "",
        "executable": _safe(a.executable or _ELSEWHERE),
        "enabled": str(bool(a.ces)),
        "chain": f"Ready, {status}MaxPerCycle, MaxGrowth, MaxPending, MaxToRun, MaxPerFactory",
        "collector_off": _switch(a.collector),
        "collector": _safe(a.collector or "pool.example.org"),
        "schedd_off": _switch(a.schedd),
        "schedd": _safe(a.schedd or "submit.example.org"),
        "pilot_collector_off": _switch(a.pilot_collector),
        "pilot_collector": _safe(a.pilot_collector or "ap.example.org"),
        "pilot_schedd_off": _switch(a.pilot_schedd),
        "pilot_schedd": _safe(a.pilot_schedd or "ap.example.org"),
        "pool_token_off": _switch(a.pool_token),
        "pool_token": _safe(a.pool_token or "/etc/autopyfactory/pool.token"),
        "arguments_off": _switch(a.arguments),
        "arguments": a.arguments or "--label %(wmsqueue)s",
        "token_off": _switch(a.token),
        "token": _safe(a.token or "/etc/autopyfactory/ce.token"),
        "queues": "\n".join(_queue(ce, a) for ce in a.ces or (CE("ce.example.org"),)),
    }


def _switch(text: str) -> str:
    return "" if text else _OFF


def _safe(text: str) -> str:
    """Return `text` so that it is read back as it is: on one line, percent signs doubled."""
    return " ".join(text.split()).replace("%", "%%")


def _queue(ce: CE, a: Answers) -> str:
    site = ce.schedd.partition("@")[0] or parse(ce.place).host.partition(".")[0]
    more = {"schedd": ce.schedd, "tokenfile": ce.token}
    return (
        f"[{_name(a.wmsqueue)}-{_name(site)}]\n"
        f"# The label of the jobs, or the site as the WMS calls it.\n"
        f"wmsqueue = {_safe(a.wmsqueue)}\n"
        f"batchsubmit.condorce.gridresource = {_safe(ce.place)}\n"
        + "".join(f"batchsubmit.condorce.{key} = {_safe(text)}\n" for key, text in more.items() if text)
    )


def _name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", text)
