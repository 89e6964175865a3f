"""2.4's syntax: what it loaded loads the same, what it fell over is told with its line."""

from __future__ import annotations

import configparser
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.config.ini import MAX_PROBLEMS, parse


def keys(text: str | bytes, section: str = "A") -> dict[str, str]:
    file = parse(text if isinstance(text, bytes) else text.encode(), "f")
    return {k: v.text for k, v in file.sections[section].items()}


def told(text: str | bytes) -> list[tuple[str, int, str]]:
    file = parse(text if isinstance(text, bytes) else text.encode(), "f")
    return [(p.severity, p.where.line if p.where else 0, p.message) for p in file.problems]


def test_each_value_knows_file_and_line() -> None:
    file = parse(b"# x\n[A]\n\nk = 1\n[B]\nk = 2\n", "q.conf")
    assert str(file.sections["A"]["k"].where) == "q.conf:4"
    assert str(file.sections["B"]["k"].where) == "q.conf:6"
    assert str(file.headers["B"]) == "q.conf:5"


def test_keys_and_sections_are_case_sensitive() -> None:
    assert keys("[A]\nfactoryId = 1\nfactoryid = 2\n[a]\nx = 3\n") == {"factoryId": "1", "factoryid": "2"}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("k = v", "v"),
        ("k=v", "v"),
        ("k: v", "v"),
        ("k = a=b:c", "a=b:c"),
        ("k = http://h:1/x", "http://h:1/x"),
        ("k = v ; comment", "v"),
        ("k = v\t; comment", "v"),
        ("k = a;b", "a;b"),
        ("k = a;b ; c", "a;b"),
        ("k = a # b", "a # b"),
        ("k = ; nothing", ""),
        ('k = ""', ""),
        ('k = "x"', '"x"'),
        ("k =", ""),
        ("k\t=\tv\t", "v"),
        ("k = 50%%", "50%%"),
    ],
)
def test_values(line: str, value: str) -> None:
    assert keys(f"[A]\n{line}\n") == {"k": value}


def test_plus_and_dots_in_keys() -> None:
    text = "[A]\nbatchsubmit.condorosgce.condor_attributes.+xcount = 8\n"
    assert keys(text) == {"batchsubmit.condorosgce.condor_attributes.+xcount": "8"}


def test_comment_lines() -> None:
    assert keys("[A]\n# a = 1\n; b = 2\nrem c = 3\nREM d = 4\nremains = 5\n") == {"remains": "5"}


def test_continuation_lines_also_behind_blank_lines_and_comments() -> None:
    assert keys("[A]\nk = a,\n    b,\n\n# c\n\td\nl = e\n") == {"k": "a,\nb,\nd", "l": "e"}


def test_an_indented_section_is_read_as_meant() -> None:
    assert keys("[A]\n\tk = 1\n\tl = 2\n\t\tmore\n") == {"k": "1", "l": "2\nmore"}


def test_a_continuation_that_looks_like_a_key_is_told() -> None:
    text = "[A]\nenabled = True\n  sched.maxpending.maximum = 3\n"
    assert keys(text) == {"enabled": "True\nsched.maxpending.maximum = 3"}
    assert told(text) == [("warning", 3, "this indented line continues the value of enabled")]


def test_environment_on_several_lines_is_not_taken_for_keys() -> None:
    assert told("[A]\nx.environ = A=1\n   B=2\n   C=x:y\n") == []


def test_the_last_of_duplicate_keys_counts_and_is_told() -> None:
    text = "[A]\nk = 1\nk = 2\n"
    assert keys(text) == {"k": "2"}
    assert told(text) == [("warning", 3, "this key was already set in line 2; the last one counts")]


def test_a_section_begun_twice_is_one_and_told() -> None:
    text = "[A]\nk = 1\n[B]\n[A]\nl = 2\n"
    assert keys(text) == {"k": "1", "l": "2"}
    assert told(text)[0][:2] == ("warning", 4)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf[A]\nk = v\n",
        b"[A]\r\nk = v\r\n",
        b"[A]\rk = v\r",
        b"[A]\nk = v",
        "[A]\nk = v\n".encode("utf-16"),
        b"[A]   # sites\nk = v\n",
        b"[A]\nk\xc2\xa0=\xc2\xa0v\n",
    ],
    ids=["bom", "crlf", "cr", "no newline", "utf-16", "comment behind header", "no-break space"],
)
def test_files_from_the_wild(data: bytes) -> None:
    assert keys(data) == {"k": "v"}
    assert told(data) == []


