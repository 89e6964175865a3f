"""Pilots to a batch system on another host, over ssh: blahp runs there, HTCondor's remote_gahp starts it.

The host must have been set up once with `condor_remote_cluster --add`. Which host keys are trusted is ssh's
own business: the known_hosts of the user whom the schedd runs as. Nothing here writes to ~/.ssh.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator

from autopyfactory.condor.quoting import macro
from autopyfactory.credentials.credential import Presented
from autopyfactory.options.declare import option
from autopyfactory.plugins.batchsubmit.condorbatch import BatchCommon, Kind
from autopyfactory.plugins.batchsubmit.condoroptions import CondorBaseOptions


def _one_word(text: str) -> str:
    if not text.isprintable() or " " in text:
        raise ValueError("a file name in `grid_resource` cannot hold blanks")
    return text


Word = Annotated[str, AfterValidator(_one_word)]


class CondorSSHOptions(CondorBaseOptions):
    """Options of the batch submit plugin `CondorSSH`."""

    prefixes: ClassVar[tuple[str, ...]] = ("batchsubmit.condorssh", "batchsubmit.condorbase")
    kind: Kind = option(key="{prefix}.batch", legacy=("{prefix}.kind",), description="The batch system there")
    host: str = option(
        key="{prefix}.host",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$",
        description="The host with the batch system's commands",
    )
    port: int = option(22, key="{prefix}.port", ge=1, le=65535, description="Port of its sshd")
    user: str | None = option(
        None,
        key="{prefix}.user",
        pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$",
        description="The account there; unset: the name of the user whom the schedd runs as",
    )
    key_file: Word | None = option(
        None,
        key="{prefix}.privkeyfile",
        description="Private key on the schedd's host; unset: ~/.ssh/bosco_key.rsa of the user who runs the"
        " schedd",
    )
    passphrase_file: Word | None = option(
        None, key="{prefix}.privkeypassfile", description="File with the key's passphrase; unset: it has none"
    )
    remote_folder: Word | None = option(
        None,
        key="{prefix}.remotefolder",
        description="Where condor_remote_cluster put HTCondor's programs on that host; unset: ~/bosco/glite",
    )


class CondorSSH(BatchCommon[CondorSSHOptions]):
    """A batch system behind ssh."""

    name = "CondorSSH"
    Options = CondorSSHOptions
    ce_option = "host"

    @property
    def kind(self) -> str:
        """Return the batch system that the options name."""
        return self.options.kind

    @property
    def ce(self) -> str:
        """Return the batch system and its host."""
        return f"{self.kind} of {self._login}"

    @property
    def _login(self) -> str:
        o = self.options
        port = f":{o.port}" if o.port != 22 else ""
        return f"{o.user}@{o.host}{port}" if o.user else f"{o.host}{port}"

    @property
    def resource(self) -> str:
        """Return what `grid_resource` says: the login, and what remote_gahp needs to know."""
        return self._resource(self.options.key_file or "", self.options.passphrase_file or "")

    def presenting(self, presented: Presented) -> dict[str, str]:
        """Return the resource with the key of a profile."""
        if not presented.key_file:
            return super().presenting(presented)
        key, passphrase = (_one_word(path) for path in (presented.key_file, presented.passphrase_file))
        return {"grid_resource": macro(self._resource(key, passphrase))}

    def _resource(self, key: str, passphrase: str) -> str:
        o = self.options
        words = [
            f"batch {self.kind} {self._login}",
            *((f"--rgahp-key {key}",) if key else ()),
            f"--rgahp-pass {passphrase}" if passphrase else "--rgahp-nopass",
            *((f"--rgahp-glite {o.remote_folder}",) if o.remote_folder else ()),
        ]
        return " ".join(words)
