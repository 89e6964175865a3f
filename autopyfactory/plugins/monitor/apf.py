"""The APFMon protocol: a public page that shows factories, their queues (labels) and every pilot.

Labels of a factory that the server does not know, and jobs of a label that it does not know, are passed over
with status 200; only the numbers in the answer tell. What exists already is no error: everything here may be
said twice, and after any failure is simply said again.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from autopyfactory import __version__
from autopyfactory.config.model import QueueConfig
from autopyfactory.external.http import MEGABYTE, Answer, Client, HttpError, Identity
from autopyfactory.model.record import CycleRecord
from autopyfactory.options.common import FactoryOptions
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import MonitorPlugin

log = logging.getLogger(__name__)
T = TypeVar("T")

SHARD = 20  # labels or jobs per request: the server handles each on its own, and time is short
LABEL_LENGTH = 64  # characters, as the server's table holds them
CID_LENGTH = 16
JID_LENGTH = 80
STATUS_LENGTH = 255
EMAIL_LENGTH = 75
URL_LENGTH = 200
_LABELS = re.compile(r"Created (\d+)/\d+ labels?, (\d+) updated")
_NO_LABEL = re.compile(r"[1-9]\d* not created")  # jobs that exist already are not among these
_UNFIT = re.compile(r"[\s:]+")  # the server cuts `factory:label` at the colon, and takes no blanks


class APFOptions(Options):
    """Options of the monitor `APF`, in its section of monitor.conf."""

    url: str = option(
        key="monitorURL",
        scope="monitor",
        pattern=r"^https?://[^/\s]+",
        description="Base URL of the server, for instance http://apfmon.lancs.ac.uk/api; APFMON of pilots",
    )
    timeout: float = option(
        1.0, key="monitor.timeout", scope="monitor", unit="s", gt=0, description="Time limit for one request"
    )
    ca: str | None = option(
        None, key="monitor.capath", scope="monitor", description="File or folder of CAs to trust"
    )


class APF(MonitorPlugin[APFOptions]):
    """Registers the factory, its labels and its pilots, and keeps the status text of each label."""

    name = "APF"
    Options = APFOptions

    def __init__(self, options: APFOptions, factory: FactoryOptions):
        super().__init__(options, factory)
        self._base = options.url.rstrip("/")
        # a report that fails is repeated by the reporter, so the client itself does not try again
        self._client = Client(
            timeout=options.timeout, max_bytes=MEGABYTE, identity=Identity(ca=options.ca), tries=1
        )
        self._queues: dict[str, QueueConfig] = {}
        self._known_factory = False
        self._known_labels: set[str] = set()
        if _UNFIT.search(factory.factory_id) or len(factory.factory_id) > LABEL_LENGTH:
            log.warning(
                "%s cannot take a factory with blanks, a colon or more than %d characters in its name",
                self._base,
                LABEL_LENGTH,
            )

    @property
    def url(self) -> str:
        """Return what pilots get as APFMON."""
        return self._base

    def hello(self, queues: Sequence[QueueConfig]) -> None:
        """Register the factory and a label for each queue."""
        self._queues = {q.name: q for q in queues}
        self._known_factory = False
        self._known_labels.clear()
        self._register(list(self._queues))

    def cycle(self, record: CycleRecord) -> None:
        """Register the pilots that were sent, or found after a lost answer, and set the label's status."""
        try:
            self._tell(record)
        except HttpError as err:
            if not _refused(err):
                raise
            # The server does not know the factory or the label (any more): it is told anew, once.
            self._known_factory = False
            self._known_labels.clear()
            self._tell_again(record)

    def _tell(self, record: CycleRecord) -> None:
        self._register([record.queue])
        self._jobs(record)
        self._status(record)

    def _tell_again(self, record: CycleRecord) -> None:
        try:
            self._tell(record)
        except HttpError as err:
            if not _refused(err):
                raise
            # repeating what the server does not want would only keep later reports waiting
            log.warning("a report on queue %s is dropped: %s", record.queue, err)

    def _register(self, names: Sequence[str]) -> None:
        if not self._known_factory:
            self._call("PUT", f"factories/{_quoted(self.factory.factory_id)}", json=self._factory())
            self._known_factory = True
        for shard in _shards([n for n in names if n not in self._known_labels]):
            if not self._put_labels(shard):  # it has forgotten the factory
                self._call("PUT", f"factories/{_quoted(self.factory.factory_id)}", json=self._factory())
                if not self._put_labels(shard):
                    log.warning("%s does not take all labels of %s", self._base, ", ".join(shard))
            self._known_labels.update(shard)

    def _put_labels(self, names: Sequence[str]) -> bool:
        """Create or update labels; return whether the server took all of them."""
        answer = self._call("PUT", "labels", json=[self._label(n) for n in names])
        told = _LABELS.search(answer.excerpt)
        return told is None or int(told[1]) + int(told[2]) >= len(names)

    def _factory(self) -> Mapping[str, str]:
        """Return the factory's entry; the server fails unless all of these keys are there, and fit."""
        email = self.factory.admin_email[0] if self.factory.admin_email else ""  # it has room for one
        url = self.factory.base_log_dir_url
        return {
            "email": email if len(email) <= EMAIL_LENGTH else "",
            "url": url if len(url) <= URL_LENGTH else "",
            "version": __version__,
            "type": "AutoPyFactory",
        }

    def _label(self, name: str) -> Mapping[str, str]:
        config = self._queues.get(name)
        options = config.options if config else None
        return {
            "name": label_of(name),
            "factory": self.factory.factory_id,
            "wmsqueue": (options.wmsqueue or "") if options else "",
            # a longer one is an error 500 for all labels of the request
            "batchqueue": (options.batchqueue or "")[:LABEL_LENGTH] if options else "",
            "resource": "",
            "localqueue": "",
        }

    def _jobs(self, record: CycleRecord) -> None:
        cids = [
            f"{sent.cluster}.{sent.first_proc + i}"
            for sent in (*record.sent, *record.found)
            if sent.cluster is not None
            for i in range(sent.count)
        ]
        fits = [c for c in cids if len(c) <= CID_LENGTH and len(self._jid(c)) <= JID_LENGTH]
        if len(fits) < len(cids):
            log.warning("%d pilots have ids too long for %s", len(cids) - len(fits), self._base)
        label = label_of(record.queue)
        for shard in _shards(fits):
            jobs = [{"cid": cid, "factory": self.factory.factory_id, "label": label} for cid in shard]
            answer = self._call("PUT", "jobs", json=jobs)
            if _NO_LABEL.search(answer.excerpt):
                self._known_labels.discard(record.queue)
                self._register([record.queue])
                self._call("PUT", "jobs", json=jobs)

    def _status(self, record: CycleRecord) -> None:
        path = f"labels/{_quoted(self.factory.factory_id)}:{_quoted(label_of(record.queue))}"
        # as a form: the server answers 400 to JSON here
        self._call("POST", path, data={"status": status_text(record)})

    def _jid(self, cid: str) -> str:
        return f"{self.factory.factory_id}:{cid}"

    def _call(self, method: str, path: str, **body: Any) -> Answer:
        return self._client.request(method, f"{self._base}/{path}", **body)


def _refused(err: HttpError) -> bool:
    """Whether the server answered that it does not want what was sent; asking again does not help."""
    return err.status is not None and 400 <= err.status < 500 and err.status not in (408, 429)


def status_text(record: CycleRecord) -> str:
    """Return the line that the label shows: the chain's messages, or why nothing was sent."""
    message = record.decision.message if record.decision else ""
    if record.outcome in ("held back", "paused", "failed"):
        message = f"{record.outcome}: {record.reason}"
    message = message or record.reason or record.outcome  # an empty status is an error to the server
    return message if len(message) <= STATUS_LENGTH else message[: STATUS_LENGTH - 3] + "..."


def label_of(queue: str) -> str:
    """Return the label of a queue: its name, or one like it, and unique, if the server cannot take that."""
    fit = _UNFIT.sub("_", queue)
    if fit == queue and len(queue) <= LABEL_LENGTH:
        return queue
    digest = hashlib.sha256(queue.encode()).hexdigest()[:8]
    return f"{fit[: LABEL_LENGTH - 9]}~{digest}"


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _shards(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), SHARD):
        yield items[start : start + SHARD]
