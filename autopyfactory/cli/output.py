"""What all JSON output has in common."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from autopyfactory.cli.terminal import echo

VERSION = 1
"""Of the shape of JSON output: its field `version`. It grows when a field goes or changes what it means."""


def print_json(data: Mapping[str, Any], *, indent: int | None = 2) -> None:
    """Print one JSON object with the `version` of its shape; `data` has no such field of its own."""
    echo(json.dumps({"version": VERSION, **data}, indent=indent))
