"""HTCondor's own tokens (IDTOKENs), signed with a key of the CE's pool by HTCondor's own tool."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from autopyfactory.credentials.credential import CredentialError
from autopyfactory.external.program import ProgramError, run
from autopyfactory.plugins.auth import files
from autopyfactory.plugins.auth.tokenoptions import TokenOptions

TOOL = "condor_token_create"


def idtoken(options: TokenOptions) -> bytes:
    """Return a new token. Raises CredentialError.

    The tool takes the key by its name in a folder; whoever can read the key is let in as whoever he likes, so
    it must be private. The command's words hold nothing secret.
    """
    key = Path(str(options.key))
    files.private(str(key))
    if not os.access(key, os.R_OK):
        raise CredentialError(f"there is no signing key {key} that can be read")
    limits = [word for level in options.authorizations for word in ("-authz", level)]
    command = [
        *(shutil.which(TOOL) or TOOL, "-identity", str(options.identity), "-key", key.name),
        *("-lifetime", str(options.lifetime), *limits),
    ]
    told = {"_CONDOR_SEC_PASSWORD_DIRECTORY": str(key.parent)}
    if key.name == "POOL":
        told["_CONDOR_SEC_TOKEN_POOL_SIGNING_KEY_FILE"] = str(key)
    if options.trust_domain:
        told["_CONDOR_TRUST_DOMAIN"] = options.trust_domain
    try:
        return run(command, options.timeout, 100_000, {**os.environ, **told}).stdout
    except ProgramError as err:
        raise CredentialError(str(err)) from None
