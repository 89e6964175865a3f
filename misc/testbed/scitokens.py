"""What a pool needs to take SciTokens and WLCG tokens (the WLCG profile) of one issuer, and nobody else's."""

import ctypes
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testbed.authority import Authority
from testbed.errors import TestbedError, Unavailable

METHODS = ("SCITOKENS", "IDTOKENS")  # the second is for the pool's own daemons


def server_settings(
    folder: Path,
    authority: Authority,
    issuer: str,
    keys: Mapping[str, Any],
    audience: str,
    subjects: str,
    user: str,
) -> dict[str, str]:
    """Return HTCondor's settings for a CE that maps `subjects` (a regular expression) of `issuer` to `user`.

    `folder` gets the CE's certificate, its map, and the issuer's public `keys` (a JWKS), as libSciTokens
    keeps those that it has fetched: nobody has to be asked over https, whom the machine would have to trust.
    """
    folder.mkdir(mode=0o755, parents=True)
    identity = authority.host("localhost", "ce.grid.test")
    for name, data in (("hostcert.pem", identity.certificate), ("hostkey.pem", identity.key)):
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o600)
    (folder / "ca.pem").write_bytes(authority.pem)
    slashed = issuer.replace("/", r"\/").replace(".", r"\.")
    (folder / "mapfile").write_text(f"SCITOKENS /^{slashed},{subjects}$/ {user}\n")
    know_keys(folder / "cache", issuer, keys)
    return {
        "AUTH_SSL_SERVER_CERTFILE": str(folder / "hostcert.pem"),
        "AUTH_SSL_SERVER_KEYFILE": str(folder / "hostkey.pem"),
        "AUTH_SSL_SERVER_CAFILE": str(folder / "ca.pem"),
        "CERTIFICATE_MAPFILE": str(folder / "mapfile"),
        "CERTIFICATE_MAPFILE_ASSUME_HASH_KEYS": "True",
        "SEC_SCITOKENS_CACHE": str(folder / "cache"),
        "SCITOKENS_SERVER_AUDIENCE": audience,
        "SCHEDD_AUDIT_LOG": "$(LOG)/AuditLog",
    }


def client_settings(folder: Path, authority: Authority) -> dict[str, str]:
    """Return the settings of an access point that sends tokens to CEs with certificates of `authority`."""
    folder.mkdir(mode=0o755, parents=True)
    (folder / "ca.pem").write_bytes(authority.pem)
    return {
        "SEC_CLIENT_AUTHENTICATION_METHODS": "FS, IDTOKENS, SCITOKENS",
        "AUTH_SSL_CLIENT_CAFILE": str(folder / "ca.pem"),
        "SSL_SKIP_HOST_CHECK": "True",  # without DNS a daemon is called by its address
    }


def know_keys(cache: Path, issuer: str, keys: Mapping[str, Any]) -> None:
    """Write the issuer's keys into a cache of libSciTokens, by its own call (keycache_set_jwks)."""
    cache.mkdir(mode=0o700, parents=True)
    library = _library()
    error = ctypes.c_char_p()
    set_text = library.scitoken_config_set_str
    set_text.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p)]
    if set_text(b"keycache.cache_home", str(cache).encode(), ctypes.byref(error)):
        raise TestbedError(f"libSciTokens takes no cache: {error.value!r}")
    set_keys = library.keycache_set_jwks
    set_keys.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p)]
    if set_keys(issuer.encode(), json.dumps(keys).encode(), ctypes.byref(error)):
        raise TestbedError(f"libSciTokens takes no keys: {error.value!r}")


def _library() -> ctypes.CDLL:
    """The library that comes with HTCondor's Python bindings."""
    import htcondor2

    beside = Path(htcondor2.__file__).parent.parent / "htcondor.libs"
    found = sorted(beside.glob("libSciTokens*.so*"))
    if not found:
        raise Unavailable(f"no libSciTokens in {beside}")
    for other in sorted(beside.glob("*.so*")):  # what it is linked with is beside it
        try:
            ctypes.CDLL(str(other), mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
    return ctypes.CDLL(str(found[0]))
