"""A third party's plugins, made by the command and installed elsewhere, run in a live factory there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from patience import PATIENCE, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
NAMES = {
    "sched": "Part",
    "wmsstatus": "Spool",
    "batchstatus": "Census",
    "batchsubmit": "Farm",
    "queueconfig": "Table",
    "monitor": "Lines",
    "auth": "Printed",
}
CONF = """
[Factory]
factoryId = third-party
baseLogDir = {folder}/logs
statedir = {folder}/state
logdir = {folder}
factory.sleep = 1
config.queues.plugin = Table
config.queues.table.path = {folder}/queues.csv
monitorConf = {folder}/monitor.conf
wmsstatus.spool.sleep = 1
batchstatus.farm.sleep = 1
batchstatus.census.sleep = 1
"""
COLUMNS = """queue,enabled,wmsqueue,apfqueue.sleep,wmsstatusplugin,wmsstatus.spool.folder,batchsubmitplugin,\
batchstatusplugin,batchstatus.farm.program,batchstatus.census.program,executable,executable.arguments,\
schedplugin,sched.part.percent,sched.maxtorun.maximum,monitorsection
"""
ROW = """{name},True,{name}-work,1,Spool,{folder}/jobs,Farm,{counter},{folder}/batch,{folder}/batch,\
/bin/sleep,600,"Ready, Part, MaxToRun",50,{most},lines
"""


class Elsewhere:
    """A virtual environment with this project's wheel, and what it needs from ours."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.python = str(folder / "venv" / "bin" / "python")
        venv.create(folder / "venv", with_pip=False)
        site = next((folder / "venv" / "lib").glob("python*")) / "site-packages"
        ours = sysconfig.get_path("purelib")
        (site / "others.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        self.run("-m", "pip", "install", "-q", "setuptools>=70")  # builds without pulling in `wheel`
        source = folder / "source"
        for name in ("autopyfactory", "docs/man", "etc", "misc"):
            shutil.copytree(ROOT / name, source / name)
        for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        self.install(source)

    def install(self, *sources: Path) -> None:
        options = ("-q", "--no-deps", "--no-build-isolation", "--no-index")
        self.run("-m", "pip", "install", *options, *map(str, sources))

    def run(self, *words: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            [self.python, *words], cwd=cwd or self.folder, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    it = Elsewhere(tmp_path_factory.mktemp("elsewhere"))
    for kind, name in NAMES.items():
        it.run("-m", "autopyfactory", "plugin", "new", kind, name, "--into", str(it.folder / "made"))
    it.install(*sorted((it.folder / "made").iterdir()))
    return it


def package(elsewhere: Elsewhere, kind: str) -> Path:
    return elsewhere.folder / "made" / f"autopyfactory-{kind}-{NAMES[kind].lower()}"


@pytest.mark.parametrize("kind", NAMES)
def test_each_package_passes_its_own_tests_and_check_as_it_is(elsewhere: Elsewhere, kind: str) -> None:
    made = package(elsewhere, kind)
    told = elsewhere.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=made)
    assert " passed" in told and "skipped" not in told
    check = ("-m", "autopyfactory", "--conf", "autopyfactory.conf", "check", "--strict")
    assert "0 errors, 0 warnings; 1 queue" in elsewhere.run(*check, cwd=made / "example")


def test_their_options_are_in_the_reference(elsewhere: Elsewhere) -> None:
    reference = elsewhere.run("-m", "autopyfactory", "config", "reference")
    for key in (
        "sched.part.percent",
        "wmsstatus.spool.folder",
        "wmsstatus.spool.sleep",
        "batchstatus.census.program",
        "batchstatus.farm.program",
        "config.queues.table.path",
        "monitor.lines.path",
        "printed.program",
    ):
        assert key in reference


@pytest.fixture
def factory(elsewhere: Elsewhere, tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A live factory of nothing but third parties' plugins; 8 jobs wait for A and 4 for B."""
    for queue, jobs in (("A", 8), ("B", 4)):
        (tmp_path / "jobs" / f"{queue}-work").mkdir(parents=True)
        for job in range(jobs):
            (tmp_path / "jobs" / f"{queue}-work" / str(job)).touch()
    (tmp_path / "factory.conf").write_text(CONF.format(folder=tmp_path))
    rows = [
        ROW.format(name=q, counter=c, most=m, folder=tmp_path)
        for q, c, m in (("A", "Farm", 4), ("B", "Census", 3))
    ]
    (tmp_path / "queues.csv").write_text(COLUMNS + "".join(rows))
    (tmp_path / "monitor.conf").write_text(
        f"[lines]\nmonitorplugin = Lines\nmonitor.lines.path = {tmp_path}/lines\n"
    )
    batch = package(elsewhere, "batchsubmit") / "tests" / "batch.py"
    elsewhere.run("-c", f"import batch; batch.batch_in({str(tmp_path)!r})", cwd=batch.parent)
    command = [elsewhere.python, "-m", "autopyfactory", "--conf", str(tmp_path / "factory.conf"), "--info"]
    with open(tmp_path / "stderr", "wb") as stderr:
        process = subprocess.Popen(
            [*command, "--log", str(tmp_path / "log")], stdin=subprocess.DEVNULL, stderr=stderr,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    try:
        yield tmp_path, process
    finally:
        process.kill()
        process.wait()
        subprocess.run([tmp_path / "batch", "end"], check=True, timeout=PATIENCE)


def test_they_keep_a_live_factory_going(
    elsewhere: Elsewhere, factory: tuple[Path, subprocess.Popen[bytes]]
) -> None:
    folder, process = factory

    def told() -> str:
        log = folder / "log"
        return (folder / "stderr").read_text() + (log.read_text()[-5000:] if log.exists() else "")

    def running() -> set[str]:
        assert process.poll() is None, told()
        done = subprocess.run(
            [folder / "batch", "list", "third-party"], capture_output=True, text=True, timeout=PATIENCE
        )
        return set(done.stdout.splitlines())

    until(lambda: running() == {"A running 4", "B running 3"}, "7 pilots", every=0.5)
    lines = folder / "lines"

    def cycles() -> list[dict[str, object]]:
        return [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []

    def quiet() -> bool:
        after = [c for c in cycles() if c.get("outcome") == "nothing"]
        return all(sum(c["queue"] == q for c in after) >= 3 for q in ("A", "B"))

    until(quiet, "three more cycles of each queue, in which nothing is to be sent", every=0.5)
    assert running() == {"A running 4", "B running 3"}, "more were sent than the rules allow"
    sent = {q: sum(int(str(c["submitted"])) for c in cycles() if c.get("queue") == q) for q in ("A", "B")}
    assert sent == {"A": 4, "B": 3}
    assert cycles()[0] == {"factory": "third-party", "queues": ["A", "B"]}
    why = elsewhere.run("-m", "autopyfactory", "--conf", str(folder / "factory.conf"), "why", "A")
    assert "Part: " in why and "50 % of" in why, why
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0, told()
