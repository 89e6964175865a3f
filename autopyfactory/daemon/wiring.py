"""What the daemon is put together from: how its configuration is loaded and its factory built.

Imported late, so that a look at `--help` or `--version` does not wait for the factory's libraries.
"""

from __future__ import annotations

from functools import partial

from autopyfactory.config.model import Configuration
from autopyfactory.daemon.contract import Built
from autopyfactory.daemon.memory import settle
from autopyfactory.daemon.startup import Plan


def load(conf: tuple[str, ...]) -> Configuration:
    """Read, validate and return the configuration. Raises ConfigError with every problem found."""
    from autopyfactory.config.build import load as read

    return read(conf)


def build(config: Configuration, plan: Plan) -> Built:
    """Return the factory for `config`, not started, and what answers for it."""
    from autopyfactory.api import commands
    from autopyfactory.factory.factory import Factory

    factory = Factory(
        config,
        load=plan.load,
        logdir=plan.logdir,
        oneshot_cycles=plan.options.cycles,
        sleep=plan.options.sleep,
    )
    factory.settled = settle
    return Built(factory, partial(commands.answer, factory))
