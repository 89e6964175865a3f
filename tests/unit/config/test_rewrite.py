"""A file rewritten line by line: what no rule touches stays, and nothing is ever lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.config.ini import MAX_PROBLEMS, parse
from autopyfactory.config.rewrite import Entry, Rewritten, Verdict, rewrite

OLD = """# about this file
[DEFAULT]
a = 1   ; why
b : 2
env = X=1
    Y=2
    # between
    Z=3
[Q]   # here
a=3
"""


def keep(entry: Entry) -> Verdict | None:
    return None


def on(key: str, verdict: Verdict) -> Rewritten:
    return rewrite(OLD.encode(), "f", lambda e: verdict if e.key == key else None)


def values(text: str) -> dict[str, dict[str, str]]:
    ini = parse(text.encode(), "f")
    assert not [p for p in ini.problems if p.severity == "error"]
    every = {"DEFAULT": ini.defaults, **ini.sections}
    return {name: {k: v.text for k, v in own.items()} for name, own in every.items()}


def test_without_a_rule_nothing_changes() -> None:
    done = rewrite(OLD.encode(), "f", keep)
    assert done.text == OLD
    assert done.notes == []


def test_a_rule_sees_each_entry_once_with_its_place() -> None:
    seen: list[Entry] = []
    rewrite(OLD.encode(), "f", lambda e: seen.append(e))  # type: ignore[func-returns-value]
    assert seen == [
        Entry("DEFAULT", "a", "1", 3),
        Entry("DEFAULT", "b", "2", 4),
        Entry("DEFAULT", "env", "X=1\nY=2\nZ=3", 5),
        Entry("Q", "a", "3", 10),
    ]


def test_another_key_keeps_text_and_comment() -> None:
    done = on("a", Verdict("renamed", key="new.a"))
    assert "new.a = 1   ; why\n" in done.text
    assert "new.a=3\n" in done.text
    assert [(n.line, n.section, n.what) for n in done.notes] == [
        (3, "DEFAULT", "a: renamed"),
        (10, "Q", "a: renamed"),
    ]


def test_another_text_takes_the_lines_that_continued_the_old_one_with_it() -> None:
    done = on("env", Verdict("shorter", text="W=9"))
    assert values(done.text)["DEFAULT"] == {"a": "1", "b": "2", "env": "W=9"}
    assert "#     Y=2\n" in done.text
    assert "    # between\n" in done.text


def test_what_is_dropped_stays_as_a_comment_with_the_reason() -> None:
    done = on("env", Verdict("nothing reads it", drop=True))
    assert "# env = X=1  ; nothing reads it\n#     Y=2\n" in done.text
    assert "env" not in values(done.text)["DEFAULT"]
    assert values(done.text)["Q"] == {"a": "3"}


def test_of_a_key_that_is_set_twice_the_last_one_stays() -> None:
    old = "[Q]\na = 1\n  more\nb = x\na = 2\n"
    done = rewrite(old.encode(), "f", keep)
    assert values(done.text) == {"DEFAULT": {}, "Q": {"a": "2", "b": "x"}}
    assert values(old) == values(done.text)
    assert done.notes[0].what == "a: commented out, since line 5 sets it again"


def test_lines_are_added_once_below_the_first_header_of_a_section() -> None:
    old = "[Q]\na = 1\n[R]\n[Q]\nb = 2\n"
    done = rewrite(old.encode(), "f", keep, lambda s: ["c = 3"] if s == "Q" else [])
    assert done.text == "[Q]\nc = 3\na = 1\n[R]\n[Q]\nb = 2\n"
    assert [n.what for n in done.notes] == ["added: c = 3"]


def test_what_is_not_understood_becomes_a_comment() -> None:
    done = rewrite(b"[Q]\na = 1\n<<<<<<< HEAD\nb = 2\n", "f", keep)
    assert "# not understood: <<<<<<< HEAD\n" in done.text
    assert values(done.text)["Q"] == {"a": "1", "b": "2"}
    assert done.notes[0].line == 3


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"[Q]\r\na = 1\r\n", "[Q]\na = 1\n"),
        (b"\xef\xbb\xbf[Q]\na = 1\n", "[Q]\na = 1\n"),
        ("[Q]\na = é\n".encode("latin-1"), "[Q]\na = é\n"),
        ("[Q]\na = é\n".encode("utf-16"), "[Q]\na = é\n"),
        (b"[Q]\na = 1", "[Q]\na = 1\n"),
        (b"", "\n"),
    ],
)
def test_whatever_wrote_it_the_new_file_is_plain_utf_8(data: bytes, text: str) -> None:
    assert rewrite(data, "f", keep).text == text


def test_what_was_not_read_is_not_lost() -> None:
    junk = "".join(f"junk {n}\n" for n in range(MAX_PROBLEMS + 5))
    done = rewrite(f"[Q]\n{junk}last = 1\n".encode(), "f", keep)
    assert "# not read: last = 1\n" in done.text
    assert f"junk {MAX_PROBLEMS + 4}" in done.text
    assert any("the rest was not read" in n.what for n in done.notes)


def test_a_long_file_with_many_keys_set_twice_is_rewritten_to_its_end() -> None:
    old = "".join(f"[Q{n}]\na = 1\na = 2\n" for n in range(2 * MAX_PROBLEMS))
    done = rewrite(old.encode(), "f", keep)
    assert len(values(done.text)) == 2 * MAX_PROBLEMS + 1
    assert values(done.text) == values(old)


line = st.sampled_from(
    [
        "[A]",
        "[B]",
        "[DEFAULT]",
        "a = 1",
        "b: x ; y",
        "  more",
        "# note",
        "; note",
        "",
        "junk",
        "c =",
        "\td",
        "rem x",
    ]
)


@given(st.lists(line, max_size=25), st.sampled_from("abc"), st.booleans())
def test_a_rule_changes_what_it_names_and_nothing_else(lines: list[str], key: str, drop: bool) -> None:
    old = "\n".join(lines)
    verdict = Verdict("w", drop=True) if drop else Verdict("w", text="NEW")
    done = rewrite(old.encode(), "f", lambda e: verdict if e.key == key else None)
    before = parse(old.encode(), "f")
    after = values(done.text)
    for name, own in {"DEFAULT": before.defaults, **before.sections}.items():
        expected = {k: v.text for k, v in own.items() if k != key}
        if key in own and not drop:
            expected[key] = "NEW"
        assert after[name] == expected
    for text in filter(None, map(str.strip, lines)):
        assert text in done.text or (not drop and "=" in text)  # a comment at least
