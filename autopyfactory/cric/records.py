"""CRIC's pandaqueue JSON as records with the fields a factory needs; whatever else a record holds is skipped.

One record that is wrong costs that record only, so each is read by itself; see `record`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autopyfactory.external import strictjson
from autopyfactory.model import hostport
from autopyfactory.model.text import is_one_line, printable

# Of a record of 115 fields these are kept while the file is parsed: a file of 20 MB stays small in memory.
RECORD_KEYS = frozenset(
    {
        "panda_resource",
        "nickname",
        "vo_name",
        "cloud",
        "region",
        "state",
        "site_state",
        "status",
        "type",
        "resource_type",
        "pilot_manager",
        "is_virtual",
        "corecount",
        "maxrss",
        "maxtime",
        "special_par",
        "pilot_version",
        "queues",
    }
)
CE_KEYS = frozenset(
    {
        "ce_endpoint",
        "ce_flavour",
        "ce_queue_id",
        "ce_queue_name",
        "ce_queue_status",
        "ce_queue_maxwctime",
        "ce_state",
        "ce_status",
    }
)
MAX_ELEMENTS = 10_000_000  # ten times those of CRIC's file of today (20 MB); few of them are kept
TWICE = "\0twice"  # where an object remembers keys that it had twice

_NAME = re.compile(r"[A-Za-z0-9_.+-]{1,200}\Z")
_QUEUE = re.compile(r"[A-Za-z0-9_.@+:/=-]{0,200}\Z")
LONGEST = 2000  # characters of one text
_SPECIAL = re.compile(r"\(\s*(\w+)\s*=\s*([^()]*?)\s*\)")


class BadRecord(ValueError):
    """A record, or one of its CEs, cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class CE:
    """One queue of one CE."""

    host: str
    port: int | None
    flavour: str  # lower case
    queue: str  # empty: none is named
    queue_id: str
    queue_status: str  # these three lower case; empty: not told
    state: str
    status: str
    max_minutes: int  # wall time; 0: no limit told


@dataclass(frozen=True, slots=True)
class Record:
    """One PanDA queue. Texts are as CRIC spells them; numbers that are not told are 0."""

    name: str  # the key in the file
    panda_resource: str
    vo: str
    cloud: str
    region: str
    state: str
    site_state: str
    status: str
    type: str
    resource_type: str
    pilot_manager: str
    virtual: bool
    cores: int
    memory_mb: int
    max_seconds: int
    pilot_version: str  # or the beginning of one; empty: it does not say
    special: Mapping[str, str]
    queues: tuple[Any, ...]  # CE entries as they came; see `ce`


