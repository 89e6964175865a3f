"""`SSH`: key pairs for batch systems behind ssh, as files or, as 2.4 had them, as base64 in auth.conf."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from autopyfactory.credentials.credential import Credential, CredentialError, Presented
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.auth import files
from autopyfactory.plugins.auth.files import File
from autopyfactory.plugins.base import AuthPlugin


def _base64(text: str | None) -> str | None:
    if text:
        try:
            base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("is no base64") from None
    return text


Encoded = Annotated[str | None, AfterValidator(_base64)]


class SSHOptions(Options):
    """Options of a profile with `plugin = SSH`."""

    folder: File = option(
        None,
        key="authbasedir",
        scope="auth",
        description="Folder where keys from this file are written; default: <statedir>/credentials",
    )
    type: Literal["rsa", "dsa", "ecdsa", "ed25519"] = option(
        "rsa", key="ssh.type", scope="auth", description="Kind of key: the name of the file that is written"
    )
    private: Encoded = option(
        None, key="ssh.privatekey", scope="auth", secret=True, description="The private key, as base64"
    )
    public: Encoded = option(None, key="ssh.publickey", scope="auth", description="The public key, as base64")
    phrase: Encoded = option(
        None, key="ssh.privkeypass", scope="auth", secret=True, description="The key's pass phrase, as base64"
    )
    private_file: File = option(
        None, key="ssh.privatekeyfile", scope="auth", description="File with the private key, mode 0600"
    )
    public_file: File = option(
        None, key="ssh.publickeyfile", scope="auth", description="File with the public key"
    )
    phrase_file: File = option(
        None,
        key="ssh.privkeypassfile",
        scope="auth",
        description="File with the key's pass phrase, mode 0600",
    )

    @model_validator(mode="after")
    def _enough(self) -> Self:
        """Refuse a profile without a key. Raises ValueError."""
        if not (self.private or self.private_file):
            raise ValueError("ssh.privatekeyfile or ssh.privatekey is required")
        return self


class SSH(AuthPlugin[SSHOptions]):
    """A key pair. It does not end; that it is there and private is all that can be told here."""

    name = "SSH"
    Options = SSHOptions

    @property
    def renews(self) -> bool:
        """Whether the key comes from auth.conf: then it is written again where it is missing."""
        return bool(self.options.private)

    @property
    def _written(self) -> Path:
        folder = Path(self.options.folder) if self.options.folder else self.context.folder
        return folder / self.context.profile / self.options.type

    def file(self, variant: str) -> str:
        """Return the file with the private key."""
        return str(self._written) if self.options.private else str(self.options.private_file)

    @property
    def _phrase_file(self) -> str:
        if self.options.phrase:
            return f"{self._written}.pass"
        return self.options.phrase_file or ""

    def presented(self, variant: str) -> Presented:
        """Return the files for ssh."""
        return Presented(key_file=self.file(variant), passphrase_file=self._phrase_file)

    def minlife(self, credential: Credential) -> float:
        """Return 0: a key does not end."""
        return 0.0

    def look(self, variant: str) -> Credential:
        """See that the key is there, private, and the one that the options say. Raises CredentialError."""
        path = self.file(variant)
        data = files.read(path)
        files.private(path)
        if b"PRIVATE KEY-----" not in data:
            raise CredentialError(f"{path} holds no private key")
        if self.options.private and data != _decoded(self.options.private):
            raise CredentialError(f"{path} is not the key of the profile")
        if self._phrase_file:
            files.read(self._phrase_file)
            files.private(self._phrase_file)
        return Credential("ssh key", path)

    def renew(self, variant: str) -> None:
        """Write the keys down, for their owner alone from the first byte on. Raises CredentialError."""
        o = self.options
        for text, path in ((o.phrase, self._phrase_file), (o.public, f"{self._written}.pub")):
            if text:
                files.write(path, _decoded(text))
        if o.private:
            files.write(str(self._written), _decoded(o.private))


def _decoded(text: str) -> bytes:
    """Return a key with the line end that ssh wants after it."""
    data = base64.b64decode("".join(text.split()))
    return data if data.endswith(b"\n") else data + b"\n"
