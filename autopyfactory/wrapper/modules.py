"""Checks and payloads as files: what the comment at the top of each declares.

    # does: finds a directory to work in
    # stage: 1
    # deadline: 20
    # class: fatal
    # owner: site
    # exit: 16
    # hold: yes
    # needs: python net
    # option: minimum=500 free space that a place must have, in MB

`docs/wrapper.md` says what each line means.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["check", "payload"]
HERE = Path(__file__).parent
FOLDERS: Mapping[Kind, Path] = {"check": HERE / "checks", "payload": HERE / "payloads"}
CLASSES = ("fatal", "limited", "info")
OWNERS = ("site", "vo", "us")
LONGEST = 600  # seconds that a check may be given
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_LINE = re.compile(r"^# ([a-z]+):[ \t]*(.*)$")
_OPTION = re.compile(r"([a-z][a-z0-9_]*)=(\S*)\s+(.*)")
_TOLD = re.compile(r"\btell ([a-z][a-z0-9_]*)")


class ModuleProblem(Exception):
    """A check or payload cannot be used; the text says why, `hint` what to do."""

    def __init__(self, text: str, hint: str | None = None):
        super().__init__(text)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Module:
    """One check or payload."""

    name: str  # its own; the same file may serve under several
    path: Path
    text: str
    own: bool  # whether it comes with AutoPyFactory
    does: str = ""
    stage: int = 2
    deadline: int = 30  # seconds
    kind: str = "limited"  # a check's class
    owner: str = "site"
    exit: int = 18
    hold: bool = False
    needs: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # name -> default, description

    @property
    def tells(self) -> frozenset[str]:
        """Return the facts that its text names; others may be made up while it runs."""
        return frozenset(_TOLD.findall(self.text))


@cache
def names(kind: Kind) -> tuple[str, ...]:
    """Return the names of the modules that come with AutoPyFactory."""
    return tuple(sorted(p.stem for p in FOLDERS[kind].glob("*.sh")))


def name_of(wanted: str) -> str:
    """Return under which name the module is known that a user means by `wanted`, see `find`."""
    name, equals, _ = (part.strip() for part in wanted.partition("="))
    return Path(name).stem if not equals and "/" in name else name


def find(kind: Kind, wanted: str) -> Module:
    """Return the module that a user means by `NAME`, `NAME=OTHER`, `/PATH` or `NAME=/PATH`.

    `NAME=OTHER` is the module OTHER under a name of its own, with options of its own. Raises ModuleProblem.
    """
    _, equals, source = (part.strip() for part in wanted.partition("="))
    name, source = name_of(wanted), source if equals else wanted.strip()
    if not NAME.fullmatch(name):
        raise ModuleProblem(f"{name!r} cannot name a {kind}", "small letters, digits, - and _")
    if "/" in source:
        path = Path(source)
    elif source in names(kind):
        path = FOLDERS[kind] / f"{source}.sh"
    else:
        close = difflib.get_close_matches(source, names(kind), 1)
        hint = f"did you mean {close[0]}?" if close else "there are: " + ", ".join(names(kind))
        raise ModuleProblem(f"there is no {kind} {source!r}", hint)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        why = err.strerror if isinstance(err, OSError) and err.strerror else err
        raise ModuleProblem(f"the {kind} {path} cannot be read: {why}") from err
    return _declared(name, path, text, own=path.parent == FOLDERS[kind])


def _declared(name: str, path: Path, text: str, *, own: bool) -> Module:
    said: dict[str, str] = {}
    options: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        hit = _LINE.match(line)
        if hit is None:
            continue
        key, value = hit[1], hit[2].strip()
        if key == "option":
            option = _OPTION.fullmatch(value)
            if option is None:
                raise ModuleProblem(f"{path}: not `option: NAME=DEFAULT DESCRIPTION`: {value!r}")
            options[option[1]] = (option[2], option[3])
        else:
            said[key] = value
    return Module(
        name,
        path,
        text,
        own,
        does=said.get("does", ""),
        stage=_number(path, said, "stage", 2, 1, 2),
        deadline=_number(path, said, "deadline", 30, 1, LONGEST),
        kind=_one_of(path, said, "class", "limited", CLASSES),
        owner=_one_of(path, said, "owner", "site", OWNERS),
        exit=_number(path, said, "exit", 18, 1, 63),
        hold=_one_of(path, said, "hold", "no", ("yes", "no")) == "yes",
        needs=tuple(said.get("needs", "").split()),
        options=options,
    )


def _number(path: Path, said: Mapping[str, str], key: str, default: int, least: int, most: int) -> int:
    text = said.get(key, str(default))
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ModuleProblem(f"{path}: {key} must be a whole number from {least} to {most}, not {text!r}")
    return int(text)


def _one_of(path: Path, said: Mapping[str, str], key: str, default: str, known: tuple[str, ...]) -> str:
    text = said.get(key, default)
    if text not in known:
        raise ModuleProblem(f"{path}: {key} must be one of {', '.join(known)}, not {text!r}")
    return text
