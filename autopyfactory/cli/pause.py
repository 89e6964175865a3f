"""`autopyfactory pause`: send nothing for a while."""

from __future__ import annotations

from autopyfactory.cli.orders import order_command

command = order_command(
    "pause", "Send no pilots for QUEUEs until TIME or `resume`; those it has go on. Survives restarts."
)
