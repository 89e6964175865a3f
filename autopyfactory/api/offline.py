"""What can be known about a queue when no factory answers: its configuration, its pause, its schedd."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from autopyfactory.api.live import queue_troubles
from autopyfactory.config.model import Configuration
from autopyfactory.model.record import Troubles
from autopyfactory.pauses import ALL, Pause, PauseError, look
from autopyfactory.why import schedds
from autopyfactory.why.model import LiveState


def offline_state(
    configuration: Configuration | None, state_dir: Path, queue: str, *, ask: float | None
) -> LiveState:
    """Return what is known without a factory; schedd and CE get `ask` seconds, or (None) are not asked."""
    now = datetime.now(UTC)
    troubles: Troubles | None = None
    configured = enabled = None
    problems: tuple[str, ...] = ()
    if configuration is not None:
        broken = configuration.broken.get(queue, ())
        config = configuration.queues.get(queue)
        configured = config is not None or bool(broken)
        enabled = config.options.enabled and configuration.factory.enable_queues if config else None
        problems = tuple(p.brief for p in broken if p.severity == "error")
        if ask is not None:
            try:
                troubles = queue_troubles(configuration, queue, ask=ask, endings=True)
            finally:
                schedds.close()
    return LiveState(
        now=now,
        running=False,
        configured=configured,
        enabled=enabled,
        problems=problems,
        pause=_pause(state_dir, queue, now),
        troubles=troubles,
    )


def _pause(state_dir: Path, queue: str, now: datetime) -> Pause | None:
    try:
        pauses = look(state_dir / "pauses.json", now)
    except PauseError as err:
        return Pause(ALL, now, reason=str(err), by="autopyfactory")
    return pauses.get(queue) or pauses.get(ALL)
