"""What all JSON output has in common."""

from __future__ import annotations

VERSION = 1
"""Of the shape of JSON output: its field `version`. It grows when a field goes or changes what it means."""
