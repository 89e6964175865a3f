"""Credential profiles that others keep, as this host's files show them; and one person in several roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from autopyfactory.config.model import Configuration
from autopyfactory.credentials.credential import Credential, CredentialError
from autopyfactory.options.problem import Problem
from autopyfactory.plugins.base import AuthContext


def spoilt(configuration: Configuration, places: Mapping[str, set[str]]) -> Iterator[Problem]:
    """Yield a warning for each credential that is no good; `places`: the CEs that each profile is used for.

    What the factory makes itself is not there before it has run, and is not told.
    """
    seen: dict[str, list[Credential]] = {}
    for name, choice in configuration.auth_choices.items():
        folder = Path(configuration.factory.state_dir).expanduser() / "credentials"
        where = configuration.auth[name].where
        try:
            plugin = choice.cls(choice.options, AuthContext(name, configuration.factory, folder))
        except Exception as err:  # noqa: BLE001 - a third party's plugin may raise anything
            yield Problem("error", f"{choice.name} cannot be made: {err}", where, name, "plugin", choice.name)
            continue
        for variant in sorted({plugin.variant(place) for place in places.get(name, ())}):
            try:
                found = plugin.look(variant)
            except CredentialError as err:
                if not plugin.renews:
                    yield Problem("warning", str(err), where, name, hint="queues that use it send nothing")
                continue
            seen.setdefault(found.owner, []).append(found)
            now = datetime.now(UTC)
            if not plugin.renews and found.left(now) < plugin.minlife(found):
                words = f"the {found.kind} {found.file} {found.until(now)}"
                yield Problem("warning", words, where, name, hint="whoever keeps it has to renew it")
    yield from _several_roles(configuration, seen)


def _several_roles(configuration: Configuration, seen: Mapping[str, list[Credential]]) -> Iterator[Problem]:
    """Yield a warning where HTCondor's gridmanager would mix proxies: as a rule it keeps one per person."""
    for owner, found in seen.items():
        first = {c.roles[0] for c in found if c.kind == "proxy" and c.roles}
        if len(first) > 1:
            words = f"{owner} has proxies with several first roles: {', '.join(sorted(first))}"
            hint = "set USE_VOMS_ATTRIBUTES = True at the access point, or the gridmanager mixes them (see"
            hint += " misc/condor/access-point.conf)"
            where = configuration.factory_section.where
            yield Problem("warning", words, where, "Factory", "authConf", hint=hint)
