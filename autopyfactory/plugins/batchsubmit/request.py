"""What one pilot asks for, in one place: each target says it in its own words."""

from __future__ import annotations

from dataclasses import dataclass

from autopyfactory.options.common import QueueOptions


@dataclass(frozen=True, slots=True)
class Request:
    """Cores, memory (MB, whole pilot), wall time (minutes), GPUs, queue, project; 0 or None: not said."""

    cores: int = 1
    memory_mb: int = 0
    wall_minutes: int = 0
    gpus: int = 0
    queue: str | None = None
    project: str | None = None

    @classmethod
    def of(cls, options: QueueOptions) -> Request:
        """Return what the pilots of a queue with these options ask for."""
        return cls(
            options.cores,
            options.memory_mb,
            options.wall_minutes,
            options.gpus,
            options.ce_queue,
            options.project,
        )

    def requests(self) -> dict[str, str]:
        """Return the `request_...` commands, as HTCondor's own pools read them."""
        return {
            **({"request_cpus": str(self.cores)} if self.cores > 1 else {}),
            **({"request_memory": str(self.memory_mb)} if self.memory_mb else {}),
            **({"request_gpus": str(self.gpus)} if self.gpus else {}),
        }
