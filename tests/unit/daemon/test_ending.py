"""A factory ends within the time that people are promised; that it does is tried in test_signals.py."""

import re
from pathlib import Path

from autopyfactory.daemon.ending import ALL, ORDERLY

OPERATIONS = Path(__file__).parents[3] / "docs/operations.md"


def test_the_end_takes_no_longer_than_the_documents_promise() -> None:
    (promised,) = re.findall(
        r"^\| TERM, INT \|.* At most (\d+) seconds", OPERATIONS.read_text(), re.MULTILINE
    )
    assert ORDERLY < ALL < int(promised)
