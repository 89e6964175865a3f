"""PanDA says how many pilots it wants: the factory as a harvester instance for pull_ups queues."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Hashable
from typing import ClassVar

from autopyfactory import __version__
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo, WMSStatus
from autopyfactory.options.declare import NameList, option
from autopyfactory.options.polled import maxage_option, sleep_option
from autopyfactory.plugins.base import QueueContext, SourceError, WMSStatusPlugin
from autopyfactory.plugins.wmsstatus.pandademand import Demand, Member
from autopyfactory.plugins.wmsstatus.pandaserver import PandaServer
from autopyfactory.plugins.wmsstatus.pandasites import PandaSiteOptions, SiteReader

COMMANDS = 100  # taken at once
SW_VERSION_LENGTH = 50  # characters, as the server's table holds them

_demands: weakref.WeakValueDictionary[Hashable, Demand] = weakref.WeakValueDictionary()
_demands_lock = threading.Lock()


class PandaUPSOptions(PandaSiteOptions):
    """Options of the source `PandaUPS`."""

    prefixes: ClassVar[tuple[str, ...]] = ("wmsstatus.pandaups",)
    harvester_id: str | None = option(
        None,
        key="wmsstatus.pandaups.harvesterid",
        question="harvester_id",
        description="Name as a harvester instance, known to the server; unset: factoryId",
    )
    job_types: NameList = option(
        (),
        key="wmsstatus.pandaups.jobtypes",
        question=False,
        remote=True,
        description="Job types that this queue's pilots run; unset: any",
    )
    resource_types: NameList = option(
        (),
        key="wmsstatus.pandaups.resourcetypes",
        question=False,
        remote=True,
        description="Resource types that this queue's pilots run; unset: any",
    )
    sleep: float = sleep_option(
        60, "Time between two exchanges; at least 60 s unless the server is on this machine", ge=1
    )
    maxage: float = maxage_option(360, "Without an exchange for this time no pilots are sent")
    order_age: float = option(
        900,
        key="wmsstatus.pandaups.orderage",
        scope="factory",
        unit="s",
        gt=0,
        description="What the server ordered this long ago, and was not sent, is not sent any more",
    )


class PandaUPS(WMSStatusPlugin[PandaUPSOptions]):
    """Reports the pilots there are and sends as many as PanDA orders."""

    name = "PandaUPS"
    from_url = True
    Options = PandaUPSOptions

    def __init__(self, options: PandaUPSOptions, context: QueueContext):
        super().__init__(options, context)
        self._server = PandaServer(options)
        self._sites = SiteReader(options, self._server)
        self._known = False  # whether the server knows this instance
        self._unacknowledged: list[int] = []
        with _demands_lock:  # all queues of one instance share its orders, whichever of them asks
            self._demand = _demands.setdefault(self._instance(), Demand(options.order_age))
        queue = context.queue_options
        self._member = Member(queue.wmsqueue or "", options.job_types, options.resource_types, queue.cores)
        if self._member.panda_queue:
            self._demand.join(self._member)

    @property
    def harvester_id(self) -> str:
        """Return the name as a harvester instance."""
        return self.options.harvester_id or self.context.factory.factory_id

    def _instance(self) -> Hashable:
        """Return server, identity and instance: what orders are given to, however often it is asked."""
        o = self.options
        return *o.connection(), self.harvester_id, o.order_age

    @property
    def interval(self) -> float:
        """Seconds between two exchanges."""
        return max(self.options.sleep, self._server.fastest)

    @property
    def label(self) -> str:
        """Return the source as people write it."""
        return f"PandaUPS {self._server.base} as {self.harvester_id}"

    def observe(self, batch: BatchQueueInfo) -> None:
        """Take note of this queue's pilots."""
        self._demand.observe(self._member, batch)

    def fetch(self) -> WMSStatus:
        """Report, and take new orders. Raises SourceError if the server refuses any part of it."""
        self._introduce()
        for panda_queue, statistics in self._demand.reports().items():
            self._server.post(
                "harvester/report_worker_statistics",
                {"harvester_id": self.harvester_id, "panda_queue": panda_queue, "statistics": statistics},
            )
        question = {"harvester_id": self.harvester_id, "n_commands": COMMANDS}
        commands = self._server.post("harvester/acquire_commands", question) or []
        try:
            self._unacknowledged += self._demand.order(commands)
        except (ValueError, TypeError) as err:
            raise SourceError(f"{self.label}: {err}") from None
        self._acknowledge()
        return WMSStatus({}, self._sites.read())

    def queue_info(self, status: WMSStatus) -> WMSQueueInfo | None:
        """Return what is left of the orders for this queue, its pending pilots added.

        None until this queue's pilots are known. A PanDA queue without orders has no work.
        """
        if not self._member.panda_queue or self._member.batch is None:
            return None
        return self._demand.work(self._member)

    def close(self) -> None:
        """Close connections."""
        self._server.close()
        self._sites.close()

    def _introduce(self) -> None:
        """Tell that the instance lives; the first heartbeat registers it, but answers that it failed."""
        # nothing else: the server takes each key for a column of its table, and fails over any that is not
        data = {"sw_version": f"autopyfactory {__version__}"[:SW_VERSION_LENGTH]}
        beat = {"harvester_id": self.harvester_id, "data": data}
        try:
            self._server.post("harvester/heartbeat", beat)
        except SourceError:
            if self._known:
                self._known = False
                raise
            self._server.post("harvester/heartbeat", beat)
        self._known = True

    def _acknowledge(self) -> None:
        """Acknowledge what was taken; what cannot be is kept for the next time."""
        if self._unacknowledged:
            self._server.post("harvester/acknowledge_commands", {"command_ids": self._unacknowledged})
            self._unacknowledged = []
