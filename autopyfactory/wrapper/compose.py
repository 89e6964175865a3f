"""Compose a wrapper: stub, checks, payloads and files make one file, always the same bytes."""

from __future__ import annotations

import base64
import difflib
import gzip
import hashlib
import io
import re
import shlex
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from autopyfactory.wrapper import modules, rules
from autopyfactory.wrapper.modules import HERE, Module, ModuleProblem

CHECKS = (
    "scratch", "tmp", "tools", "os", "cores", "memory", "disk", "wall", "ulimit", "load", "gpu", "blacklist",
    "clock", "dns", "site",
)  # fmt: skip
"""The checks of a wrapper that is told nothing else; all do something sensible without options."""
ALWAYS = ("scratch",)
MADE_UP = ("cvmfs_", "gwms_")  # facts with names that are only known on the node
GIVEN = frozenset({"host"})
PAYLOAD_OPTIONS = {
    "arguments": ("", "words before the pilot's own arguments"),
    "container": ("", "image in which the payload runs, by apptainer"),
    "needs": ("", "further checks that must not fail for this payload"),
}
_WITHOUT = {
    "sha256": ("nothing is fetched without a digest", "sha256sum FILE"),
    "url": ("nothing says where it is fetched", "an address, or a path on the node"),
}  # required options: what is the matter when one is not set, and what to write
MOST = 20_000_000  # bytes of all files together
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a recipe, and with which of its parts (checks, payload, option.<name>)."""

    part: str
    text: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"wrapper.{self.part}: {self.text}" + (f" ({self.hint})" if self.hint else "")


class RecipeError(Exception):
    """A wrapper cannot be composed; all that is wrong, at once."""

    def __init__(self, faults: list[Fault]):
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a wrapper is to be composed of."""

    payloads: tuple[str, ...]
    checks: tuple[str, ...] = CHECKS
    files: tuple[str, ...] = ()
    rules: str = ""
    options: Mapping[str, str] = field(default_factory=dict)  # `<module>.<option>` -> value
    settings: Mapping[str, str] = field(default_factory=dict)  # of the wrapper itself, by variable


@dataclass(frozen=True, slots=True)
class Built:
    """A composed wrapper."""

    data: bytes
    sha256: str
    contents: tuple[str, ...]  # names in the archive

    @property
    def name(self) -> str:
        """Return the file's name: gatekeepers and proxies cache by it, so it changes with each byte."""
        return f"apf-wrapper-{self.sha256[:12]}.sh"


def compose(recipe: Recipe) -> Built:
    """Return the wrapper that `recipe` asks for. Raises RecipeError."""
    parts = Parts.of(recipe)
    files = dict(sorted(parts.tree()))
    archive = base64.encodebytes(_packed(files))
    stub = (HERE / "stub.sh").read_text()
    stub = stub.replace("@SHA256@", hashlib.sha256(archive).hexdigest()).replace("@CKSUM@", cksum(archive))
    data = stub.encode() + archive
    return Built(data, hashlib.sha256(data).hexdigest(), tuple(files))


