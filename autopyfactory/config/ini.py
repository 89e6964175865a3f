"""2.4's INI syntax, read so that every key knows its file and line.

The standard library's parser keeps no line numbers and refuses whole files that 2.4 loaded; this one reads
what can be read and tells everything else as a `Problem`. Keys and section names are case-sensitive; `#`,
`;` and `rem` start a comment line; ` ;` starts a comment behind a value; a line that is indented deeper than
its key continues the value; `""` is the empty text. Interpolation happens later (see `interpolate`).
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Literal

from autopyfactory.options.problem import Problem, Severity, Where
from autopyfactory.options.section import Value

DEFAULT = "DEFAULT"
MAX_PROBLEMS = 100  # errors of one file: what has more is no configuration; warnings 2.4 did not even tell

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LOOKS_LIKE_KEY = re.compile(
    r"(?:\[|(?:[A-Za-z][\w-]*\.[\w.+-]+|enabled|wmsqueue|batchqueue|monitorsection|executable|[a-z]+plugin)\s*[=:])"
)


LineKind = Literal["other", "header", "pair", "more", "junk"]


@dataclass(frozen=True, slots=True)
class Line:
    """What one line is: `other` is blank or a comment, `more` continues a value, `junk` is none of all."""

    kind: LineKind
    section: str | None
    key: str | None


@dataclass(slots=True)
class IniFile:
    """What one text holds: `[DEFAULT]`, the other sections, where each begins, and what is wrong."""

    source: str
    defaults: dict[str, Value] = field(default_factory=dict)
    sections: dict[str, dict[str, Value]] = field(default_factory=dict)
    headers: dict[str, Where] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)  # one per line of the text, if asked for


def decode(data: bytes, source: str) -> tuple[str, list[Problem]]:
    """Turn the bytes of a file into text: UTF-8 (with or without BOM), UTF-16 with BOM, else Latin-1."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace"), []
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        message = "not UTF-8; read as Latin-1"
        return data.decode("latin-1"), [
            Problem("warning", message, Where(source, line), hint="save it as UTF-8")
        ]


def parse(data: bytes, source: str, *, lines: bool = False) -> IniFile:
    """Read one file's bytes; `lines` also tells what each line is.

    Never raises: what is wrong is in the result's `problems`.
    """
    text, problems = decode(data, source)
    parser = _Parser(IniFile(source, problems=problems), lines)
    return parser.read(text)


def split_lines(text: str) -> list[str]:
    """Return the lines of a text as they are counted here, whatever system wrote them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


class _Parser:
    """The state while reading one text: the section and the key that a line may continue."""

    def __init__(self, result: IniFile, trace: bool):
        self.result = result
        self.trace = trace
        self.section: str | None = None
        self.keys: dict[str, Value] | None = None
        self.key: str | None = None
        self.indent = 0
        self.line = 0
        self.errors = 0

    def read(self, text: str) -> IniFile:
        dirty = _CONTROL.search(text) is not None
        for self.line, line in enumerate(split_lines(text), 1):
            kind = self.read_line(self.clean(line) if dirty else line)
            if self.trace:
                self.result.lines.append(Line(kind, self.section, self.key if kind != "other" else None))
            if self.errors >= MAX_PROBLEMS:
                self.section = None
                self.tell("error", "too many problems: the rest of this file was not read")
                break
        return self.result

    def clean(self, line: str) -> str:
        clean = _CONTROL.sub("", line)
        if clean != line:
            self.tell("error", "control characters in this line")
        return clean

    def read_line(self, line: str) -> LineKind:
        stripped = line.strip()
        if not stripped or stripped[0] in "#;" or _is_rem(line):
            return "other"
        indent = len(line) - len(line.lstrip())
        if self.key is not None and indent > self.indent:
            self.continued(stripped)
            return "more"
        if stripped[0] == "[":
            self.header(stripped)
            return "header"
        self.pair(stripped, indent)
        return "junk" if self.key is None else "pair"

    def continued(self, text: str) -> None:
        assert self.keys is not None and self.key is not None
        if _LOOKS_LIKE_KEY.match(text):
            self.tell(
                "warning",
                f"this indented line continues the value of {self.key}",
                value=text,
                hint="start it in the first column if it is meant on its own",
            )
        text = _without_comment(text)
        before = self.keys[self.key]
        if text:
            joined = f"{before.text}\n{text}" if before.text else text
            self.keys[self.key] = Value(joined, before.where)

    def header(self, text: str) -> None:
        end = text.find("]")
        name = text[1:end] if end > 0 else text[1:]
        self.key = None
        self.section = name.strip()
        if end < 0:
            self.tell("error", "section header without closing bracket", value=text)
        elif not self.section:
            self.tell("error", "section header without a name", value=text)
        elif text[end + 1 :].strip()[:1] not in ("", "#", ";"):
            self.tell("warning", "text behind the section header is ignored", value=text)
        if name != self.section:
            self.tell("warning", "blanks around the section name are ignored", value=text)
        self.enter(self.section)

    def enter(self, name: str) -> None:
        if name == DEFAULT:
            self.keys = self.result.defaults
            return
        if name.upper() == DEFAULT:
            self.tell("warning", "this is a section of its own, not the defaults", hint="write [DEFAULT]")
        if name in self.result.sections:
            first = self.result.headers[name].line
            self.tell("warning", f"this section was already begun in line {first}; both are taken together")
        self.result.headers.setdefault(name, Where(self.result.source, self.line))
        self.keys = self.result.sections.setdefault(name, {})

    def pair(self, text: str, indent: int) -> None:
        at = min((i for i in (text.find("="), text.find(":")) if i >= 0), default=-1)
        if self.keys is None:
            self.key = None
            self.tell("error", "text before the first section header", value=text)
        elif at < 0:
            self.key = None
            self.tell("error", "neither `key = value` nor a section header", value=text)
        elif at == 0:
            self.key = None
            self.tell("error", "no key before the equals sign", value=text)
        else:
            self.store(sys.intern(text[:at].rstrip()), _without_comment(text[at + 1 :]), indent)

    def store(self, key: str, text: str, indent: int) -> None:
        assert self.keys is not None
        before = self.keys.get(key)
        if before is not None:
            self.tell(
                "warning",
                f"this key was already set in line {before.where.line}; the last one counts",
                key=key,
            )
        text = "" if text == '""' else sys.intern(text)  # a thousand queues say the same
        self.keys[key] = Value(text, Where(self.result.source, self.line))
        self.key, self.indent = key, indent

    def tell(
        self,
        severity: Severity,
        message: str,
        *,
        key: str | None = None,
        value: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.errors += severity == "error"
        where = Where(self.result.source, self.line)
        shown = None if value is None else value[:80]
        self.result.problems.append(Problem(severity, message, where, self.section, key, shown, hint))


def _is_rem(line: str) -> bool:
    return line[:3].lower() == "rem" and (len(line) == 3 or line[3].isspace())


def _without_comment(text: str) -> str:
    """Drop ` ; ...` from a value: a semicolon counts only behind a blank or at the very start."""
    at = text.find(";")
    while at >= 0:
        if at == 0 or text[at - 1].isspace():
            return text[:at].strip()
        at = text.find(";", at + 1)
    return text.strip()
