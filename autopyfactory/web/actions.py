"""Orders that come by HTTP: who may give them, and that a browser was not tricked into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from autopyfactory.model.text import printable
from autopyfactory.web.identity import Doorman, Identity
from autopyfactory.web.site import Site

ACTIONS = {
    "pause": "Pause",
    "drain": "Drain",
    "resume": "Resume",
    "probe": "Probe",
    "acknowledge": "Acknowledge",
    "unacknowledge": "No longer acknowledge",
}  # commands of the factory; as people read it


class Denied(Exception):
    """An order is not taken; the text says why."""


def act(
    site: Site, who: Identity, action: str, queue: str, reason: str, until: str | None, *, api: bool
) -> Any:
    """Give an order to the factory in the name of `who`. Raises Denied, ControlError."""
    if not who.operates:
        raise Denied("acting needs an identity with the scope `operate`")
    if api and who.ambient:
        raise Denied("orders to /api come with a bearer token")
    if not reason.strip():
        raise Denied("a reason is wanted: others will read it")
    arguments: dict[str, Any] = {"queue": queue, "reason": printable(reason, 500), "by": f"{who.name} (web)"}
    if action == "probe":  # it keeps who asked, and no reason beside that
        arguments = {"queue": queue, "by": f"{who.name} (web): {printable(reason, 500)}"}
    elif until is not None and action not in ("resume", "unacknowledge"):
        arguments["until"] = until
    answer = site.access.ask(action, **arguments)
    site.views.stale()
    return answer


def from_our_page(doorman: Doorman, who: Identity, headers: Mapping[str, str], token: str) -> None:
    """Check that a form was sent from a page of ours. Raises Denied.

    A browser says where a form comes from; one that does not is believed by the token in the form alone.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        raise Denied("this order comes from another site's page")
    if origin is not None and _host(origin) != headers.get("host", "").lower():
        raise Denied("this order comes from another site's page")
    if not doorman.is_form_token(who, token):
        raise Denied("this form is too old: load the page again")


def _host(origin: str) -> str | None:
    """Return host and port of an Origin header; None when it names none."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
