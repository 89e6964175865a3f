"""Virtual machines through the EC2 interface, each of which joins the users' pool as a pilot would.

What a machine runs is its image's and its user data's business: as a rule HTCondor, which joins the pool. A
job of ours in the schedd is one machine; removing the job terminates the machine.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.quoting import check, macro
from autopyfactory.condor.registry import client
from autopyfactory.condor.target import Target
from autopyfactory.logs.setup import queue_logger
from autopyfactory.model.text import count
from autopyfactory.options.declare import HostAndPort, NameList, option
from autopyfactory.plugins.base import QueueContext, SubmitError
from autopyfactory.plugins.batchsubmit.condorbase import CondorBase
from autopyfactory.plugins.batchsubmit.condoroptions import CondorBaseOptions
from autopyfactory.plugins.batchsubmit.logtree import LogPlace

_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.:/-]*$"


JOINED = "ApfJoined"  # the attribute of pilots whose machine was seen in its pool
LOOK_EACH, SURE = 60.0, 60.0  # seconds between two looks; between the first that misses a machine and its end
MOST = 1000  # machines that are looked for at once


def _tags_at_once(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the commands by which machines have their tags from the start.

    HTCondor's own ec2_tag_ is a second request when the machine runs, which an API that counts resources from
    1 (as its documentation says) refuses: HTCondor counts from 0.
    """
    start = "TagSpecification.1"
    names = {f"{start}.ResourceType": "instance"}
    for number, (name, value) in enumerate(tags.items(), 1):
        names |= {f"{start}.Tag.{number}.Key": name, f"{start}.Tag.{number}.Value": value}
    # condor_submit takes these values as they stand: nothing in them is expanded
    values = {f"ec2_parameter_{key.replace('.', '_')}": check(value) for key, value in names.items()}
    return {"ec2_parameter_names": ",".join(names), **values}


def _tags_later(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the commands by which spot machines get their tags: their request has no place for any."""
    return {"ec2_tag_names": ",".join(tags), **{f"ec2_tag_{name}": macro(v) for name, v in tags.items()}}


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
        key="{prefix}.access_key_id", path=True, min_length=1, description="File with the access key id"
    )
    secret_key: str = option(
        key="{prefix}.secret_access_key",
        path=True,
        min_length=1,
        secret=False,
        description="File with the secret access key",
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
        None, key="{prefix}.user_data_file", path=True, description="File that the machines get as user data"
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
    join_pool: HostAndPort | None = option(
        None,
        key="{prefix}.join.pool",
        description="The collector of the pool that the machines join; one that has not joined in time is"
        " terminated. Unset: nobody looks",
    )
    join_within: float = option(
        1800,
        key="{prefix}.join.within",
        unit="s",
        ge=60,
        description="Time that a machine has to join, from when it runs",
    )
    join_attribute: str = option(
        "EC2InstanceID",
        key="{prefix}.join.attribute",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The attribute in which a machine of that pool says its instance id",
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
    ce_option = "gridresource"

    def __init__(self, options: CondorEC2Options, context: QueueContext):
        super().__init__(options, context)
        self._next_look = 0.0  # monotonic
        self._doubted: dict[str, float] = {}  # by job: since when its machine was not in the pool

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
            **(_tags_later(tags) if o.spot_price else _tags_at_once(tags)),
            **({"ec2_user_data": macro(o.user_data)} if o.user_data else {}),
            **({"ec2_user_data_file": macro(o.user_data_file)} if o.user_data_file else {}),
            **({"ec2_spot_price": f"{o.spot_price:f}"} if o.spot_price else {}),
            **({"ec2_security_groups": macro(",".join(o.security_groups))} if o.security_groups else {}),
        }

    def cleanup(self, deadline: float) -> None:
        """End machines that never joined their pool, and what else is to be cleaned. Raises SubmitError."""
        super().cleanup(deadline)
        if not self.options.join_pool or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_EACH
        try:
            self._end_strangers(self.options.join_pool, deadline)
        except CondorError as err:
            raise SubmitError(f"which machines have joined is not known: {err}") from err

    def _end_strangers(self, pool: str, deadline: float) -> None:
        """Note which machines have joined, and end those that did not in time, by two answers of the pool."""
        schedd = client(self._target)
        running = f"{self._mine} && JobStatus == 2 && {JOINED} isnt 1"
        wanted = ["ClusterId", "ProcId", "GridJobId", "EnteredCurrentStatus", "ServerTime"]
        ads = schedd.query(running, wanted, limit=MOST, deadline=deadline)
        jobs = {
            str(ad["GridJobId"]).split()[-1]: f"(ClusterId == {ad['ClusterId']} && ProcId == {ad['ProcId']})"
            for ad in ads
            if ad["GridJobId"]
        }
        late = {
            str(ad["GridJobId"]).split()[-1]
            for ad in ads
            if ad["GridJobId"]
            and int(ad["ServerTime"]) - int(ad["EnteredCurrentStatus"]) > self.options.join_within
        }
        if not jobs:
            self._doubted.clear()
            return
        asking = CondorClient(Target(None, pool, self._target.settings))
        try:
            there = asking.machines_with(self.options.join_attribute, sorted(jobs), deadline=deadline)
        finally:
            asking.close()
        if joined := there & jobs.keys():
            schedd.note(" || ".join(jobs[m] for m in sorted(joined)), JOINED, 1, deadline=deadline)
        now = time.monotonic()
        self._doubted = {m: self._doubted.get(m, now) for m in late - there}
        gone = [m for m, since in self._doubted.items() if now - since >= SURE]
        if gone:
            which = " || ".join(jobs[m] for m in sorted(gone))
            reason = f"AutoPyFactory: the machine did not join {pool} in time"
            schedd.act("remove", f"{running} && ({which})", reason=reason, deadline=deadline)
            words = ", ".join(sorted(gone)[:5])
            queue_logger(self.context.queue).warning(
                "%s terminated: they never joined: %s", count(len(gone), "machine"), words
            )

    def placed(self, place: LogPlace) -> dict[str, str]:
        """Move no program; `executable` is then only a label that condor_q shows."""
        label = {} if self.context.queue_options.executable else {"executable": macro(self.context.queue)}
        return {"transfer_executable": "False", **label}
