"""Coverage-guided fuzzing of every door that hostile servers, users and files knock at.

    pip install '.[fuzz]'
    python tests/fuzz/fuzz_doors.py -runs=1000000 [corpus folder ...]

The first byte of an input says which door; the rest is what comes in: strict JSON, CRIC's records (to queue
sections and back), PanDA's answers, a line at the control socket, a UDP ping, a pilot's report and the HTTP
around it, a redirect, host and port,
foreign text on its way to the terminal, secrets in it, a queue's name in a submit description, a record for
the history. At each door only its own error may come out, and nothing may be slow.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install '.[fuzz]'")

with atheris.instrument_imports(include=["autopyfactory"]):
    from autopyfactory.cli.cric import _text as conf_text
    from autopyfactory.condor import quoting
    from autopyfactory.config import ini
    from autopyfactory.control import protocol
    from autopyfactory.cric import plan, records
    from autopyfactory.cric.selection import Selection
    from autopyfactory.external import body, redirects, strictjson
    from autopyfactory.history import packing
    from autopyfactory.model import hostport, redact, reporttoken, text
    from autopyfactory.notify import pilotreports, wrapperpings
    from autopyfactory.plugins.wmsstatus import pandaserver, pandastatistics

from autopyfactory.config import jobstates
from autopyfactory.config.loader import parse_text
from autopyfactory.external.http import Answer, HttpError
from autopyfactory.model.record import CycleRecord
from autopyfactory.options.problem import ConfigError
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import SourceError

ALL = Selection(names=("*",), resource_type=(), states=())
KEY = b"k" * reporttoken.KEY_BYTES
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAPPING = jobstates.Mapping.load(jobstates.PANDA, {})


def text_of(data: bytes) -> str:
    """Make a text with anything in it, half characters too."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


def json_door(data: bytes) -> None:
    """What is read can be stored, shown and sent."""
    try:
        found = strictjson.loads(data, max_elements=10_000)
    except strictjson.JSONError:
        return
    repr(found).encode()


def cric_door(data: bytes) -> None:
    """A record stays a record: sections that are made of it read back as themselves."""
    try:
        raw = records.parse(data)
    except ValueError:
        return
    sections = []
    for verdict in plan.plan(raw, {"s": ALL}, {"s": {}}, ("CondorCE", "CondorARC")):
        verdict.reason.encode()
        if verdict.section:
            assert text.is_one_line(verdict.section)
            assert all(text.is_one_line(value) for value in verdict.keys.values())
            sections.append(Section.from_texts(verdict.section, verdict.keys))
    try:
        written = conf_text(sections)
    except ConfigError:
        return
    assert len(parse_text(written).sections) == len(sections)


def panda_door(data: bytes) -> None:
    """An answer of PanDA's server is understood, or refused."""
    try:
        found = pandaserver.PandaServer._data(Answer("https://panda", 200, {}, data))
    except (SourceError, HttpError):
        return
    readers = (
        lambda: pandastatistics.detailed(found, MAPPING),
        lambda: pandastatistics.plain(found, MAPPING),
        lambda: pandastatistics.sites(found),
    )
    for read in readers:
        try:
            repr(read()).encode()
        except SourceError:
            continue


def control_door(data: bytes) -> None:
    """A line at the socket is a request, or a protocol error."""
    try:
        message = protocol.decode(data)
    except protocol.ProtocolError:
        return
    protocol.encode({"ok": True, "result": message})


def ping_door(data: bytes) -> None:
    """A datagram is a ping with short, printable fields, or none."""
    try:
        ping = wrapperpings.parse(data)
    except ValueError:
        return
    event = wrapperpings.event(ping, "127.0.0.1")
    assert all(len(str(v)) <= 4096 and str(v).isprintable() for v in event.facts.values())


def report_door(data: bytes) -> None:
    """A body is a report of the pilot that its token is of, short and printable, or none."""
    filled = data.replace(b"TOKEN", reporttoken.mint(KEY, "tag-1", 3, 2e9).encode())
    try:
        said = pilotreports.parse(filled, KEY, 1e9)
    except (PermissionError, ValueError, RecursionError):
        return
    assert (said.tag, said.proc) == ("tag-1", 3), "nobody else's"
    event = pilotreports.event(said, "q")
    assert event.text.isprintable()
    assert all(len(str(v)) <= 4096 and str(v).isprintable() for v in event.facts.values())


class Reports:
    """What a request's handler knows of its server."""

    def handle_report(self, body: bytes) -> int:
        """Take a body."""
        assert len(body) <= pilotreports.MAX_BYTES
        return 204


