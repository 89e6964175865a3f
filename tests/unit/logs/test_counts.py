"""Lines are counted by level, and only those that somebody should look at."""

from __future__ import annotations

import logging

from autopyfactory.logs.counts import LevelCounts


def test_lines_are_counted_by_level() -> None:
    counts, logger = LevelCounts(), logging.getLogger("autopyfactory.test_counts")
    logger.addHandler(counts)
    try:
        for level, n in ((logging.INFO, 5), (logging.WARNING, 3), (logging.ERROR, 2), (logging.CRITICAL, 1)):
            for _ in range(n):
                logger.log(level, "x %d", n)
    finally:
        logger.removeHandler(counts)
    assert counts.sums() == {"warning": 3, "error": 2, "critical": 1}
