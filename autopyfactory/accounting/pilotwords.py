"""What pilots wrote themselves, read from their output when they have ended: their account, their last words.

Of each file only its end is read, and only of files that are called after the pilot, as ours are: whoever
else puts an ad with our factory's name into the schedd cannot have us read other files of ours.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from autopyfactory.model.ending import Account, Ending
from autopyfactory.model.text import printable
from autopyfactory.wrapper import lastline
from autopyfactory.wrapper.summary import Summary, read, summary

QUOTED, LONGEST_QUOTE = 3, 300  # lines and characters of what a failed pilot wrote last


def with_words(e: Ending) -> Ending:
    """Return the same ending with what the pilot says of itself. Reads up to two files' ends."""
    if e.started is None and not e.wall:
        return e  # it has written nothing
    text = _end_of(e.output, e.job, "out")
    account = account_of(text) if text else None
    if account is not None:
        e = replace(e, account=account)
        if e.outcome == "well" and account.outcome not in ("", "ok", "empty"):
            e = replace(e, outcome="failed")  # a CE that tells no exit codes
        if account.empty and (e.outcome == "well" or e.exit_code == EMPTY):
            e = replace(e, outcome="empty")
    if e.outcome == "failed":
        said_in, said = _last_words(e, text or "")
        e = replace(e, said=said, said_in=said_in)
    return e


EMPTY = 22  # exit code of a wrapper that is to make it visible that there was no work


def account_of(text: str) -> Account | None:
    """Return what the pilot that wrote `text` says of itself; None when it does not."""
    one = summary(text)
    if one is not None:
        return _account(one)
    number = lastline.payloads(text)
    return None if number is None else Account("", payloads=number, empty=number == 0)


def _account(one: Summary) -> Account:
    culprit = one.culprit
    return Account(
        outcome=one.outcome,
        host=one.host,
        owner=one.owner,
        reason=one.reason,
        check=culprit.name if culprit else "",
        check_said=(culprit.reason or culprit.result) if culprit else "",
        payload=one.payload,
        payloads=one.payloads,
        empty=one.empty,
    )


def _last_words(e: Ending, output: str) -> tuple[str, str]:
    """Return the file in which a pilot says why it failed, and its last lines; those may be empty.

    Shells and most programs complain to standard error. A pilot's summary is no complaint.
    """
    for file, text in ((e.errors, _end_of(e.errors, e.job, "err") or ""), (e.output, output)):
        lines = [
            line.strip()
            for line in text.splitlines()
            if line.strip() and not line.strip().startswith("APF-SUMMARY ")
        ]
        if lines:
            return file, printable(" / ".join(lines[-QUOTED:]), LONGEST_QUOTE)
    return e.output, ""


def _end_of(file: str, job: str, kind: str) -> str | None:
    path = Path(file)
    return read(path) if path.is_absolute() and path.name == f"{job}.{kind}" else None
