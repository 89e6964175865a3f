"""Virtual machines through the EC2 interface, each of which joins the users' pool as a pilot would.

What a machine runs is its image's and its user data's business: as a rule HTCondor, which joins the pool. A
job of ours in the schedd is one machine; removing the job terminates the machine.
"""

from __future__ import annotations

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator

from autopyfactory.condor.quoting import macro
from autopyfactory.options.declare import NameList, option
from autopyfactory.plugins.batchsubmit.condorbase import CondorBase, CondorBaseOptions
from autopyfactory.plugins.batchsubmit.logtree import LogPlace

_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.:/-]*$"


def _service(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c in text for c in " \t\"'$"):
        raise ValueError("not the http or https URL of an EC2 service")
    if parts.hostname.count(".") < 2 or parts.hostname.replace(".", "").isdigit():
        # ec2_gahp takes service and region from the first two parts of the name, and signs with them.
        raise ValueError("the host must begin with service and region, as in ec2.us-east-1.example.org")
    return text.strip()


class CondorEC2Options(CondorBaseOptions):
    """Options of the batch submit plugin `CondorEC2`."""

    prefixes: ClassVar[tuple[str, ...]] = ("batchsubmit.condorec2", "batchsubmit.condorbase")
    gridresource: Annotated[str, AfterValidator(_service)] = option(
        key="{prefix}.gridresource", description="URL of the EC2 service"
    )
    access_key: str = option(
        key="{prefix}.access_key_id", min_length=1, description="File with the access key id"
    )
    secret_key: str = option(
        key="{prefix}.secret_access_key", min_length=1, description="File with the secret access key"
    )
    image: str = option(key="{prefix}.ami_id", pattern=_NAME, description="The machine image")
    instance_type: str = option(
        key="{prefix}.instance_type",
        pattern=_NAME,
        description="Type of the machines; cores and memory are its, and batchsubmit.cores must say the same",
    )
    user_data: str | None = option(
        None, key="{prefix}.user_data", description="Text that the machines get as user data"
    )
    user_data_file: str | None = option(
        None, key="{prefix}.user_data_file", description="File that the machines get as user data"
    )
    spot_price: float | None = option(
        None,
        key="{prefix}.spot_price",
        gt=0,
        description="Highest price per hour of a spot machine; unset: machines on demand",
    )
    security_groups: NameList = option(
        (), key="{prefix}.security_groups", description="Security groups of the machines"
    )
    tags: dict[str, str] = option(
        key="{prefix}.tag.*", description="A tag of the machines, by its name", default_factory=dict
    )
    usessh: bool = option(
        False,
        key="{prefix}.usessh",
        description="Accepted; machines are ended by HTCondor's own commands, never over ssh",
    )


class CondorEC2(CondorBase[CondorEC2Options]):
    """Virtual machines at an EC2 service."""

    name = "CondorEC2"
    Options = CondorEC2Options

    @property
    def ce(self) -> str:
        """Return host and port of the service."""
        return urlsplit(self.options.gridresource).netloc

    def commands(self) -> dict[str, str]:
        """Return the grid universe commands: everything runs in the machine, so no file is moved."""
        o = self.options
        tags = {"Name": self.context.queue, "ApfFactory": self.context.factory.factory_id, **o.tags}
        return {
            "universe": "grid",
            "grid_resource": macro(f"ec2 {o.gridresource}"),
            "ec2_access_key_id": macro(o.access_key),
            "ec2_secret_access_key": macro(o.secret_key),
            "ec2_ami_id": o.image,
            "ec2_instance_type": o.instance_type,
            "ec2_tag_names": ",".join(tags),
            **{f"ec2_tag_{name}": macro(value) for name, value in tags.items()},
            **({"ec2_user_data": macro(o.user_data)} if o.user_data else {}),
            **({"ec2_user_data_file": macro(o.user_data_file)} if o.user_data_file else {}),
            **({"ec2_spot_price": f"{o.spot_price:f}"} if o.spot_price else {}),
            **({"ec2_security_groups": macro(",".join(o.security_groups))} if o.security_groups else {}),
        }

    def placed(self, place: LogPlace) -> dict[str, str]:
        """Move no program; `executable` is then only a label that condor_q shows."""
        label = {} if self.context.queue_options.executable else {"executable": macro(self.context.queue)}
        return {"transfer_executable": "False", **label}
