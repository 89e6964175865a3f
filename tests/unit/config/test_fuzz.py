"""Whatever a file holds: no traceback, no hang, and what was meant is read."""

from __future__ import annotations

import string
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from autopyfactory.check import semantics
from autopyfactory.config import build, dump, fetch, problemlist
from autopyfactory.config.ini import parse
from autopyfactory.config.loader import merge, parse_text
from autopyfactory.config.rewrite import rewrite
from autopyfactory.options.binding import Binder
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import Options, specs
from autopyfactory.options.interpolate import escape
from autopyfactory.options.problem import ConfigError
from autopyfactory.options.section import Section
from configkit import PLUGINS, REGISTRY

CLASSES: list[type[Options]] = [FactoryOptions, QueueOptions]
CLASSES += [cls.Options for group in PLUGINS.values() for cls in group]
KEYS = sorted({k.replace("*", "x") for cls in CLASSES for s in specs(cls) for k in s.keys + s.legacy})
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "None", "True", "no", "-1", "1e999", "nan", "9" * 400, "%(x)s", "%", "~", '""', "a,,b"]
    ),
    st.integers().map(str),
    st.floats().map(str),
)
LINES = st.one_of(
    st.sampled_from(["[DEFAULT]", "[A]", "[B]", "[Factory]", "[", "[]", "  ", "# c", "override = True"]),
    st.builds("{} = {}".format, st.sampled_from(KEYS), TEXTS),
    st.builds("  {}".format, TEXTS),
    st.text(max_size=40),
)
FILES = st.lists(LINES, max_size=30).map("\n".join).map(lambda t: t.encode("utf-8", "replace"))

names = st.text(string.ascii_letters + string.digits + "_.+-", min_size=1, max_size=12).filter(
    lambda n: n.lower() != "rem"
)
values = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20).filter(
    lambda t: t[:1] not in ("~", ";") and t != '""'
)


@given(st.binary(max_size=400) | FILES)
def test_any_bytes_are_read(data: bytes) -> None:
    parse(data, "f")
    rewrite(data, "f", lambda entry: None)


@given(st.lists(FILES, min_size=1, max_size=3))
def test_any_files_merge_and_each_value_is_a_text_or_one_problem(files: list[bytes]) -> None:
    for section in merge(parse_text(f, "f") for f in files).sections.values():
        for key in section.values:
            try:
                assert isinstance(section.values[key].text, str)
            except ConfigError as err:
                assert len(err.problems) == 1


@given(st.dictionaries(names, st.dictionaries(names, values, max_size=4), max_size=4))
def test_what_is_written_is_what_is_read(sections: dict[str, dict[str, str]]) -> None:
    sections.pop("DEFAULT", None)
    text = "".join(
        f"[{name}]\n" + "".join(f"{k} = {escape(v)}\n" for k, v in keys.items())
        for name, keys in sections.items()
    )
    raw = parse_text(text)
    assert {n: {k: v.text for k, v in s.values.items()} for n, s in raw.sections.items()} == sections


@given(st.sampled_from(CLASSES), st.dictionaries(st.sampled_from(KEYS), TEXTS, max_size=8))
def test_any_texts_bind_or_tell(cls: type[Options], texts: dict[str, str]) -> None:
    section = Section.from_texts("A", texts)
    options, problems = Binder().bind(cls, section, section)
    assert (options is None) == bool(problems)
    for p in problems:
        assert p.key is not None or p.message


@settings(max_examples=60, deadline=None)
@given(FILES, FILES)
def test_any_tree_loads_or_tells(first: bytes, second: bytes) -> None:
    kept = fetch.read
    usual = b"[Factory]\nfactoryId=f\nbaseLogDir=/l\nqueueConf=q\nmonitorConf=q\nauthConf=q\nmappingsConf=q\n"
    fetch.read = lambda source: (usual + first if source == "/conf" else second, [])
    try:
        configuration, _ = build.examine(["/conf"], registry=REGISTRY)
        problems = [*configuration.problems, *semantics.inspect(configuration, files=False)]
    except ConfigError as err:
        problemlist.render(err.problems)
        return
    finally:
        fetch.read = kept
    problemlist.render(problems)
    dump.render(dump.blocks(configuration), everything=True)


def test_a_very_long_line_and_very_many_keys_take_no_time(tmp_path: Path) -> None:
    import time

    start = time.process_time()
    parse(b"[A]\nk" + b" " * 1_000_000 + b"\n", "f")
    parse(b"[A]\nk = " + b"; " * 500_000 + b"\n", "f")
    parse(b"[A]\nk = " + b"x;" * 500_000 + b"\n", "f")
    parse(b"[A]\n" + b"[" * 1_000_000 + b"\n", "f")
    unknown = "".join(f"sched.maxpendin.{i} = 1\n" for i in range(20_000))
    conf = tmp_path / "f.conf"
    conf.write_text(f"[Factory]\nfactoryId=f\nbaseLogDir=/l\nqueueConf=q.conf\n{unknown}")
    (tmp_path / "q.conf").write_text(f"[Q]\n{unknown}")
    configuration, _ = build.examine([str(conf)], registry=REGISTRY)
    assert len(configuration.problems) > 40_000
    assert time.process_time() - start < 30  # of the processor: neighbours do not count