def http_door(data: bytes) -> None:
    """Whatever comes over a connection is answered, or the connection ends; no more is read than may be."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):  # as the server does
            pilotreports._Handler(ours, ("127.0.0.1", 1), Reports())  # type: ignore[arg-type] - all it needs


def redirect_door(data: bytes) -> None:
    """No redirect leads from https to anything else."""
    try:
        target = redirects.follow("https://h:8443/a/b?c", text_of(data), method="GET", body=False)
    except redirects.RedirectError:
        return
    assert redirects.origin(target)[0] == "https"


def host_door(data: bytes) -> None:
    """A host is a host, or refused with a reason; its form is stable."""
    try:
        place = hostport.parse_endpoint(text_of(data))
    except ValueError as err:
        str(err).encode(errors="backslashreplace")
        return
    assert hostport.parse(str(place)) == place


def text_door(data: bytes) -> None:
    """Nothing but text reaches a terminal; secrets are looked for in time."""
    foreign = text_of(data)
    shown = text.visible(redact.hidden(foreign))
    shown.encode()
    assert "\x1b" not in shown and "\x9b" not in shown
    assert text.is_one_line(text.printable(foreign))
    redact.shown(foreign).encode()


def name_door(data: bytes) -> None:
    """A name expands nowhere in a submit description."""
    name = text_of(data)
    for quote in (quoting.macro, quoting.attr, quoting.constraint_string, lambda t: quoting.words([t])):
        try:
            quoting.check_description({"key": quote(name)})
        except ValueError:
            continue


def history_door(data: bytes) -> None:
    """A record can be stored and read back, or is refused alone."""
    said = text_of(data)
    record = CycleRecord("q", 1, NOW, "nothing", said, errors={"wms": said})
    try:
        packed = packing.encode(record)
    except ValueError:
        return
    assert packing.decode(packed) == record


def body_door(data: bytes) -> None:
    """A body is unpacked within its limit, or refused."""
    try:
        assert (
            len(body.collect([data[i : i + 50] for i in range(0, len(data), 50)], "gzip", 10_000)) <= 10_000
        )
    except body.BodyError:
        return


def config_door(data: bytes) -> None:
    """A file is read, whatever it is (`fuzz_config` goes further)."""
    ini.parse(data, "a")


DOORS: list[Callable[[bytes], None]] = [
    json_door, cric_door, panda_door, control_door, ping_door, report_door, http_door, redirect_door,
    host_door, text_door, name_door, history_door, body_door, config_door,
]  # fmt: skip


def one_input(data: bytes) -> None:
    """Knock at one door."""
    if not data:
        return
    DOORS[data[0] % len(DOORS)](data[1:])


def seeds() -> str:
    """Write a corpus of what is known to be interesting."""
    record = (Path(__file__).parents[1] / "data" / "cric_cern_2022.json").read_bytes()
    texts = [
        b'{"CERN": %b}' % record, b'{"X": {"queues": [{"ce_endpoint": "h:1", "ce_flavour": "HTCONDOR-CE"}]}}',
        b'["\\ud800", "\\ud83d\\ude00", 1e999, {"a": 1, "a": 2}]', b'{"command": "status", "arguments": {}}',
        b"v f:17.3 running 0 Q ce u 0 http://f/17.3.out", b"https://h/x\x00", b"\thttp://h",
        b"[2001:db8::1]:80", b"h/jobmanager-pbs", b"\x1b]0;x\x07\xc2\x9b31m\xe2\x80\xae",
        b'{"token": "TOKEN", "state": "exiting", "pilot": "7.3", "seconds": 9, "host": "n",'
        b' "summary": {"schema": 1, "exit": 1, "outcome": "unfit", "reason": "r",'
        b' "checks": {"tmp": {"result": "fatal", "ms": 1}}}}',
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"HEAD / HTTP/1.0\r\nContent-Length: -1\r\n\r\n",
        b"--token abc TOKEN=x ?apikey=y eyJhbGci.eyJh",
        b"$ENV(HOME) $(X) $$(Y) a\\", b"\xed\xa0\x80", b"[s]\na = %(b)s\n",
    ]  # fmt: skip
    folder = tempfile.mkdtemp(prefix="fuzz-doors-")
    for door in range(len(DOORS)):
        for number, known in enumerate(texts):
            Path(folder, f"{door}-{number}").write_bytes(bytes([door]) + known)
    return folder


def main() -> None:
    """Run libFuzzer with the arguments given."""
    arguments = sys.argv
    if not any(os.path.exists(a) for a in arguments[1:]):
        arguments = [*arguments, seeds()]
    if not any(a.startswith("-timeout") for a in arguments):
        arguments = [*arguments, "-timeout=10"]
    atheris.Setup(arguments, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