def test_latin_1_is_read_and_told() -> None:
    data = "[A]\nl = x\nk = Genève\n".encode("latin-1")
    assert keys(data) == {"l": "x", "k": "Genève"}
    assert told(data) == [("warning", 3, "not UTF-8; read as Latin-1")]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("k = v\n[A]\n", 1, "text before the first section header"),
        ("[A]\nwhatever\n", 2, "neither `key = value` nor a section header"),
        ("[A]\n= v\n", 2, "no key before the equals sign"),
        ("[A\nk = v\n", 1, "section header without closing bracket"),
        ("[]\nk = v\n", 1, "section header without a name"),
        ("[A]\nk = a\x00b\n", 2, "control characters in this line"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, line: int, message: str) -> None:
    assert told(text)[0] == ("error", line, message)


def test_lower_case_default_is_told() -> None:
    assert told("[default]\nk = v\n") == [("warning", 1, "this is a section of its own, not the defaults")]


def test_keys_under_a_broken_header_do_not_go_to_the_section_before() -> None:
    assert keys("[A]\nk = 1\n[B\nk = 2\n") == {"k": "1"}


def test_a_binary_file_ends_after_so_many_problems() -> None:
    file = parse(b"\x00\x01junk\n" * 100_000, "f")
    assert len(file.problems) <= 2 * MAX_PROBLEMS
    assert "too many problems" in file.problems[-1].message


name = st.text("ABcd_-.1", min_size=1, max_size=6).filter(lambda n: n.upper() != "DEFAULT")
word = st.text("ab=:;#%()s\\", max_size=8).map(lambda w: f"v{w}")  # begins with no sign of a comment
value = st.lists(word, max_size=3).map(" ".join)
pair = st.tuples(
    st.text("abK.+*-", min_size=1, max_size=5),
    st.sampled_from(["=", ":", " = ", " : "]),
    value,
    st.lists(word, max_size=2),
)


@given(st.lists(st.tuples(name | st.just("DEFAULT"), st.lists(pair, max_size=4)), max_size=4))
def test_it_reads_what_the_standard_librarys_parser_reads(
    sections: list[tuple[str, list[tuple[str, str, str, list[str]]]]],
) -> None:
    """2.4 read its files with that parser: values, comments behind them, lines that go on."""
    lines = []
    for title, pairs in sections:
        lines.append(f"[{title}]")
        for key, sign, text, more in pairs:
            lines += [f"{key}{sign}{text}", *(f"    {m}" for m in more)]
    theirs = configparser.RawConfigParser(
        strict=False, comment_prefixes=("#", ";"), inline_comment_prefixes=(";",), empty_lines_in_values=False
    )
    theirs.optionxform = str  # type: ignore[assignment,method-assign]
    theirs.read_string("\n".join(lines))
    ours = parse("\n".join(lines).encode(), "f")
    assert sorted(ours.sections) == sorted(theirs.sections())
    assert {k: v.text for k, v in ours.defaults.items()} == without_first_break(theirs.defaults())
    for title, own in ours.sections.items():
        merged = {k: v.text for k, v in {**ours.defaults, **own}.items()}
        assert merged == without_first_break(dict(theirs.items(title)))


def without_first_break(texts: Mapping[str, str]) -> dict[str, str]:
    """Return what people mean by a value that begins in the line below its key."""
    return {key: text.removeprefix("\n") for key, text in texts.items()}


@given(st.lists(st.sampled_from(["[A]", "[B]", "[DEFAULT]", "a = 1", "b = 2", "  more", "# x", "", "junk"])))
def test_every_value_lies_in_the_line_that_it_names(lines: list[str]) -> None:
    file = parse("\n".join(lines).encode(), "f", lines=True)
    for own in (file.defaults, *file.sections.values()):
        for key, found in own.items():
            written = lines[found.where.line - 1]
            assert written.startswith(f"{key} = ")
            assert found.text.split("\n")[0] == written.partition(" = ")[2]
    for title, where in file.headers.items():
        assert lines[where.line - 1] == f"[{title}]"
    assert len(file.lines) == max(1, len(lines))


def test_warnings_end_no_file() -> None:
    """2.4 read such files to the end: a hundred keys that are set twice are no reason to lose queues."""
    file = parse(b"".join(b"[Q%d]\na = 1\na = 2\n" % n for n in range(3 * MAX_PROBLEMS)), "f")
    assert len(file.sections) == 3 * MAX_PROBLEMS
    assert {p.severity for p in file.problems} == {"warning"}


def test_errors_end_a_file_and_that_is_an_error() -> None:
    file = parse(b"[A]\n" + b"junk\n" * (MAX_PROBLEMS - 1) + b"k = 1\njunk\n[B]\n", "f")
    assert file.sections["A"]["k"].text == "1"
    assert "B" not in file.sections
    assert len(file.problems) == MAX_PROBLEMS + 1
    assert file.problems[-1].severity == "error"
    assert file.problems[-1].section is None  # it is about all that follows
