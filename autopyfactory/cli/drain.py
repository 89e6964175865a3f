"""`autopyfactory drain`: let a queue run empty."""

from __future__ import annotations

from autopyfactory.cli.orders import order_command

command = order_command(
    "drain",
    """Let QUEUEs run empty: no new pilots, and those that do not run yet are taken back.

    Running pilots go on to their end. Lasts until TIME or `resume`, also over restarts.
    """,
)