def _reduced(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of the file: records and CE entries keep only what is used."""
    made = dict(pairs)
    twice = len(made) != len(pairs)
    if "queues" in made and "ce_endpoint" not in made:
        made = {k: made[k] for k in RECORD_KEYS & made.keys()}
    elif "ce_endpoint" in made:
        made = {k: made[k] for k in CE_KEYS & made.keys()}
    if twice:
        made[TWICE] = sorted(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
    return made


def parse(data: bytes) -> dict[str, Any]:
    """Return the raw records by name. Raises ValueError when this is no file of PanDA queues."""
    raw = strictjson.loads(data, pairs=_reduced, max_elements=MAX_ELEMENTS)
    if not isinstance(raw, dict):
        raise ValueError("not an object with a record for each PanDA queue")
    if not raw:
        raise ValueError("not a single PanDA queue in it")
    if not any(isinstance(value, dict) and "queues" in value for value in raw.values()):
        raise ValueError(f"no record of a PanDA queue in it (keys: {', '.join(sorted(raw)[:5])[:80]})")
    return raw


def names(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the raw records, sorted."""
    yield from sorted(name for name in raw if name != TWICE)


def record(raw: Mapping[str, Any], name: str) -> Record:
    """Return the record `name`. Raises BadRecord when it cannot be used."""
    if name in raw.get(TWICE, ()):
        raise BadRecord("the file has two records of this name")
    data = raw[name]
    if not isinstance(data, dict):
        raise BadRecord(f"not a record but {str(data)!r:.60}")
    _no_twins(data)
    queues = data.get("queues")
    if not isinstance(queues, list):
        raise BadRecord("it lacks the list of its CE queues")
    resource = _text(data, "panda_resource") or _text(data, "nickname") or name
    for text in (name, resource):
        if not _NAME.match(text):
            raise BadRecord(f"its name cannot be used here: {text!r:.80}")
    return Record(
        name=name,
        panda_resource=resource,
        vo=_name(data, "vo_name"),
        cloud=_name(data, "cloud"),
        region=_text(data, "region"),
        state=_text(data, "state"),
        site_state=_text(data, "site_state"),
        status=_name(data, "status"),
        type=_text(data, "type"),
        resource_type=_text(data, "resource_type"),
        pilot_manager=_text(data, "pilot_manager"),
        virtual=data.get("is_virtual") is True,
        cores=_number(data, "corecount"),
        memory_mb=_number(data, "maxrss"),
        max_seconds=_number(data, "maxtime"),
        pilot_version=_version(data, "pilot_version"),
        special={k.lower(): v for k, v in _SPECIAL.findall(_text(data, "special_par"))},
        queues=tuple(queues),
    )


def ce(data: Any) -> CE:
    """Return one entry of a record's queues. Raises BadRecord when it cannot be used."""
    if not isinstance(data, dict):
        raise BadRecord(f"not a CE but {str(data)!r:.60}")
    _no_twins(data)
    host, port = _host_and_port(_text(data, "ce_endpoint"))
    return CE(
        host=host,
        port=port,
        flavour=_text(data, "ce_flavour").lower(),
        queue=queue_name(_text(data, "ce_queue_name")),
        queue_id=printable(str(data.get("ce_queue_id") or ""), 80),
        queue_status=_text(data, "ce_queue_status").lower(),
        state=_text(data, "ce_state").lower(),
        status=_text(data, "ce_status").lower(),
        max_minutes=_number(data, "ce_queue_maxwctime"),
    )


def queue_name(text: str) -> str:
    """Return `text` if a queue of a CE can be called that. Raises BadRecord otherwise."""
    if not _QUEUE.match(text):
        raise BadRecord(f"the name of its queue cannot be used: {text!r:.80}")
    return text


def _host_and_port(endpoint: str) -> tuple[str, int | None]:
    """Take `host`, `host:port` or `protocol://host:port/path` apart."""
    if not endpoint:
        raise BadRecord("it has no ce_endpoint")
    try:
        place = hostport.parse_endpoint(endpoint)
    except ValueError as err:
        raise BadRecord(f"ce_endpoint: {err}") from None
    return place.host.lower(), place.port


def _no_twins(data: Mapping[str, Any]) -> None:
    if TWICE in data:
        raise BadRecord(f"it says {', '.join(map(str, data[TWICE][:5]))!r:.80} twice")


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if value is None or value == "None":
        return ""
    if not isinstance(value, str):
        raise BadRecord(f"{key} is {str(value)!r:.60}, not a text")
    text = value.strip()
    if not is_one_line(text) or len(text) > LONGEST:
        raise BadRecord(f"{key} is {text!r:.60}: control characters, or too long")
    return text


def _name(data: Mapping[str, Any], key: str) -> str:
    """Return a text that other keys may refer to, once it is one: a plain name, or nothing."""
    text = _text(data, key)
    if text and not _NAME.match(text):
        raise BadRecord(f"{key} is no plain name: {text!r:.60}")
    return text


def _version(data: Mapping[str, Any], key: str) -> str:
    """Return a version, which may be written as a whole number."""
    value = data.get(key)
    return str(value) if type(value) is int and 0 <= value < 1000 else _name(data, key)


def _number(data: Mapping[str, Any], key: str) -> int:
    """Return a whole number that is not negative; 0 when it is not told."""
    value = data.get(key)
    if value in (None, "", "None"):
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 15:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**12:
        raise BadRecord(f"{key} is {str(value)!r:.60}")
    return value
