"""Which version of PanDA's pilot a PanDA queue gets: CRIC says which it wants, the defaults which there are.

CRIC's `pilot_version` is a whole version (`3.11.5.1`) or the beginning of one (`3`). Only that is fetched of
which `wrapper.option.panda.sha256` in the defaults has a digest; of several that fit the newest is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autopyfactory.cric.records import BadRecord

OPTION = "wrapper.option.panda."


@dataclass(frozen=True, slots=True)
class Choice:
    """What the pilots of a PanDA queue are to be."""

    keys: Mapping[str, str]
    warning: str = ""


NONE = Choice({})


def choose(wanted: str, defaults: Mapping[str, str]) -> Choice:
    """Return the version for a record that wants `wanted` (empty: it does not say), as keys of its section.

    Only for queues whose payload is `panda` by that name, and whose defaults list digests by version; what
    has another name (`rc=panda`) is the operator's own. Without a fitting digest the version of the defaults
    stays, with a warning; raises BadRecord when they say none.
    """
    payloads = [p.strip() for p in defaults.get("wrapper.payload", "").split(",")]
    known = [pair.partition(":")[0] for pair in defaults.get(f"{OPTION}sha256", "").split() if ":" in pair]
    if not wanted or "panda" not in payloads or not known:
        return NONE
    fitting = [version for version in known if version == wanted or version.startswith(f"{wanted}.")]
    if fitting:
        return Choice({f"{OPTION}version": max(fitting, key=_in_order)})
    told = f"CRIC wants its pilots of version {wanted}, of which {OPTION}sha256 has no digest"
    fallback = defaults.get(f"{OPTION}version")
    if not fallback:
        raise BadRecord(f"{told} (it has: {_listed(known)})")
    return Choice({}, f"{told}: they stay {fallback}")


def _in_order(version: str) -> list[tuple[int, int, str]]:
    """Return what sorts versions as people do: 3.9 before 3.12."""
    parts = re.split(r"[.+-]", version)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def _listed(versions: Iterable[str]) -> str:
    return ", ".join(sorted(versions, key=_in_order))
