"""The reference as Markdown, as plain text and as a man page."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

from autopyfactory.config.reference import Chapter, Entry, Row

WIDTH = 100
_INTRO = (
    "Made from the declarations of the options by `autopyfactory config reference`. Keys are "
    'case-sensitive; the word None means "not set"; an unknown key is an error.'
)


def _prefix_note(entry: Entry) -> str:
    names = ", ".join(f"`{p}`" for p in entry.prefixes)
    return (
        f"Its own keys may begin with any of {names}; if several set the same, the first in this list wins."
    )


# --- Markdown ------------------------------------------------------------------------------------


def markdown(found: list[Chapter]) -> str:
    """Return a page with one table per plugin."""
    lines = ["# Option reference", "", _INTRO, ""]
    for chapter in found:
        lines += [f"## {chapter.title}", "", chapter.text, ""]
        for entry in chapter.entries:
            lines += _markdown_entry(entry, chapter)
    return "\n".join(lines).rstrip() + "\n"


def _markdown_entry(entry: Entry, chapter: Chapter) -> Iterator[str]:
    if len(chapter.entries) > 1 or entry.text:
        yield from (f"### {entry.title}", "")
    if entry.origin:
        yield from (f"From {entry.origin}.", "")
    if entry.text:
        yield from (entry.text, "")
    if entry.prefixes:
        yield from (_prefix_note(entry), "")
    if entry.rows:
        yield "| key | takes | default | meaning |"
        yield "|---|---|---|---|"
        yield from (_markdown_row(row, told=chapter.title) for row in entry.rows)
        yield ""
    elif entry.text:
        yield from ("It has no options.", "")


def _markdown_row(row: Row, told: str) -> str:
    also = f" 2.4: {', '.join(f'`{a}`' for a in row.aliases)}." if row.aliases else ""
    place = " In `[Factory]`." if row.place == "[Factory]" != told else ""
    default = row.default if row.default in ("", "required") else f"`{row.default}`"
    cells = (f"`{row.key}`", row.takes, default, f"{row.description}{place}{also}")
    return "| " + " | ".join(c.replace("|", r"\|") for c in cells) + " |"


# --- plain text ------------------------------------------------------------------------------------


def text(found: list[Chapter]) -> str:
    """Return the reference for a terminal."""
    lines: list[str] = []
    for chapter in found:
        lines += [chapter.title, "=" * len(chapter.title), *_fill(chapter.text, ""), ""]
        for entry in chapter.entries:
            lines += [entry.title, "-" * len(entry.title)]
            for words in (entry.text, _prefix_note(entry) if entry.prefixes else ""):
                lines += _fill(words, "")
            for row in entry.rows:
                lines += _text_row(row)
            lines.append("")
    return "\n".join(lines).rstrip().replace("`", "") + "\n"


def _text_row(row: Row) -> Iterator[str]:
    yield f"  {row.key}"
    yield from _fill(_facts(row), " " * 6)
    yield from _fill(row.description, " " * 6)


def _facts(row: Row) -> str:
    words = [row.takes]
    if row.default == "required":
        words.append("required")
    elif row.default:
        words.append(f"default {row.default}")
    words.append(f"in {row.place}" if not row.place.startswith("section") else f"in a {row.place}")
    if row.aliases:
        words.append(f"2.4: {', '.join(row.aliases)}")
    return "; ".join(words)


def _fill(words: str, indent: str) -> list[str]:
    return textwrap.wrap(
        words, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


# --- man page --------------------------------------------------------------------------------------


def man(found: list[Chapter]) -> str:
    """Return autopyfactory.conf(5) in roff."""
    lines = [
        '.TH AUTOPYFACTORY.CONF 5 "" "AutoPyFactory 3" "File formats"',
        ".SH NAME",
        r"autopyfactory.conf, queues.conf, auth.conf, monitor.conf \- configuration of autopyfactory",
        ".SH DESCRIPTION",
        _roff(_INTRO),
    ]
    for chapter in found:
        lines += [f'.SH "{_roff(chapter.title.upper())}"', _roff(chapter.text)]
        for entry in chapter.entries:
            lines += _man_entry(entry)
    lines += [".SH SEE ALSO", r"autopyfactory config dump, autopyfactory check"]
    return "\n".join(lines) + "\n"


def _man_entry(entry: Entry) -> Iterator[str]:
    yield f'.SS "{_roff(entry.title)}"'
    for words in (entry.text, _prefix_note(entry) if entry.prefixes else ""):
        if words:
            yield _roff(words.replace("\n\n", " "))
            yield ".PP"
    for row in entry.rows:
        yield ".TP"
        yield rf"\fB{_roff(row.key)}\fR"
        yield _roff(row.description)
        yield ".br"
        yield _roff(f"({_facts(row)})")


def _roff(words: str) -> str:
    plain = words.replace("`", "").replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq")
    return "\n".join(rf"\&{line}" if line.startswith((".", "'")) else line for line in plain.split("\n"))


FORMATS: dict[str, Callable[[list[Chapter]], str]] = {"text": text, "markdown": markdown, "man": man}
