"""Coverage-guided fuzzing of everything between a configuration file's bytes and a validated factory.

    pip install '.[fuzz]'
    python tests/fuzz/fuzz_config.py -runs=1000000 [corpus folder ...]

An input is one or two files: the first is read as autopyfactory.conf, the second (behind the line
`#====`) as every other file. Nothing but ConfigError may come out, and nothing may take long: libFuzzer's
-timeout is 10 s here unless it is given. A crash is written to ./crash-<hash>; give that file as the only
argument to repeat it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install '.[fuzz]'")

with atheris.instrument_imports(include=["autopyfactory.config"]):
    from autopyfactory.check import semantics
    from autopyfactory.config import (
        build,
        diff,
        difftext,
        dump,
        fetch,
        ini,
        keys,
        loader,
        migrate,
        problemlist,
        rewrite,
    )
    from autopyfactory.options import interpolate

from autopyfactory.config.registry import Registry
from autopyfactory.options.problem import ConfigError

SEPARATOR = b"\n#====\n"
HERE = Path(__file__).parent
SEEDS = [HERE.parents[1] / "etc", HERE.parent / "unit" / "config" / "data"]
RULE = migrate.Verdict("fuzzed", key="renamed")


def points(group: str) -> Iterable[EntryPoint]:
    """Give all plugins but those that ask the network where queues are."""
    found = entry_points(group=group)
    return [p for p in found if p.name == "File"] if group == "autopyfactory.queueconfig" else found


REGISTRY = Registry(points)
keys.MAX_SUGGESTIONS = 0  # looking for similar words among hundreds takes most of the time: see below
WORDS = ("factoryId", "schedplugin", "sched.maxpending.maximum")
WHOLE = 32  # every so many-th input goes through everything, which takes many times as long as the reading


def load(factory: bytes, others: bytes) -> build.Configuration | None:
    """Load a configuration from two texts; no file is read."""
    fetch.read = lambda source: (factory if source.endswith("/factory") else others, [])
    try:
        return build.examine(["/factory"], registry=REGISTRY)[0]
    except ConfigError as err:
        problemlist.render(err.problems)
        return None


def one_input(data: bytes) -> None:
    """Take one input through reading, merging, interpolating and rewriting, and some through everything."""
    first, _, second = data.partition(SEPARATOR)
    file = ini.parse(first, "a")
    assert len(file.problems) <= 2 * ini.MAX_PROBLEMS + 2
    rewrite.rewrite(first, "a", lambda entry: RULE if len(entry.key) % 2 else None)
    merged = loader.merge(loader.parse_text(text, "t") for text in (first, second, first))
    for section in merged.sections.values():
        for number, key in enumerate(section.values):
            if number < 3:
                keys.closest(key, WORDS)
            try:
                assert len(section.values[key].text) <= interpolate.MAX_LENGTH
            except ConfigError as err:
                assert len(err.problems) == 1
    if len(data) % WHOLE == 0:
        whole(first, second)


def whole(first: bytes, second: bytes) -> None:
    """Load two configurations; check, show and compare them."""
    old = load(b"[Factory]\nfactoryId=f\nbaseLogDir=/l\nqueueConf=q\nmonitorConf=m\n", first)
    new = load(first, second)
    for configuration in (old, new):
        if configuration is not None:
            problems = [*configuration.problems, *semantics.inspect(configuration, files=False)]
            problemlist.render(problems)
            problemlist.as_data(problems, configuration)
            dump.render(dump.blocks(configuration), everything=True)
    if old is not None and new is not None:
        difftext.render(diff.diff(old, new))
        assert diff.diff(new, new).empty


def seeds() -> str:
    """Write a corpus of what is known to be interesting."""
    folder = tempfile.mkdtemp(prefix="fuzz-config-")
    files = [p for root in SEEDS for p in sorted(root.rglob("*.conf"))]
    for number, path in enumerate(files):
        Path(folder, str(number)).write_bytes(path.read_bytes())
        conf = path.parent / "autopyfactory.conf"
        if conf.exists():
            pair = conf.read_bytes() + SEPARATOR + path.read_bytes()
            Path(folder, f"pair-{number}").write_bytes(pair)
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
