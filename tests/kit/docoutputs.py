"""Outputs that the documentation shows, and how to make them anew.

A block of a page that begins with `$ autopyfactory ...` and goes on is an output. A line `...` in it stands
for any lines. `PYTHONPATH=misc:tests/kit .venv/bin/python -m docoutputs` writes today's into the pages.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner

import docstories
from autopyfactory.cli.main import cli
from autopyfactory.model.record import CycleRecord
from autopyfactory.why import explain
from autopyfactory.why.render import render
from patience import until
from place import Place
from servers import cric

TOP = Path(__file__).resolve().parents[2]
DOCS, DATA = TOP / "docs", TOP / "tests/data/docs"
SKIP = "..."


@dataclass(frozen=True)
class Output:
    """A command in a page and what the page shows of its output."""

    page: str  # below docs/, without .md
    command: str
    text: str
    indent: str

    def __str__(self) -> str:
        return f"{self.page}: {self.command.splitlines()[0]}"


def outputs(page: Path) -> list[Output]:
    """Return the outputs that `page` shows, in order."""
    found, lines = [], page.read_text().splitlines()
    name = str(page.relative_to(DOCS).with_suffix(""))
    for number, line in enumerate(lines):
        begin = re.match(r"( *)\$ (autopyfactory .*)", line)
        if begin is None:
            continue
        indent, command, text = begin[1], begin[2], []
        rest = lines[number + 1 :]
        while command.endswith("\\"):
            command += "\n" + rest.pop(0)
        for after in rest:
            ended = after.startswith(f"{indent}```") if _fenced(lines[:number]) else _outside(after, indent)
            if ended or after.startswith(f"{indent}$ "):
                break
            text.append(after.removeprefix(indent))
        while text and not text[-1]:
            text.pop()
        if text:
            found.append(Output(name, command, "\n".join(text), indent))
    return found


def _fenced(before: list[str]) -> bool:
    return sum(line.lstrip().startswith("```") for line in before) % 2 == 1


def _outside(line: str, indent: str) -> bool:
    return bool(line) and not line.startswith(indent)


def fits(shown: str, said: str) -> bool:
    """Return whether `shown`, with its `...` lines, is what was `said`."""
    parts = re.split(r"^\.\.\.$\n?", _trimmed(shown), flags=re.MULTILINE)
    pattern = r"(?:.*\n)*".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, _trimmed(said)) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines()) + "\n"


def run(command: str) -> str:
    """Run a command of the page in the current folder; return all that it prints."""
    words = shlex.split(command.replace("\\\n", " "))[1:]
    return CliRunner(env={"COLUMNS": "110"}).invoke(cli, words, prog_name="autopyfactory").output


# --- where and how each is made ----------------------------------------------------------------------------


def of_files(folder: str) -> Callable[[Output], str]:
    """Return what makes an output from the configuration in `folder`, below tests/data/docs."""

    def make(wanted: Output) -> str:
        with contextlib.chdir(DATA / folder):
            return run(wanted.command)

    return make


QUEUES = """[DEFAULT]
enabled = True
apfqueue.sleep = 0.2
wmsstatusplugin = File
wmsstatus.file.path = {folder}/work.json
wmsstatus.file.sleep = 1
wmsstatus.file.maxage = 600
batchstatusplugin = Exec
batchsubmitplugin = Exec
schedplugin = Ready, MaxPerCycle, MaxToRun
sched.maxpercycle.maximum = 2
sched.maxtorun.maximum = {limit}
executable = /bin/sleep
executable.arguments = 300
{sections}
"""
SECTION = "\n[{}]\nwmsqueue = {}\n"
WORK = {"analysis": {"ready": 30}, "production": {"ready": 30}, "test": {"ready": 1}}


@contextlib.contextmanager
def changed_factory() -> Iterator[Place]:
    """A factory that runs, with four pilots in each queue, and whose files have been edited since."""
    logging.getLogger("autopyfactory").addHandler(logging.NullHandler())  # else it is heard on our output
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name))
        queues = Path(name, "queues.conf")
        Path(name, "work.json").write_text(json.dumps(WORK))
        before = SECTION.format("ANALYSIS-ce1", "analysis") + SECTION.format("PROD", "production")
        queues.write_text(QUEUES.format(folder=name, limit=4, sections=before))
        factory = place.start()
        try:
            until(
                lambda: all(
                    q.last and q.last.inputs and q.last.inputs.batch and q.last.inputs.batch.running == 4
                    for q in factory.queues.values()
                )
            )
            sections = [("ANALYSIS-ce1", "analysis"), ("PROD-ce2", "production"), ("TEST", "test")]
            after = "".join(SECTION.format(*section) for section in sections)
            queues.write_text(QUEUES.format(folder=name, limit=10, sections=after))
            Path(name, "work.json").write_text(json.dumps(WORK | {"production": {"ready": 3}}))
            yield place
        finally:
            place.stop()
            place.kill_pilots()


def of_plan(wanted: Output) -> str:
    with changed_factory() as place:
        until(lambda: "3 cut to 2" in place.run("plan").output)
        return place.run("plan").output


def of_reload(wanted: Output) -> str:
    with changed_factory() as place:
        queues = place.folder / "queues.conf"
        label = "wmsqueue = analysis\n"
        queues.write_text(queues.read_text().replace(label, f"{label}sched.maxtorun.maximum = ten\n"))
        return place.run("reload", code=1).output.replace(str(place.folder), "/etc/autopyfactory")


def of_story(wanted: Output) -> str:
    """Tell the story of a queue whose PanDA server has answered with a failure for a while."""
    begun = datetime(2026, 11, 22, 2, 20, 52, tzinfo=UTC)
    error = (
        "https://pandaserver.cern.ch:25443/api/v1/statistics/... failed: Database failure getting the job"
        " statistics (since 02:14:00Z)"
    )
    gate = (f"WMS status 412 s old (maxage 360): {error}",)
    known: dict[str, Any] = {"gate": gate, "errors": {"wms": error}, "ages": {"wms": 412.0}}
    record = CycleRecord("AGLT2", 7, begun, "held back", gate[0], **known)
    return "\n".join(render(explain([record], None, now=begun + timedelta(seconds=3)))) + "\n"


def of_cric(wanted: Output) -> str:
    """Run it on the page's own selection, and on records of a server in this process."""
    records = {
        "AGLT2": cric.queue(
            "AGLT2", cloud="US", pilot_manager="APF",
            queues=[cric.ce("gate01.aglt2.org:9619"), cric.ce("old.aglt2.org:9619", ce_state="DISABLED")],
        ),
        "CERN": cric.queue("CERN", cloud="CERN", pilot_manager="APF"),
    }  # fmt: skip
    page = (DOCS / "sources/cric.md").read_text()
    files = dict(re.findall(r"^```ini\n# (\S+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    with tempfile.TemporaryDirectory() as folder, cric.CRIC(records) as server:
        text = files["autopyfactory.conf"].replace("/etc/autopyfactory", folder)
        text = re.sub(r"https://atlas-cric\S+", server.source, text)
        text = re.sub(r"(?m)^config.queues.cric.capath.*\n", "", text)
        head = f"[Factory]\nfactoryId = f\nbaseLogDir = {folder}\nstatedir = {folder}\n"
        Path(folder, "autopyfactory.conf").write_text(text.replace("[Factory]\n", head))
        Path(folder, "us-defaults.conf").write_text(files["us-defaults.conf"])
        return run(f"{wanted.command} --conf {folder}/autopyfactory.conf")


STATUS = ("capped", "down", "failing", "idle", "paused", "refused", "scheddless")  # of docs/why.md

MAKERS: Mapping[tuple[str, str], Callable[[Output], str]] = {
    ("configuration", "check"): of_files("configuration/wrong"),
    ("configuration", "config"): of_files("configuration/right"),
    ("configuration", "plan"): of_plan,
    ("configuration", "reload"): of_reload,
    ("simulate", "simulate"): of_files("simulate"),
    ("sources/README", "why"): of_story,
    ("sources/cric", "cric"): of_cric,
    ("why", "pilots"): lambda wanted: docstories.kill(),
    ("why", "status"): lambda wanted: docstories.table(STATUS),
    ("why", "why"): lambda wanted: docstories.why(wanted.command.split()[2]),
}
"""(page, first word of the command): what makes the output"""
ON_GRID = {"site-check"}  # pages whose outputs tests/grid makes, and compares by `alike`


def alike(text: str) -> str:
    """Return an output without what differs from run to run: times, ports, addresses, versions, lives."""
    for pattern, plain in (
        (r"(?<= ) *\d+(\.\d+)? s\b", "N s"),
        (r"\b127\.0\.0\.1:\d+\b", "127.0.0.1:N"),
        (r"\bport \d+", "port N"),
        (r"HTCondor [\d.]+", "HTCondor N"),
        (r"\b(ends in|expired) [^,;\n]*", r"\1 N"),
        (r"(?<=ran, after) .*", " N"),
        (r"\bas [\w.]+", "as ID"),
        (r"\bcluster \d+|\b\d+\.\d+(?= )", "ID"),
    ):
        text = re.sub(pattern, plain, text)
    return text


def main() -> None:
    """Write what commands say today into the pages; what is abridged there is only told when it is stale."""
    for page in sorted(DOCS.rglob("*.md")):
        for shown in outputs(page):
            make = MAKERS.get((shown.page, shown.command.split()[1]))
            if make is None or fits(shown.text, said := make(shown)):
                continue
            if SKIP in shown.text.splitlines():
                print(f"{shown}: stale, and abridged: correct it by hand\n{said}")
                continue
            old, new = (
                "\n".join(f"{shown.indent}{line}".rstrip() for line in text.rstrip().splitlines())
                for text in (shown.text, said)
            )
            text = page.read_text()
            if old not in text:
                old = "\n".join(f"{shown.indent}{line}" for line in shown.text.splitlines())
            page.write_text(text.replace(old, new))
            print(f"{shown}: written anew")


if __name__ == "__main__":
    main()
