"""Work counts from the output of a program: for systems that nothing else here can ask."""

from __future__ import annotations

import shlex

from autopyfactory.external import program
from autopyfactory.model.info import WMSStatus
from autopyfactory.options.declare import option
from autopyfactory.options.polled import timeout_option
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.wmsstatus.counts import CountsOptions, CountsPlugin, parse


class CommandOptions(CountsOptions):
    """Options of the source `Command`."""

    prefixes = ("wmsstatus.command",)
    command: str = option(
        key="wmsstatus.command.command",
        min_length=1,
        description="Program and arguments, quoted as in a shell, but run without one. It writes JSON "
        "`{queue: {status: number}}` or lines `queue status number`, and ends with code 0",
    )
    timeout: float = timeout_option(
        30, "The program and its children are killed after this time", scope="queue"
    )


class Command(CountsPlugin[CommandOptions]):
    """Runs a program for all queues at once and reads what it writes."""

    name = "Command"
    Options = CommandOptions

    @property
    def label(self) -> str:
        """Return the source as people write it: the program without its arguments, which may be secret."""
        return f"Command {self.options.command.split()[0]}"

    def fetch(self) -> WMSStatus:
        """Run the program. Raises SourceError when it fails, hangs or writes what is not understood."""
        try:
            output = program.run(shlex.split(self.options.command), self.options.timeout)
            counts = parse(output.stdout.decode("utf-8-sig"))
        except (program.ProgramError, ValueError) as err:
            raise SourceError(f"{self.label}: {err}") from None
        return self.status(counts)
