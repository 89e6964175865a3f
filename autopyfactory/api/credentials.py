"""The answers to `credentials` and `renew`: each profile's credentials, whose they are, how long they hold.

What a credential says of itself is told, never what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from autopyfactory.control.server import CommandError
from autopyfactory.factory.credentials import Credentials
from autopyfactory.model.serialize import to_plain

if TYPE_CHECKING:
    from datetime import datetime

    from autopyfactory.config.model import Configuration
    from autopyfactory.credentials.keeper import Keeper, Standing
    from autopyfactory.factory.factory import Factory

SHOWN = 100  # queues named per profile


def rows(kept: Credentials, configuration: Configuration, now: datetime) -> list[dict[str, Any]]:
    """Return a row for each credential of each profile in `configuration`, also of those that fail."""
    users = kept.users()
    found: list[dict[str, Any]] = []
    for name in configuration.auth:
        keeper = kept.keepers.get(name)
        if keeper is None:
            failure = kept.failures.get(name)
            why = failure.text if failure else "its section has an error: see `autopyfactory check`"
            why = why if name not in configuration.auth_choices or failure else "it is not looked after yet"
            found.append(_row(name, configuration, (), trouble=why))
            continue
        for standing in keeper.standings.values() or ():
            found.append(_told(name, configuration, keeper, standing, users.get(name, {}), now))
        if not keeper.standings:
            why = "no queue that runs uses it" if keeper.tended else "it is not looked after yet"
            found.append(
                _row(name, configuration, users.get(name, {}), trouble=why if users.get(name) else "")
            )
    return found


def _told(
    name: str,
    configuration: Configuration,
    keeper: Keeper,
    standing: Standing,
    users: Mapping[str, tuple[str, ...]],
    now: datetime,
) -> dict[str, Any]:
    mine = [q for q, ces in users.items() if standing.variant in map(keeper.plugin.variant, ces)]
    row = _row(name, configuration, mine, trouble=standing.words)
    row |= {
        "ce": standing.variant,
        "file": keeper.plugin.file(standing.variant),
        "renews": keeper.plugin.renews,
        "since": to_plain(standing.since),
        "renewed": to_plain(standing.renewed),
    }
    if (c := standing.credential) is not None:
        row |= {
            "kind": c.kind,
            "owner": c.owner,
            "issuer": c.issuer,
            "roles": list(c.roles),
            "audience": list(c.audience),
            "expires": to_plain(c.expires),
            "left": None if c.expires is None else round(c.left(now)),
        }
    return row


def _row(name: str, configuration: Configuration, users: Collection[str], *, trouble: str) -> dict[str, Any]:
    choice = configuration.auth_choices.get(name)
    return {
        "profile": name,
        "plugin": choice.name if choice else "",
        "ce": "",
        "file": "",
        "kind": "",
        "owner": "",
        "issuer": "",
        "roles": [],
        "audience": [],
        "expires": None,
        "left": None,
        "renews": False,
        "trouble": trouble,
        "since": None,
        "renewed": None,
        "queues": sorted(users)[:SHOWN],
        "queue_count": len(users),
    }


def credentials(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `credentials`, from memory."""
    return {"credentials": rows(factory.credentials, factory.configuration, factory.clock.now())}


def renew(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `renew`: make the credentials of `profiles` anew now; tells why one could not be made."""
    asked = [str(name) for name in arguments.get("profiles") or ()]
    known = factory.credentials.keepers
    if unknown := [name for name in asked if name not in known]:
        raise CommandError(
            f"there is no profile {', '.join(unknown)}; known are: {', '.join(known) or 'none'}"
        )
    return {"failed": renewed(factory.credentials, asked)}


def renewed(kept: Credentials, names: list[str]) -> dict[str, str]:
    """Renew these profiles, one after the other; return why it failed, by profile and CE."""
    failed: dict[str, str] = {}
    for name in names:
        for variant, why in kept.keepers[name].renew().items():
            failed[f"{name} for {variant}" if variant else name] = why
    return failed


COMMANDS = {"credentials": credentials, "renew": renew}
