"""Templates, and the few words and numbers that they need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autopyfactory import __version__
from autopyfactory.api.rows import QueueRow
from autopyfactory.model.text import capital, sentence, span, visible
from autopyfactory.web.table import STALE, cause_of
from autopyfactory.why.render import WHO

STATIC = {
    "style.css": "text/css; charset=utf-8",
    "refresh.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
GOOD = {"ok", "nothing-ready", "enough-pending", "no-demand", "nobody"}
WAITING = {
    "paused",
    "draining",
    "disabled",
    "downtime",
    "offline",
    "hours",
    "capped",
    "share",
    "ramping",
    "no-cycle-yet",
}


def tone(cause: str) -> str:
    """Return how a cause looks: good, wait or bad. The word stands beside it, whatever the colour."""
    return "good" if cause in GOOD else "wait" if cause in WAITING else "bad"


def age(when: datetime | None, now: datetime) -> str:
    """Return how long ago something was; `never` if it was not."""
    return "never" if when is None else f"{span((now - when).total_seconds())} ago"


def moment(seconds: float) -> datetime:
    """Return Unix time as a datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def is_stale(row: QueueRow, now: datetime) -> bool:
    """Whether the last decision of a queue is too old to speak for it."""
    return row.at is None or (now - row.at).total_seconds() > STALE


def number(n: int | None) -> str:
    """Return a count, `?` for one that is not known."""
    return "?" if n is None else f"{n:,}".replace(",", "\u202f")


def share(n: float | None) -> str:
    """Return a share or an amount with one digit at most behind the point; nothing for an unknown one."""
    return "" if n is None else number(n) if isinstance(n, int) else f"{n:.1f}"


def percent(part: int | None, whole: int | None) -> str:
    """Return how many per cent `part` is; nothing when that is not known."""
    return f"{100 * part / whole:.0f}" if part is not None and whole else ""


def acts(who: str) -> str:
    """Return who has to act, in the words of `why`."""
    return WHO.get(who, "nobody has to act" if who == "nobody" else "the factory's operator has to act")


def path(*parts: str) -> str:
    """Return a path of ours with names of any kind in it; half characters, as of files, lead nowhere."""
    return "/" + "/".join(quote(p, safe="", errors="replace") for p in parts)


def query(base: str, given: Mapping[str, Any], **changes: Any) -> str:
    """Return `base` with the parameters `given`, some changed; empty ones are left out."""
    merged = {k: v for k, v in {**given, **changes}.items() if v not in ("", None, False, 0)}
    return f"{base}?{urlencode(merged)}" if merged else base


def _inert(value: Any) -> Any:
    """Write out, in all that a template shows, what is not text for a person; markup of ours stays."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("autopyfactory.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_inert,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "age": age, "number": number, "share": share, "span": span, "capital": capital, "sentence": sentence,
    }  # fmt: skip
    made.globals |= {
        "path": path, "query": query, "tone": tone, "cause_of": cause_of, "is_stale": is_stale,
        "percent": percent, "moment": moment, "acts": acts,
        "version": __version__,
    }  # fmt: skip
    return made


_TEMPLATES = _environment()


def page(template: str, status: int = 200, **values: Any) -> Response:
    """Return a page."""
    text = _TEMPLATES.get_template(template).render(**values)
    return Response(
        text, status, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"}
    )


def static(name: str) -> bytes | None:
    """Return one of our own files; None for what is none."""
    return (files("autopyfactory.web") / "static" / name).read_bytes() if name in STATIC else None