@dataclass(slots=True)
class Parts:
    """A recipe with its modules found and everything about them judged."""

    recipe: Recipe
    checks: dict[str, Module] = field(default_factory=dict)
    payloads: dict[str, Module] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    rules: list[rules.Rule] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _unfound: set[str] = field(default_factory=set)  # names of modules that the recipe wants

    @classmethod
    def of(cls, recipe: Recipe) -> Parts:
        """Find all that the recipe names. Raises RecipeError with everything that is wrong."""
        parts = cls(recipe)
        if not recipe.payloads:
            parts.faults.append(
                Fault("payload", "names no payload", "there are: " + ", ".join(modules.names("payload")))
            )
        for wanted in recipe.payloads:
            parts._take("payload", wanted, parts.payloads)
        for wanted in dict.fromkeys((*ALWAYS, *recipe.checks)):
            parts._take("check", wanted, parts.checks)
        parts._take_needs()
        parts._take_files()
        parts._take_rules()
        parts._judge_options()
        if parts.faults:
            raise RecipeError(parts.faults)
        return parts

    def _take(self, kind: modules.Kind, wanted: str, into: dict[str, Module]) -> None:
        part = "payload" if kind == "payload" else "checks"
        try:
            module = modules.find(kind, wanted)
        except ModuleProblem as err:
            self.faults.append(Fault(part, str(err), err.hint))
            self._unfound.add(modules.name_of(wanted))
            return
        if module.name in into or (kind == "check" and module.name in self.payloads):
            self.faults.append(
                Fault(part, f"{module.name!r} is there twice", "give one a name of its own: NAME=KIND")
            )
            return
        into[module.name] = module

    def needs(self, payload: Module) -> tuple[str, ...]:
        """Return the checks that must not fail for `payload`."""
        further = self.recipe.options.get(f"{payload.name}.needs", "").replace(",", " ").split()
        contained = ("container",) if self.recipe.options.get(f"{payload.name}.container") else ()
        return tuple(dict.fromkeys((*payload.needs, *contained, *further)))

    def _take_needs(self) -> None:
        """Add the checks that payloads need and nobody named."""
        for payload in self.payloads.values():
            for name in self.needs(payload):
                if name not in self.checks:
                    self._take("check", name, self.checks)

    def _take_files(self) -> None:
        for text in self.recipe.files:
            path = Path(text).expanduser()
            try:
                data = path.read_bytes()
            except OSError as err:
                self.faults.append(Fault("files", f"{path} cannot be read: {err.strerror or err}"))
                continue
            if not _FILE.fullmatch(path.name):
                self.faults.append(Fault("files", f"{path.name!r} is no plain name for a file on the node"))
            elif path.name in self.files:
                self.faults.append(Fault("files", f"two files are called {path.name}"))
            self.files[path.name] = data
        size = sum(map(len, self.files.values()))
        if size > MOST:
            self.faults.append(Fault("files", f"{size} bytes altogether, more than {MOST}"))

    def _take_rules(self) -> None:
        try:
            self.rules = rules.parse(self.recipe.rules, self.payloads)
        except rules.RuleProblem as err:
            self.faults.append(Fault("payload.rules", str(err)))
            return
        if all(check.own for check in self.checks.values()):
            told = GIVEN.union(*(check.tells for check in self.checks.values()))
            for fact in dict.fromkeys(f for rule in self.rules for f in rule.facts):
                if fact not in told and not fact.startswith(MADE_UP):
                    hint = difflib.get_close_matches(fact, told, 1)
                    known = f"did you mean {hint[0]}?" if hint else "facts: " + ", ".join(sorted(told))
                    self.faults.append(Fault("payload.rules", f"no check finds the fact {fact!r}", known))
        self.rules = self.rules or [rules.Rule(name) for name in self.payloads]

    def _judge_options(self) -> None:
        for key in self.recipe.options:
            module_name, _, name = key.partition(".")
            module = self.payloads.get(module_name) or self.checks.get(module_name)
            if module is None:
                if module_name in self._unfound:
                    continue  # that it is not found is told already
                known = ", ".join((*self.payloads, *self.checks))
                self.faults.append(
                    Fault(f"option.{key}", f"no check or payload {module_name!r} here", f"there are: {known}")
                )
                continue
            allowed = dict(module.options)
            if module_name in self.payloads:
                allowed |= PAYLOAD_OPTIONS
            if name not in allowed:
                close = difflib.get_close_matches(name, allowed, 1)
                hint = f"did you mean {close[0]}?" if close else "it has: " + (", ".join(allowed) or "none")
                self.faults.append(Fault(f"option.{key}", f"{module_name} has no option {name!r}", hint))
        for payload in self.payloads.values():
            self._judge_arguments(payload)

    def _judge_arguments(self, payload: Module) -> None:
        try:
            shlex.split(self.recipe.options.get(f"{payload.name}.arguments", ""))
        except ValueError as err:
            self.faults.append(Fault(f"option.{payload.name}.arguments", f"not words as in a shell: {err}"))
        given = self.option_values(payload)
        for name, (default, _) in payload.options.items():
            if default == "required" and not given.get(name):
                what, hint = _WITHOUT.get(name, ("the payload cannot do without it", None))
                self.faults.append(Fault(f"option.{payload.name}.{name}", f"not set: {what}", hint))

    def option_values(self, module: Module) -> dict[str, str]:
        """Return the options that are set for `module`."""
        prefix = f"{module.name}."
        return {k[len(prefix) :]: v for k, v in self.recipe.options.items() if k.startswith(prefix)}

    # --- as files --------------------------------------------------------------------------------

    def tree(self) -> Iterator[tuple[str, bytes]]:
        """Yield the archive's files: name, contents."""
        yield "main.sh", (HERE / "main.sh").read_bytes()
        for path in (HERE / "lib").glob("*.sh"):
            yield f"lib/{path.name}", path.read_bytes()
        for folder, found in (("checks", self.checks), ("payloads", self.payloads)):
            for module in found.values():
                yield f"{folder}/{module.name}.sh", module.text.encode()
                if module.options:
                    yield f"options/{module.name}", self._options(module).encode()
        for name, data in self.files.items():
            yield f"files/{name}", data
        for payload in self.payloads.values():
            if words := shlex.split(self.recipe.options.get(f"{payload.name}.arguments", "")):
                yield f"arguments/{payload.name}", _arguments(words).encode()
        yield "config", "".join(f"{k}={shlex.quote(v)}\n" for k, v in self.recipe.settings.items()).encode()
        yield "checks.list", "".join(_check_line(c) for c in self.checks.values()).encode()
        yield (
            "payloads.list",
            "".join(
                f"{p.name}|{p.name}.sh|{' '.join(self.needs(p))}\n" for p in self.payloads.values()
            ).encode(),
        )
        yield "rules.list", "".join(f"{rule.line}\n" for rule in self.rules).encode()

    def _options(self, module: Module) -> str:
        """Return the options as assignments, for the environment of this module alone."""
        values = {
            name: default for name, (default, _) in module.options.items() if default not in ("", "required")
        }
        values |= self.option_values(module)
        lines = (
            f"APF_WRAPPER_{name.upper()}={shlex.quote(v)}; export APF_WRAPPER_{name.upper()}\n"
            for name, v in values.items()
        )
        return "".join(lines)


