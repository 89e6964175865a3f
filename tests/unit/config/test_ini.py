"""2.4's syntax: what it loaded loads the same, what it fell over is told with its line."""

from __future__ import annotations

import pytest

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
