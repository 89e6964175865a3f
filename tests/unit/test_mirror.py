"""The test of `autopyfactory/x/y.py` is `tests/unit/x/test_y.py`: who changes one finds the other.

What is not so is listed here, with the reason.
"""

from __future__ import annotations

from pathlib import Path

UNIT = Path(__file__).parent
PACKAGE = UNIT.parents[1] / "autopyfactory"
LARGE = 60  # lines from which on a module without a test of its own must have a reason

# Tests of what no module holds alone.
ACROSS = {
    "test_mirror.py": "this one",
    "cli/test_commands.py": "commands that are asked one after the other of one running factory",
    "cli/test_small_start.py": "what small commands may import",
    "config/test_fuzz.py": "whatever files hold, through all of config/",
    "daemon/test_service_files.py": "misc/: unit, init script, logrotate, sysusers",
    "plugins/sched/test_life_limits.py": "three rules with one table of numbers",
    "plugins/sched/test_properties.py": "what holds for every chain of rules",
    "plugins/sched/test_takeback.py": "which pilots a chain means with a negative number",
    "plugins/sched/test_vectors.py": "the arithmetic of 2.4, rule by rule, as it was measured there",
    "why/test_any_record.py": "a story comes of any record",
    "wrapper/test_end.py": "wrapper/glidein.sh: how it ends",
    "wrapper/test_options.py": "wrapper/glidein.sh: its options",
}
# Tests of what lies outside the package.
OUTSIDE = ("bin/", "docs/")
# Modules of more than LARGE lines that the tests of others run through.
COVERED = {
    "api/cluster": "",
}


def modules() -> set[str]:
    return {str(p.relative_to(PACKAGE).with_suffix("")) for p in PACKAGE.rglob("*.py")}


def tests() -> dict[str, str]:
    """Return the module that each test should be of, by the test's path."""
    found = {}
    for path in UNIT.rglob("test_*.py"):
        name = path.relative_to(UNIT)
        found[str(name)] = str(name.with_name(path.stem.removeprefix("test_")))
    return found


def test_every_test_has_its_module_or_is_named_here() -> None:
    known = modules()
    alone = {t for t, module in tests().items() if module not in known and not t.startswith(OUTSIDE)}
    assert alone == set(ACROSS)


def test_every_large_module_has_its_test_or_is_named_here() -> None:
    tested = set(tests().values())
    large = {
        m
        for m in modules() - tested
        if len((PACKAGE / f"{m}.py").read_text().splitlines()) > LARGE and not m.endswith("__init__")
    }
    assert large == set(COVERED)


def test_every_exception_has_its_reason() -> None:
    assert all(len(reason) > 5 for reason in (ACROSS | COVERED).values())
