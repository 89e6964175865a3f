"""One file of 2.4 rewritten line by line: comments and order stay, what is dead or old is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from autopyfactory.config.ini import Line, decode, parse, split_lines

Rule = Callable[["Entry"], "Verdict | None"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key = value` of a file."""

    section: str
    key: str
    text: str  # as written, uninterpolated
    line: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an entry: another key or text, or nothing (`drop`); `why` is for people."""

    why: str
    key: str | None = None
    text: str | None = None
    drop: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was done."""

    line: int
    section: str | None
    what: str


@dataclass(slots=True)
class Rewritten:
    """A file in its new form."""

    text: str
    notes: list[Note] = field(default_factory=list)


def rewrite(
    data: bytes, source: str, rule: Rule, additions: Callable[[str], list[str]] = lambda _: []
) -> Rewritten:
    """Rewrite a file: `rule` judges each entry, `additions` gives lines to put below a section's header."""
    return _Rewriter(data, source, rule, additions).run()


class _Rewriter:
    def __init__(self, data: bytes, source: str, rule: Rule, additions: Callable[[str], list[str]]):
        self.rule, self.additions = rule, additions
        self.ini = parse(data, source, lines=True)
        self.old = split_lines(decode(data, source)[0])
        self.notes: list[Note] = []
        self.last = {
            (line.section, line.key): number
            for number, line in enumerate(self.ini.lines, 1)
            if line.kind == "pair"
        }
        self.seen: set[str] = set()
        self.dropping = False

    def run(self) -> Rewritten:
        self._encoding()
        out: list[str] = []
        for number, (line, text) in enumerate(zip(self.ini.lines, self.old, strict=False), 1):
            out.extend(self._line(number, line, text.rstrip()))
        if unread := self.old[len(self.ini.lines) :]:
            self._note(len(self.ini.lines) + 1, None, "too many errors: the rest was not read, commented out")
            out.extend(f"# not read: {text.rstrip()}" for text in unread)
        return Rewritten("\n".join(out).rstrip("\n") + "\n", self.notes)

    def _encoding(self) -> None:
        for problem in self.ini.problems:
            if "Latin-1" in problem.message:
                self._note(problem.where.line if problem.where else 0, None, "was Latin-1; now UTF-8")

    def _note(self, line: int, section: str | None, what: str) -> None:
        self.notes.append(Note(line, section, what))

    def _line(self, number: int, line: Line, text: str) -> Iterator[str]:
        if line.kind == "more" and self.dropping:
            yield f"# {text}"
            return
        if line.kind != "other":
            self.dropping = False
        if line.kind == "pair":
            yield from self._pair(number, line, text)
        elif line.kind == "junk":
            self._note(number, line.section, f"not understood, commented out: {text.strip()}")
            yield f"# not understood: {text}"
        else:
            yield text
        if line.kind == "header" and line.section is not None and line.section not in self.seen:
            self.seen.add(line.section)
            for added in self.additions(line.section):
                self._note(number, line.section, f"added: {added}")
                yield added

    def _pair(self, number: int, line: Line, text: str) -> Iterator[str]:
        section, key = line.section or "", line.key or ""
        if self.last[line.section, line.key] != number:
            again = self.last[line.section, line.key]
            self._note(number, section, f"{key}: commented out, since line {again} sets it again")
            self.dropping = True
            yield f"# (set again below) {text.strip()}"
            return
        keys = self.ini.defaults if section == "DEFAULT" else self.ini.sections.get(section, {})
        verdict = self.rule(Entry(section, key, keys[key].text, number)) if key in keys else None
        if verdict is None:
            yield text
            return
        self._note(number, section, f"{key}: {verdict.why}")
        if verdict.drop:
            self.dropping = True
            yield f"# {text.strip()}  ; {verdict.why}"
        elif verdict.text is not None:
            self.dropping = True  # what continued the old text goes with it
            yield f"{verdict.key or key} = {verdict.text}"
        else:
            yield text.replace(key, verdict.key or key, 1)
