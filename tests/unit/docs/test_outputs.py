"""What pages show of a command's output is what the command says today."""

from __future__ import annotations

import pytest

from docoutputs import DOCS, MAKERS, ON_GRID, Output, fits, outputs

SHOWN = [shown for page in sorted(DOCS.rglob("*.md")) for shown in outputs(page)]
MADE = [shown for shown in SHOWN if (shown.page, shown.command.split()[1]) in MAKERS]


@pytest.mark.parametrize("shown", MADE, ids=str)
def test_what_is_shown_is_what_is_said(shown: Output) -> None:
    said = MAKERS[shown.page, shown.command.split()[1]](shown)
    assert fits(shown.text, said), f"PYTHONPATH=misc:tests/kit .venv/bin/python -m docoutputs; today:\n{said}"


def test_no_output_escapes() -> None:
    left = {str(shown) for shown in SHOWN if shown not in MADE and shown.page not in ON_GRID}
    assert left == set(), "say in docoutputs.py what makes it"
    assert {(shown.page, shown.command.split()[1]) for shown in MADE} == set(MAKERS)


def test_a_line_of_dots_stands_for_any_lines_and_for_nothing_else() -> None:
    assert fits("a\n...\nd", "a\nb\nc\nd\n")
    assert fits("a\n...\nb", "a\nb\n")
    assert fits("...\nb", "a\nb")
    assert not fits("a\n...\nd", "a\nb\n")
    assert not fits("a\nb", "a\nb\nc\n")
    assert not fits("a.c", "abc")


def test_outputs_end_where_they_end(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    page = tmp_path / "page.md"
    page.write_text(
        "    $ autopyfactory status\n    one\n\n    two\n\nWords.\n\n"
        "```\n$ autopyfactory why q \\\n    --json\nx\n"
        "$ autopyfactory plan\n```\n\n  ```\n  $ autopyfactory check\n  y\n  ```\n"
    )
    monkeypatch.setattr("docoutputs.DOCS", tmp_path)
    assert [(o.command, o.text) for o in outputs(page)] == [
        ("autopyfactory status", "one\n\ntwo"),
        ("autopyfactory why q \\\n    --json", "x"),
        ("autopyfactory check", "y"),
    ]
