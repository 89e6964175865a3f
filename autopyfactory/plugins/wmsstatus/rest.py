"""Work counts from any system that answers in JSON over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator

from autopyfactory.config import jobstates
from autopyfactory.external.http import Answer, Client, HttpError, Identity
from autopyfactory.model.info import WMSQueueInfo, WMSStatus
from autopyfactory.model.redact import shown
from autopyfactory.options.declare import option
from autopyfactory.options.polled import timeout_option
from autopyfactory.plugins.base import QueueContext, SourceError
from autopyfactory.plugins.wmsstatus.counts import CountsOptions, CountsPlugin
from autopyfactory.plugins.wmsstatus.restpresets import PRESETS, Preset

ANYWHERE = "*"  # the queue of work that may run in any queue
MAX_PAGES = 1000


def _expression(text: str) -> str:
    try:
        jmespath.compile(text)
    except JMESPathError as err:
        raise ValueError(f"not a JMESPath expression: {err}") from None
    return text


Expression = Annotated[str, AfterValidator(_expression)]


class RESTOptions(CountsOptions):
    """Options of the source `REST`."""

    prefixes = ("wmsstatus.rest",)
    url: str = option(
        key="wmsstatus.rest.url",
        pattern=r"^https?://[^/\s]+",
        description="What to ask; with a preset the server is enough",
    )
    preset: Literal["dirac", "diracx", "slurmrestd", "kubernetes"] | None = option(
        None,
        key="wmsstatus.rest.preset",
        description="A system known by name: sets all that follows, unless set here",
    )
    method: Literal["GET", "POST"] | None = option(
        None, key="wmsstatus.rest.method", description="GET unless the preset says POST"
    )
    body: str | None = option(
        None, key="wmsstatus.rest.body", description="What is sent with POST", secret=True
    )
    headers: dict[str, str] = option(
        key="wmsstatus.rest.header.*", default_factory=dict, description="Request headers", secret=True
    )
    params: dict[str, str] = option(
        key="wmsstatus.rest.param.*", default_factory=dict, description="Query parameters", secret=True
    )
    token_file: str | None = option(
        None,
        key="wmsstatus.rest.tokenfile",
        path=True,
        description="File with a token, read anew for every question",
    )
    token_header: str | None = option(
        None,
        key="wmsstatus.rest.tokenheader",
        description="Header that takes the token alone; unset: Authorization (as Bearer), or the preset's",
    )
    ca: str | None = option(
        None, key="wmsstatus.rest.capath", path=True, description="File or folder of CAs to trust"
    )
    cert: str | None = option(
        None, key="wmsstatus.rest.certfile", path=True, description="Client certificate or proxy"
    )
    cert_key: str | None = option(
        None, key="wmsstatus.rest.keyfile", path=True, description="Its key, if in another file"
    )
    timeout: float = timeout_option(30, "Time limit for one whole exchange", scope="queue")
    success: Expression | None = option(
        None,
        key="wmsstatus.rest.success",
        description="JMESPath expression that must be true for the answer to be believed",
    )
    counts: Expression | None = option(
        None,
        key="wmsstatus.rest.counts",
        description="JMESPath expression for a map {queue: {status: number}} or {queue: number}, or a list",
    )
    queue: Expression | None = option(
        None,
        key="wmsstatus.rest.queue",
        description="For a list: expression for an item's queue or list of queues; * is every queue",
    )
    status: Expression | None = option(
        None, key="wmsstatus.rest.statusof", description="For a list: expression for its status; unset: ready"
    )
    number: Expression | None = option(
        None, key="wmsstatus.rest.number", description="For a list: expression for how many; unset: one"
    )
    next: Expression | None = option(
        None,
        key="wmsstatus.rest.next",
        description="Expression for what asks for the next page; null: the last",
    )
    next_param: str | None = option(
        None, key="wmsstatus.rest.nextparam", description="Query parameter that takes it"
    )


class REST(CountsPlugin[RESTOptions]):
    """Asks one URL, page by page if need be, and reads the counts by expressions."""

    name = "REST"
    from_url = True
    Options = RESTOptions

    def __init__(self, options: RESTOptions, context: QueueContext):
        super().__init__(options, context)
        self.how = _with_preset(options)
        path = urlsplit(options.url).path
        self.url = options.url.rstrip("/") + self.how.path if path in ("", "/") else options.url
        self._identity = Identity(options.ca, options.cert, options.cert_key, options.token_file)
        # the token goes into the header below; the client must not put it into a second one
        self._client = Client(timeout=options.timeout, identity=replace(self._identity, token_file=None))

    @property
    def label(self) -> str:
        """Return the source as people write it."""
        return f"REST {shown(self.url)}"

    def fetch(self) -> WMSStatus:
        """Ask for all pages. Raises SourceError unless all of them come and are understood."""
        counts: dict[str, dict[str, int]] = {}
        more: str | None = None
        for _ in range(MAX_PAGES):
            try:
                page = self._ask(more).json()
                _add(counts, self._read(page))
                more = self._search(self.how.next, page) if self.how.next else None
            except (HttpError, ValueError) as err:
                raise SourceError(f"{self.label}: {err}") from None
            if not more:
                return self.status(counts)
        raise SourceError(f"{self.label}: more than {MAX_PAGES} pages")

    def queue_info(self, status: WMSStatus) -> WMSQueueInfo | None:
        """Return this queue's work, with what may run in every queue."""
        own, anywhere = super().queue_info(status), status.queues.get(ANYWHERE)
        if own is None or anywhere is None:
            return own or (anywhere if self.context.queue_options.wmsqueue else None)
        return own + anywhere

    def mapping(self) -> jobstates.Mapping:
        """Return how statuses count: those of the preset, then what jobstates.conf and the queue say."""
        own = super().mapping()
        return jobstates.Mapping(own.section, {**self.how.statuses, **own.table})

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    @property
    def absent(self) -> str:
        """What a queue is that a good answer does not mention."""
        return self.options.absent if "absent" in self.options.model_fields_set else self.how.absent

    def _ask(self, more: str | None) -> Answer:
        headers = dict(self.how.headers)
        token = self._identity.token()
        if token:
            bearer = self.how.token_header.lower() == "authorization"
            headers[self.how.token_header] = f"Bearer {token}" if bearer else token
        params = dict(self.how.params)
        if more and self.how.next_param:
            params[self.how.next_param] = more
        body = self.how.body.encode() if self.how.body is not None else None
        return self._client.request(self.how.method, self.url, params=params, data=body, headers=headers)

    def _read(self, page: Any) -> Mapping[str, Mapping[str, Any]]:
        if self.how.success and self._search(self.how.success, page) is not True:
            words = page.get("Message") or page.get("message") if isinstance(page, dict) else None
            raise ValueError(f"not a success ({self.how.success}): {str(words or page)[:200]}")
        if self.how.read:
            return self.how.read(page)
        found = self._search(self.how.counts, page)
        if isinstance(found, dict):
            return {q: v if isinstance(v, dict) else {"ready": v} for q, v in found.items()}
        if isinstance(found, list):
            return self._items(found)
        raise ValueError(f"`{self.how.counts}` finds neither a map nor a list in the answer")

    def _items(self, items: list[Any]) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for item in items:
            queues = self._search(self.how.queue, item) if self.how.queue else None
            status = self._search(self.how.status, item) if self.how.status else "ready"
            number = jobstates.whole_number(self._search(self.how.number, item)) if self.how.number else 1
            names = [queues] if isinstance(queues, str) else queues
            if not isinstance(status, str) or not isinstance(names, list) or not names:
                raise ValueError(f"an item without queue or status: {str(item)[:200]}")
            for name in names:
                _add(counts, {str(name): {status: number}})
        return counts

    @staticmethod
    def _search(expression: str, data: Any) -> Any:
        try:
            return jmespath.search(expression, data)
        except JMESPathError as err:
            raise ValueError(f"`{expression}` does not fit the answer: {err}") from None


def _with_preset(o: RESTOptions) -> Preset:
    """Return the preset with what the queue says laid over it."""
    preset = PRESETS[o.preset] if o.preset else Preset()
    own = ("method", "body", "token_header", "success", "counts", "queue", "status", "number", "next")
    given: dict[str, Any] = {k: v for k in (*own, "next_param") if (v := getattr(o, k)) is not None}
    if given.keys() & {"counts", "queue", "status", "number"}:
        given["read"] = None
    given |= {"headers": {**preset.headers, **o.headers}, "params": {**preset.params, **o.params}}
    return replace(preset, **given)


def _add(counts: dict[str, dict[str, int]], more: Mapping[str, Mapping[str, Any]]) -> None:
    for queue, statuses in more.items():
        mine = counts.setdefault(queue, {})
        for status, number in statuses.items():
            try:
                mine[status] = mine.get(status, 0) + jobstates.whole_number(number)
            except ValueError as err:
                raise ValueError(f"queue {queue!r:.80}, status {status!r:.80}: {err}") from None