def _check_line(check: Module) -> str:
    hold = "yes" if check.hold else "no"
    columns = (
        check.name,
        f"{check.name}.sh",
        check.stage,
        check.deadline,
        check.kind,
        check.owner,
        check.exit,
        hold,
    )
    return "|".join(map(str, columns)) + "\n"


def _arguments(words: list[str]) -> str:
    quoted = " ".join(map(shlex.quote, words))
    return f'apf_first=$1 apf_second=$2 && shift 2\nset -- "$apf_first" "$apf_second" {quoted} "$@"\n'


def _packed(files: Mapping[str, bytes]) -> bytes:
    """Return a gzipped tar archive that says nothing of when, where or by whom it was made."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in sorted({name.rpartition("/")[0] for name in files if "/" in name}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o700
            archive.addfile(entry)
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o700
            archive.addfile(entry, io.BytesIO(data))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(tar.getvalue())
    return packed.getvalue()


@cache
def _table() -> tuple[int, ...]:
    def entry(number: int) -> int:
        crc = number << 24
        for _ in range(8):
            crc = (crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1
        return crc & 0xFFFFFFFF

    return tuple(map(entry, range(256)))


def cksum(data: bytes) -> str:
    """Return what the command `cksum`, which POSIX knows, says of `data`: checksum and length."""
    table, crc, length = _table(), 0, len(data)
    tail = bytearray()
    while length:
        tail.append(length & 0xFF)
        length >>= 8
    for byte in (*data, *tail):
        crc = ((crc << 8) & 0xFFFFFFFF) ^ table[(crc >> 24) ^ byte]
    return f"{crc ^ 0xFFFFFFFF} {len(data)}"
