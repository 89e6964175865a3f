"""Whether the pilots of a queue drain when told to end: start no job any more, let those that run end."""

from __future__ import annotations

from autopyfactory.options.common import QueueOptions

PAYLOAD = "glidein"
AFTER = 120  # seconds that HTCondor gives a pilot beyond its drain, to leave in order


def drain_time(options: QueueOptions) -> int:
    """Return the seconds that each payload of a composed wrapper drains for after TERM; 0: one does not."""
    times = []
    for payload in options.wrapper_payloads:
        name, _, kind = payload.partition("=")
        told = options.wrapper_options.get(f"{name}.drain", "0")
        times.append(int(told) if (kind or name) == PAYLOAD and told.isdecimal() else 0)
    return min(times, default=0)


def patience(options: QueueOptions) -> int:
    """Return the seconds between TERM and KILL that pilots of this queue ask for; 0: HTCondor's own."""
    longest = drain_time(options)
    return longest + AFTER if longest else 0
