"""Downtimes as OSG topology (XML), GOCDB (XML) and CRIC (JSON) publish them. Pure.

Shapes: OSG topology's /rgdowntime/xml (Downtimes of CurrentDowntimes, FutureDowntimes, PastDowntimes); the
get_downtime and get_downtime_nested_services of GOCDB's programmatic interface (results of DOWNTIME); CRIC's
/api/core/downtime/query/?json (records by site and number, or by number). What comes is foreign text: XML
without entities or external references, within limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from autopyfactory.external.strictjson import JSONError, loads
from autopyfactory.model.text import printable

MOST = 50_000  # records of one source
DEEPEST = 6  # levels of JSON in which records are looked for
LONGEST = 120  # characters of a text

# Services without which no pilot can be taken, by the words in their names: `CE`, `HTCondor-CE`, `ARC-CE`,
# `org.opensciencegrid.htcondorce`, `org.nordugrid.arex`, `CREAM-CE`, `gLite-CE`.
_COMPUTING = re.compile(r"(^|[^a-z])ce([^a-z]|$)|condorce|arex|nordugrid|cream|compute", re.IGNORECASE)
_OSG_TIME = re.compile(r"([A-Z][a-z]{2}) +(\d{1,2}), +(\d{4}) +(\d{1,2}):(\d{2}) *(AM|PM)? *(?:UTC|\+0000)?")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class FormatError(Exception):
    """What came is none of these; the text says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """One declared downtime."""

    names: tuple[str, ...]  # of what is down: host, resource, site; as they are written there
    start: datetime
    end: datetime
    severity: str  # in small letters
    words: str = ""  # its description
    computing: bool = True  # whether it concerns a CE; also when it does not say what it concerns


def read(data: bytes) -> list[Record]:
    """Return the records in a source's answer. Raises FormatError; a record that is no good is left out.

    Not one good record among several bad ones is no answer either.
    """
    text = data.lstrip()
    found = list(_json(data) if text[:1] in (b"{", b"[") else _xml(data))
    good = [record for record in found if record is not None]
    if found and not good:
        raise FormatError(f"none of its {len(found)} records can be read")
    if len(found) > MOST:
        raise FormatError(f"it has more than {MOST} records")
    return good


# --- XML -------------------------------------------------------------------------------------------


def _xml(data: bytes) -> Iterator[Record | None]:
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as err:
        raise FormatError(f"neither sound XML nor JSON: {printable(str(err), LONGEST)}") from None
    if root.tag == "Downtimes":
        for kind in ("CurrentDowntimes", "FutureDowntimes"):
            for node in root.iterfind(f"{kind}/Downtime"):
                yield _osg(node)
    elif root.tag in ("results", "ROOT"):
        for node in root.iterfind("DOWNTIME"):
            yield _gocdb(node)
    else:
        raise FormatError(f"XML of another kind: <{printable(root.tag, 40)}>")


def _osg(node: Element) -> Record | None:
    names = [_text(node, "ResourceFQDN"), _text(node, "ResourceName"), _text(node, "ResourceGroup/GroupName")]
    services = [_text(service, "Name") for service in node.iterfind("Services/Service")]
    start, end = (_osg_time(_text(node, what)) for what in ("StartTime", "EndTime"))
    return _record(names, start, end, _text(node, "Severity"), _text(node, "Description"), services)


def _osg_time(text: str) -> datetime | None:
    """Read `Nov 20, 2017 03:00 PM UTC`; with an hour above 12 AM and PM say nothing."""
    match = _OSG_TIME.fullmatch(text.strip())
    if match is None or match[1] not in _MONTHS:
        return None
    hour = int(match[4])
    if match[6] == "PM" and hour < 12:
        hour += 12
    if match[6] == "AM" and hour == 12:
        hour = 0
    try:
        return datetime(
            int(match[3]), _MONTHS.index(match[1]) + 1, int(match[2]), hour, int(match[5]), tzinfo=UTC
        )
    except ValueError:
        return None


def _gocdb(node: Element) -> Record | None:
    parts = [node, *node.iterfind("SERVICES/SERVICE")]
    names = [_text(part, what) for part in parts for what in ("HOSTNAME", "HOSTED_BY", "SITENAME")]
    services = [_text(part, "SERVICE_TYPE") for part in parts]
    start, end = (_unix(_text(node, what)) for what in ("START_DATE", "END_DATE"))
    return _record(names, start, end, _text(node, "SEVERITY"), _text(node, "DESCRIPTION"), services)


def _unix(text: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _text(node: Element, path: str) -> str:
    return (node.findtext(path) or "").strip()


# --- JSON ------------------------------------------------------------------------------------------


def _json(data: bytes) -> Iterator[Record | None]:
    try:
        found = loads(data)
    except JSONError as err:
        raise FormatError(str(err)) from None
    if isinstance(found, Mapping) and isinstance(found.get("error"), str):
        raise FormatError(f"it answers with an error: {printable(found['error'], LONGEST)}")
    yield from _walk(found, (), DEEPEST)


def _walk(found: Any, under: tuple[str, ...], depth: int) -> Iterator[Record | None]:
    """Yield the records in `found`: those by site name carry it, wherever in the tree they are."""
    if isinstance(found, Mapping) and "start_time" in found:
        yield _cric(found, under)
    elif depth and isinstance(found, Mapping):
        for key, value in found.items():
            yield from _walk(value, (*under, str(key)), depth - 1)
    elif depth and isinstance(found, list):
        for value in found:
            yield from _walk(value, under, depth - 1)
    else:
        yield None


def _cric(found: Mapping[str, Any], under: tuple[str, ...]) -> Record | None:
    said = [found.get(what) for what in ("site", "rc_site", "rcsite", "service", "endpoint", "hostname")]
    names = [*(s for s in said if isinstance(s, str)), *(key for key in under if not key.isdecimal())]
    start, end = (_iso(found.get(what)) for what in ("start_time", "end_time"))
    severity, words = (str(found.get(what) or "") for what in ("severity", "description"))
    return _record(names, start, end, severity, words, _services(found.get("affected_services")))


def _services(said: Any) -> list[str]:
    if isinstance(said, str):
        return [part.strip() for part in said.split(",")]
    rows = said if isinstance(said, list) else []
    return [str(row.get("name", "")) if isinstance(row, Mapping) else str(row) for row in rows]


def _iso(said: Any) -> datetime | None:
    """Read a time, UTC unless it has an offset."""
    try:
        found = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


# --- both ------------------------------------------------------------------------------------------


def _record(
    names: Iterable[str],
    start: datetime | None,
    end: datetime | None,
    severity: str,
    words: str,
    services: Iterable[str],
) -> Record | None:
    known = tuple(dict.fromkeys(printable(name, LONGEST) for name in names if name))
    if start is None or end is None or end <= start or not known:
        return None
    told = [service for service in services if service]
    computing = not told or any(_COMPUTING.search(service) for service in told)
    return Record(known, start, end, severity.strip().lower(), printable(words, LONGEST), computing)
