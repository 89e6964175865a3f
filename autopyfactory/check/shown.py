"""The credential that a CE would be shown, set against that CE: lifetime, audience, scopes.

What a CE really takes is its own configuration: what cannot be known from here is a doubt, not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from autopyfactory.check.steps import Found
from autopyfactory.credentials import proxies, tokens
from autopyfactory.credentials.credential import Credential, CredentialError
from autopyfactory.credentials.wallet import Choice
from autopyfactory.model import hostport
from autopyfactory.why.holds import EXPIRED, MISSING

# Audiences that any CE takes: of SciTokens 2.0, and of the WLCG profile 1.0.
ANYBODY = frozenset({"ANY", "https://wlcg.cern.ch/jwt/v1/any"})
# An HTCondor-CE lets submit: its own scopes, or all three of the WLCG profile.
CONDOR_WRITES = "condor:/WRITE"
WLCG_WRITES = ("compute.create", "compute.modify", "compute.cancel")
TOKEN, PROXY = "scitokens_file", "x509userproxy"


def credential(
    description: Mapping[str, str],
    choice: Choice | None,
    places: tuple[str, ...],
    now: datetime | None = None,
) -> Found:
    """Return what can be said of the credential in `description` for a CE that is called any of `places`.

    choice: which of the queue's profiles is used; None: it names none.
    """
    now = now or datetime.now(UTC)
    if choice is not None and choice.presented is None:
        return Found("; ".join(choice.closed), "wrong", "credentials", EXPIRED.next)
    path = description.get(TOKEN) or description.get(PROXY)
    if not path:
        own = f"profile {choice.profile}" if choice and choice.profile else "none of the queue's own"
        return Found(f"{own}: HTCondor shows what it has itself (tokens.d, user_config)")
    try:
        found = _read(path, token=TOKEN in description)
    except CredentialError as err:
        return Found(f"{path}: {err}", "wrong", MISSING.who, MISSING.next)
    except OSError as err:
        return Found(f"{path} cannot be read: {err.strerror or err}", "wrong", MISSING.who, MISSING.next)
    if found.left(now) <= 0:
        return Found(f"the {found.kind} {path} {found.until(now)}", "wrong", EXPIRED.who, EXPIRED.next)
    return _judged(found, path, places, now)


def _read(path: str, *, token: bool) -> Credential:
    data = Path(path).read_bytes()
    return tokens.described(data, path) if token else proxies.described(data, path)


def _judged(found: Credential, path: str, places: tuple[str, ...], now: datetime) -> Found:
    said = f"{found.kind} {path}, of {found.owner or 'nobody by name'}, {found.until(now)}"
    if found.kind != "token":
        roles = f", {found.roles[0]}" if found.roles else ""
        return Found(f"{said}{roles}")
    said += f", for {', '.join(found.audience) or 'any audience'}"
    doubts = [*_audience(found, places), *_scopes(found)]
    if not doubts:
        return Found(said)
    return Found(f"{said}: {'; '.join(doubts)}", "doubtful", "credentials", "have a token made for this CE")


def _audience(found: Credential, places: tuple[str, ...]) -> list[str]:
    if not found.audience:
        return ["it names no audience, which most CEs refuse"]
    if ANYBODY & set(found.audience) or {p.lower() for p in places} & {_bare(a) for a in found.audience}:
        return []
    return [f"the CE is {' or '.join(places)}, so it may not be for this one"]


def _bare(audience: str) -> str:
    """Return an audience that is a URL (an ARC CE's has a path), or host and port, as places are written."""
    return audience.lower().partition("://")[2].partition("/")[0] or audience.lower()


def _scopes(found: Credential) -> list[str]:
    if any(role.startswith(CONDOR_WRITES) for role in found.roles):
        return []
    held = {role.partition(":")[0] for role in found.roles}
    missing = [scope for scope in WLCG_WRITES if scope not in held]
    return [f"it lacks {', '.join(missing)}, without which nothing can be submitted"] if missing else []


def names_of(host: str, port: int, schedd: str | None) -> tuple[str, ...]:
    """Return what tokens call a CE by: host and port, host, the schedd's name."""
    return tuple(dict.fromkeys(n for n in (str(hostport.HostPort(host, port)), host, schedd) if n))
