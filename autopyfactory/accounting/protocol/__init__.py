"""Reserve, send, count, resolve, adopt, write off: a state machine that yields its requests.

No I/O, no clock, no threads: each run is a generator that yields a `Request` and is sent its `Answer`, or has
`NoAnswer` or `NotDone` thrown into it. What it does between two yields is one act: whoever drives it lets
nobody else touch the book meanwhile. It may be left at any yield, for ever: whatever was under way is
resolved by the next poll, or after a restart from what the disk has.

Runs start in `sending` (send), `polling` (poll) and `identity` (forget); the other modules are their parts.
"""
