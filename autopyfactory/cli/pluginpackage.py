"""A new plugin as a small package of its own, made of the templates in `plugintemplates/`."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from autopyfactory.config.registry import installed

TEMPLATES = files("autopyfactory.cli") / "plugintemplates"
PLUGIN = {"{package}/plugin.py": "{kind}/plugin.py", "tests/test_plugin.py": "{kind}/test_plugin.py"}
STATUS = {
    "{package}/status.py": "batchstatus/status.py",
    "tests/test_status.py": "batchstatus/test_status.py",
    "tests/batch.py": "batchstatus/batch.py",
    "tests/conftest.py": "batchstatus/conftest.py",
}
SUBMIT = {
    "{package}/submit.py": "batchsubmit/submit.py",
    "tests/test_submit.py": "batchsubmit/test_submit.py",
}
QUEUES = {"example/queues.conf": "{kind}/queues.conf"}
COMMON = {
    "pyproject.toml": "common/pyproject.toml",
    "README.md": "common/README.md",
    "{package}/__init__.py": "common/__init__.py",
    "example/autopyfactory.conf": "common/autopyfactory.conf",
    "tests/test_example.py": "common/test_example.py",
}
KINDS: Mapping[str, Mapping[str, str]] = {
    "sched": {**PLUGIN, **QUEUES},
    "wmsstatus": {**PLUGIN, **QUEUES},
    "batchstatus": {**STATUS, **QUEUES},
    "batchsubmit": {**SUBMIT, **STATUS, **QUEUES},
    "queueconfig": {**PLUGIN, "example/queues.csv": "queueconfig/queues.csv"},
    "monitor": {**PLUGIN, **QUEUES, "example/monitor.conf": "monitor/monitor.conf"},
    "auth": {**PLUGIN, **QUEUES, "example/auth.conf": "auth/auth.conf"},
}
"""By kind: file of the new package -> its template, without `.in`."""

CLASSES = {
    "batchstatus": {"batchstatus": "status:{name}Pilots"},
    "batchsubmit": {"batchsubmit": "submit:{name}", "batchstatus": "status:{name}Pilots"},
}
"""By kind: entry points of the package; one class `plugin:<name>` where nothing else is said."""

FACTORY = {
    "queueconfig": "config.queues.plugin = {name}\nconfig.queues.{key}.path = queues.csv",
    "monitor": "queueConf = queues.conf\nmonitorConf = monitor.conf",
    "auth": "queueConf = queues.conf\nauthConf = auth.conf",
}


class NameTaken(Exception):
    """A plugin cannot have this name; the text says why."""


def texts(kind: str, name: str) -> dict[str, str]:
    """Return the files of a package with the plugin `name`: path -> text. `kind` is one of KINDS."""
    key = name.lower()
    names = {
        "kind": kind,
        "name": name,
        "key": key,
        "package": f"apf_{kind}_{key}",
        "dist": f"autopyfactory-{kind}-{key.replace('_', '-')}",
    }
    names["entries"] = _entries(kind, names)
    names["factory"] = FACTORY.get(kind, "queueConf = queues.conf").format(**names)
    chosen = {**COMMON, **KINDS[kind]}
    return {path.format(**names): _template(source.format(**names), names) for path, source in chosen.items()}


def write(kind: str, name: str, into: Path) -> Path:
    """Write the package into a new folder below `into` and return it. Raises NameTaken, OSError."""
    check_name(kind, name)
    made = texts(kind, name)
    if twice := [n for path, text in made.items() if path.endswith(".py") for n in _defined_twice(text)]:
        raise NameTaken(f"{name!r} cannot be the name: {twice[0]} is used by the plugin itself")
    folder = into / f"autopyfactory-{kind}-{name.lower().replace('_', '-')}"
    if folder.exists():
        raise NameTaken(f"{folder} exists already")
    for path, text in made.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def check_name(kind: str, name: str) -> None:
    """Raise NameTaken unless `name` can be a class and is no installed plugin of `kind`."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise NameTaken(f"{name!r} cannot be the name of a class: write letters, digits and _")
    for group in CLASSES.get(kind, (kind,)):
        if taken := [n for n in installed().names(group) if n.lower() == name.lower()]:
            raise NameTaken(f"there is a {group} plugin {taken[0]} already")


def _defined_twice(text: str) -> list[str]:
    """Return the classes of a module that have the name of something it imports."""
    body = ast.parse(text).body
    imported = {
        a.asname or a.name for n in body if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names
    }
    return [n.name for n in body if isinstance(n, ast.ClassDef) and n.name in imported]


def _entries(kind: str, names: Mapping[str, str]) -> str:
    classes = CLASSES.get(kind, {kind: "plugin:{name}"})
    return "".join(
        f'[project.entry-points."autopyfactory.{group}"]\n'
        f'{names["name"]} = "{names["package"]}.{where.format(**names)}"\n\n'
        for group, where in classes.items()
    )[:-1]


def _template(source: str, names: Mapping[str, str]) -> str:
    return Template((TEMPLATES / f"{source}.in").read_text(encoding="utf-8")).substitute(names)
