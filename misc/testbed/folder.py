"""Debian packages as a relocated folder: programs that any user can run from where they lie.

The packages' programs are built for a newer C library than the host may have, so each gets the folder's own
dynamic loader and library path written into it.  No chroot, no mount, no privilege is needed to run them.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from testbed import apt, cache, elf
from testbed.commands import run
from testbed.errors import TestbedError

SUITE = "trixie"
RECIPE = 1  # raise when the way folders are made changes, so that old ones are not used any more

# What no service needs, by far the larger part: documentation, and interpreters (scripts use the host's).
UNUSED = [
    "usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian",
    "usr/share/perl*", "usr/lib/*/perl*", "usr/lib/*/gconv", "usr/lib/python3*", "usr/lib/systemd", "var",
]  # fmt: skip
TOOLS = ["patchelf", "libc6", "libgcc-s1", "libstdc++6"]  # patchelf and what it is linked with
PROGRAMS = ["usr/bin", "usr/sbin", "bin", "sbin"]


@dataclass(frozen=True)
class Replace:
    """A repair to one text file of a package, `path` within the folder: every `old` becomes `new`."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Add:
    """A file that is added to the folder at `path`; with `link` a symbolic one."""

    path: str
    text: str = ""
    link: str = ""


def folder(
    name: str,
    packages: Sequence[str],
    fixups: Sequence[Replace] = (),
    keep: Sequence[str] = (),
    *,
    additions: Sequence[Add] = (),
    suite: str = SUITE,
) -> Path:
    """Return the folder with `packages`, building it if no cache has it; `keep` is what of UNUSED stays.

    Programs (usr/bin, usr/sbin) come from `packages` alone, so that the folder can be put on a PATH without
    hiding the host's tar or python3; libraries and data come from all they depend on.
    """
    parts = [RECIPE, suite, sorted(packages), [vars(fixup) for fixup in fixups]]
    parts += [sorted(keep)] if keep else []
    parts += [[vars(addition) for addition in additions]] if additions else []
    recipe = json.dumps(parts)
    key = f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    for place in cache.places():
        if (place / key).is_dir():
            return place / key
    final = cache.own() / key
    with cache.locked(final.with_name(f".{key}.lock")):
        if not final.is_dir():  # else another process built it while we waited
            _build(final, packages, fixups, keep, additions, suite)
    return final


def _build(
    final: Path,
    packages: Sequence[str],
    fixups: Sequence[Replace],
    keep: Sequence[str],
    additions: Sequence[Add],
    suite: str,
) -> None:
    """Make the folder beside its final place and rename it: a folder that exists is complete."""
    work = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    try:
        root, tools = work / "root", work / "tools"
        debs = apt.download([*packages, "patchelf"], suite, work)
        named = [deb for deb in debs if deb.name.split("_")[0] in packages]
        missing = set(packages) - {deb.name.split("_")[0] for deb in named}
        if missing:
            raise TestbedError(f"apt did not deliver {', '.join(sorted(missing))}")
        _unpack([deb for deb in debs if deb.name.split("_")[0] in TOOLS], tools)
        _unpack([deb for deb in debs if deb not in named], root)
        _drop(root, PROGRAMS)
        _unpack(named, root)
        _drop(root, [pattern for pattern in UNUSED if pattern not in keep])
        _relocate(root, final, Patchelf(tools))
        for fixup in fixups:
            _apply(fixup, root)
        for addition in additions:
            _add(addition, root)
        (root / "PACKAGES").write_text("".join(f"{deb.stem}\n" for deb in debs))
        for directory, _, _ in os.walk(root):
            os.chmod(directory, 0o755)
        root.rename(final)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _unpack(debs: Sequence[Path], where: Path) -> None:
    where.mkdir(exist_ok=True)
    _each(lambda deb: run(["dpkg-deb", "-x", deb, where], timeout=120), debs)


def _drop(root: Path, patterns: Sequence[str]) -> None:
    for pattern in patterns:
        for path in root.glob(pattern):
            if path.is_symlink() or not path.is_dir():
                path.unlink()
            else:
                shutil.rmtree(path)


def _relocate(root: Path, final: Path, patchelf: "Patchelf") -> None:
    """Make every program under `root` use the loader and the libraries that will be under `final`."""
    standard = [final / "usr/lib", *(final / p.relative_to(root) for p in root.glob("usr/lib/*-linux-gnu*"))]
    path = ":".join(map(str, reversed(standard)))

    def patch(file: Path) -> None:
        dynamic, interpreter = elf.inspect(file)
        if interpreter:
            # A program's DT_RPATH (not RUNPATH) also serves the libraries of its libraries.
            patchelf("--set-interpreter", f"{final}/usr{interpreter.removeprefix('/usr')}", file)
            patchelf("--force-rpath", "--set-rpath", _moved(patchelf.rpath(file), final, path), file)
        elif dynamic and (own := patchelf.rpath(file)):
            patchelf("--force-rpath", "--set-rpath", _moved(own, final, path), file)

    files = (Path(directory, name) for directory, _, names in os.walk(root) for name in names)
    loaders = {loader.resolve() for loader in root.glob("usr/lib*/ld-linux*")}
    _each(patch, [file for file in files if file.is_file() and not file.is_symlink() and file not in loaders])


def _moved(rpath: str, final: Path, standard: str) -> str:
    """The package's own library directories, moved into the folder, then the standard ones."""
    own = [f"{final}{entry}" if entry.startswith("/") else entry for entry in rpath.split(":") if entry]
    return ":".join([*own, standard])


def _apply(fixup: Replace, root: Path) -> None:
    path = root / fixup.path
    text = path.read_text()
    if fixup.old in text:
        path.write_text(text.replace(fixup.old, fixup.new))
    elif fixup.new not in text:
        raise TestbedError(f"{fixup.path} holds neither {fixup.old!r} nor {fixup.new!r}: the package changed")


def _add(addition: Add, root: Path) -> None:
    path = root / addition.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if addition.link:
        path.symlink_to(addition.link)
    else:
        path.write_text(addition.text)


def _each(work: Callable[[Path], object], items: Sequence[Path]) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(work, items))


class Patchelf:
    """The patchelf of the same packages, run through their own loader since nothing is relocated yet."""

    def __init__(self, tools: Path) -> None:
        loader = next(tools.glob("usr/lib*/ld-linux*"))
        libraries = ":".join(str(path) for path in tools.glob("usr/lib/*-linux-gnu*"))
        self._command: list[str | Path] = [loader, "--library-path", libraries, tools / "usr/bin/patchelf"]

    def __call__(self, *arguments: str | Path) -> str:
        """Run patchelf with `arguments`; return what it printed."""
        return run([*self._command, *arguments], timeout=60).stdout.strip()

    def rpath(self, file: Path) -> str:
        """The library path written in `file`, empty when there is none."""
        return self("--print-rpath", file)
