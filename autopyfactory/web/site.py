"""What all pages of one factory share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autopyfactory.api.access import Access
from autopyfactory.daemon.webchild import WebOptions
from autopyfactory.web.identity import Doorman
from autopyfactory.web.metrics import Exposition
from autopyfactory.web.tokens import Tokens, token_file
from autopyfactory.web.view import Views
from autopyfactory.web.worstqueues import WorstQueues


@dataclass(frozen=True)
class Site:
    """The pages of one factory: where answers come from, and who may ask."""

    access: Access
    options: WebOptions
    views: Views
    exposition: Exposition
    doorman: Doorman
    worst: WorstQueues
    logs: Path  # base of the pilots' log tree

    @classmethod
    def of(cls, access: Access, options: WebOptions) -> Site:
        """Put it together. Raises ConfigError when the factory's options cannot be read."""
        views = Views(access)
        return cls(
            access,
            options,
            views,
            Exposition(views.get, options.per_queue),
            Doorman(options, Tokens(token_file(access.state_dir))),
            WorstQueues(access),
            Path(access.options.base_log_dir).expanduser(),
        )
