"""A server that answers, also badly."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.control.server import CommandError, ControlServer


@dataclass
class Facts:
    n: int
    when: datetime


def handler(command: str, arguments: dict[str, Any]) -> Any:
    match command:
        case "echo":
            return arguments
        case "facts":
            return Facts(1, datetime(2026, 11, 22, tzinfo=UTC))
        case "big":
            return "x" * arguments["size"]
        case "hang":
            time.sleep(600)
        case "crash":
            raise RuntimeError("oops")
        case "object":
            return object()
    raise CommandError(f"no such command: {command}")


Start = Callable[..., ControlServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[ControlServer] = []

    def start(path: Path | None = None, **options: Any) -> ControlServer:
        made = ControlServer(path or tmp_path / "control.sock", handler, **options)
        made.start()
        running.append(made)
        return made

    yield start
    for made in running:
        made.close()
