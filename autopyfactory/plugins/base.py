"""What each kind of plugin must do. Plugins import this, `info`, `decision` and `config`; never the factory.

Every queue-level plugin is built as `Plugin(options, context)`: its own validated options, and what it may
know about the queue it serves. A plugin class declares its options once, as the class attribute `Options`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, final

from autopyfactory.accounting.requests import Endings, NotDone, Searched, Surveyed
from autopyfactory.credentials.credential import Credential, Presented
from autopyfactory.credentials.wallet import Choice, Wallet
from autopyfactory.model.decision import Cap, CycleInputs, Need, RecentPilots, Step
from autopyfactory.model.declaration import UNDECLARED, Declaration
from autopyfactory.model.info import BatchQueueInfo, BatchStatus, SiteInfo, WMSQueueInfo, WMSStatus
from autopyfactory.model.once import once
from autopyfactory.model.shares import Claim
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import Options, specs
from autopyfactory.options.polled import PolledOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.lastcycles import Board
from autopyfactory.plugins.submitrecord import Scribe

if TYPE_CHECKING:
    from autopyfactory.config.loader import RawConfig
    from autopyfactory.config.model import QueueConfig
    from autopyfactory.model.record import CycleRecord

OptionsT = TypeVar("OptionsT", bound=Options)
PolledT = TypeVar("PolledT", bound=PolledOptions)


@dataclass(frozen=True)
class Shared:
    """What the plugins of one factory share, whatever their queue."""

    last_cycles: Board = field(default_factory=Board)
    submit_records: Scribe = field(default_factory=Scribe)  # one for all: there is one disk to wait for
    mark: str = ""  # of the factory's book: in the ads of every pilot that it sends
    wallet: Wallet = field(default_factory=Wallet)  # the credentials that pilots are sent with
    report_key: bytes | None = field(
        default=None, repr=False
    )  # of pilots' tokens; None: they do not report here


@dataclass(frozen=True)
class QueueContext:
    """What a plugin may know about its queue and factory."""

    queue: str
    queue_options: QueueOptions
    factory: FactoryOptions
    monitor_url: str | None = None  # of the first APF monitor of the queue; APFMON in the pilot's environment
    mappings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # mappings.conf, by section
    shared: Shared = field(default_factory=Shared, compare=False)


class Plugin(Generic[OptionsT]):
    """Base of all plugins."""

    name: ClassVar[str]  # as users write it
    Options: ClassVar[type[Options]] = Options
    # whether a queue that comes from a URL may choose it: not if it runs programs or reads files of this host
    from_url: ClassVar[bool] = False

    def __init__(self, options: OptionsT, context: QueueContext):
        self.options = options
        self.context = context


class SchedPlugin(Plugin[OptionsT], ABC):
    """One link of the scheduler chain: a pure function from a number to a number.

    A rule says of itself what it is: `needs`, `declares`, `caps` and `claim`; nobody else knows it by name.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    uses: ClassVar[frozenset[Need]] = frozenset()  # what it takes into account where it is known
    declares: ClassVar[Declaration] = UNDECLARED  # what its rules are, whatever their options
    from_url: ClassVar[bool] = True

    @abstractmethod
    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Turn the number so far into a new one, with the reason in plain words.

        `inputs` holds all that is known; whatever `needs` declares is not None when this is called.
        No I/O, no clock (`inputs.now`), no state.
        """

    @once
    def declaration(self) -> Declaration:
        """What this rule is, with its options; as a rule what its class declares."""
        return self.declares

    @property
    def idle(self) -> bool:
        """Whether it does nothing, since none of the numbers that it declares is set."""
        numbers = self.declares.numbers
        return bool(numbers) and all(getattr(self.options, field) is None for field in numbers)

    def caps(self) -> Sequence[Cap]:
        """Return the limits wider than this queue that must also hold when pilots are reserved.

        Their scopes never change.
        """
        return ()

    def claim(self, recent: Callable[[], RecentPilots | None], batch: BatchQueueInfo | None) -> Claim | None:
        """Return what the queue puts forward for its share; None: this rule divides nothing.

        `recent` tells what happened to the queue's pilots lately; `batch` are the pilots that its last cycle
        saw. None: not known.
        """
        return None

    def asks_downtimes_of(self) -> tuple[str, ...] | None:
        """Return what the downtimes are called that it wants to know: names of site, resource or host.

        Empty: those of the queue's CE, by its host; None: it wants none. It never changes.
        """
        return None

    def shuts(self, inputs: CycleInputs) -> Mapping[str, str]:
        """Return of a queue's several CEs those that get nothing now, in their one spelling, and why."""
        return {}

    def step(self, n_in: int, n_out: int, reason: str, **facts: Any) -> Step:
        """Make the `Step` of this plugin, as it declares itself."""
        said = self.declaration
        cause = said.cause if n_out < n_in else None
        return Step(self.name, n_in, n_out, reason, facts, part=said.part, cause=cause)


def hashable(value: Any) -> Hashable:
    """Return `value`, mappings and sequences turned into something to compare by what they hold."""
    if isinstance(value, Mapping):
        return frozenset((key, hashable(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(hashable(item) for item in value)
    return value  # type: ignore[no-any-return]  # what is not hashable is told where it is used as a key


class SourceError(Exception):
    """A source could not be read; the text says what was tried and what came back.

    `hung`: it said nothing until the time limit. Asking again soon costs it nothing, and notices its return.
    """

    def __init__(self, text: str, *, hung: bool = False):
        super().__init__(text)
        self.hung = hung


class SourcePlugin(Plugin[PolledT], ABC):
    """Reads one external system for all queues at once."""

    @final
    def source_key(self) -> Hashable:
        """Return what is asked: plugins of one class with equal keys share one poll.

        It is made of all options, except those whose declaration says that they change no question, and of
        what all queues of a factory have in common: its name and mappings.conf. So an option that nobody
        thought about costs a poll, and never mixes the answers to two questions.
        """
        context = self.context
        return tuple(self._questions()), context.factory.factory_id, hashable(context.mappings)

    def _questions(self) -> Iterator[tuple[str, Hashable]]:
        for spec in specs(type(self.options)):
            if isinstance(spec.question, str):
                yield spec.question, hashable(getattr(self, spec.question))
            elif spec.question:
                yield spec.field, hashable(getattr(self.options, spec.field))

    @property
    def interval(self) -> float:
        """Seconds between two polls."""
        return self.options.sleep

    @property
    def maxage(self) -> float:
        """Seconds after which an answer may no longer cause a submission."""
        return self.options.maxage

    @property
    def label(self) -> str:
        """What people call this source, for instance `Condor ap@127.0.0.1:9618`."""
        return self.name

    def close(self) -> None:
        """Let go of connections; called once, when no queue uses the source any more."""


class WMSStatusPlugin(SourcePlugin[PolledT]):
    """Where work waits."""

    # Seconds from the start of a pilot until the work that it takes is gone from the ready counts.
    settling: ClassVar[float] = 15.0

    @abstractmethod
    def fetch(self) -> WMSStatus:
        """Ask the WMS for all queues, within a time limit. Raises SourceError; never answers in part."""

    def observe(self, batch: BatchQueueInfo) -> None:
        """Take note of this queue's pilots, in each cycle before `queue_info`; returns at once.

        For a WMS that decides itself how many pilots it wants and has to know how many there are.
        """

    def unserved(self, deadline: float) -> Sequence[str]:
        """Return, in words, what jobs that are ready for this queue ask for and its pilots may not have.

        Asked now and then while pilots find no work, on no queue's thread; within `deadline` seconds. Raises
        SourceError. Default: nothing, the WMS does not tell.
        """
        return ()

    def queue_info(self, status: WMSStatus) -> WMSQueueInfo | None:
        """Return this queue's work in `status`; None when the answer does not tell."""
        return status.queues.get(self.context.queue_options.wmsqueue or "")

    def site_info(self, status: WMSStatus) -> SiteInfo | None:
        """Return what the WMS says about this queue's site; None when the answer does not tell."""
        return status.sites.get(self.context.queue_options.wmsqueue or "")


class BatchStatusPlugin(SourcePlugin[PolledT]):
    """Where pilots are counted."""

    tells_endings: ClassVar[bool] = False  # how and when each pilot ended: what rules need that use `history`

    @property
    @abstractmethod
    def target(self) -> str:
        """Return the place whose pilots are counted, as the submit plugins' `target` says it."""

    @abstractmethod
    def fetch(self) -> BatchStatus:
        """Count the pilots of this factory in all its queues, within a time limit. Raises SourceError."""

    # Where pilots can be told apart, the book knows who has ended. Where they cannot, what is missing in the
    # counts for minutes counts as ended.

    def endings(self, cursor: str) -> Endings:
        """Return the pilots that have ended since `cursor` (empty: as far back as is known), in order.

        Where `tells_endings`, with all that is said of each, and with those that have started. Raises
        SourceError.
        """
        return Endings("", cursor, ())

    def survey(self) -> Surveyed:
        """Return the tags of all pilots that have not ended.

        Raises SourceError; NotDone where nobody can tell pilots apart.
        """
        raise NotDone("pilots cannot be told apart here")

    def search(self, tags: frozenset[str], most: int) -> Searched:
        """Return what is known of pilots that carry one of `tags` (`most` pilots at most), ended or not.

        Raises SourceError; NotDone where nobody can tell pilots apart.
        """
        raise NotDone("pilots cannot be told apart here")


class SubmitError(Exception):
    """A submission failed and sent nothing."""


class SubmitUnknown(Exception):
    """A submission's answer was lost: pilots may or may not have been sent. Look them up by their tag."""


@dataclass(frozen=True, slots=True)
class SentPilots:
    """The pilots of one submission. Their ids are `<cluster>.<proc>`."""

    cluster: str
    count: int
    first_proc: int = 0

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the id of each pilot."""
        return tuple(f"{self.cluster}.{self.first_proc + i}" for i in range(self.count))


class BatchSubmitPlugin(Plugin[OptionsT], ABC):
    """How pilots are sent, taken back and found again."""

    # the option that names the CE, for queues with several (`batchsubmit.ces`); empty: there can be one only
    ce_option: ClassVar[str] = ""
    chunk: ClassVar[int] = 100  # pilots per submission: larger transactions stall other clients of a schedd

    @property
    @abstractmethod
    def target(self) -> str:
        """Return the place of submission as people write it."""

    @property
    def ce(self) -> str:
        """Return the CE that the pilots go to, as people write it; the cap scope `ce:<this>`."""
        return self.target

    @property
    def sent_with(self) -> str:
        """Return the credential that the CE is shown, as people write it; empty: none of the queue's own."""
        return ""

    def credential(self, now: datetime) -> Choice | None:
        """Return which credential profile pilots are sent with at `now`; returns at once.

        None: the queue names no profile. A choice that presents nothing keeps the queue from sending.
        """
        return None

    @abstractmethod
    def describe(self, tag: str, now: datetime | None = None) -> Mapping[str, str]:
        """Return the submit description of pilots that carry `tag`, sent at `now`; pure for a given `now`.

        Each cycle asks; what has changed since the last time comes in another mapping.
        """

    @abstractmethod
    def submit(self, n: int, tag: str, deadline: float) -> SentPilots:
        """Send `n` (1..chunk) pilots marked with `tag`, within `deadline` seconds.

        Raises SubmitError when nothing was sent, SubmitUnknown when that is not known.
        """

    def submit_to(self, identity: str, n: int, tag: str, deadline: float) -> SentPilots:
        """Send like `submit`, but only if the place of submission has this identity; empty: whoever it is.

        For those whose place tells an identity with its counts. Raises what `submit` raises.
        """
        return self.submit(n, tag, deadline)

    @abstractmethod
    def lookup(self, tag: str, deadline: float) -> SentPilots | None:
        """Return the pilots that carry `tag`; None when a place that answers knows none.

        Raises SubmitUnknown when the place does not answer.
        """

    def limits(self) -> Sequence[Cap]:
        """Return the limits of the place itself, and of the way to the CE, as far as they are known.

        From memory: it is asked before each submission.
        """
        return ()

    def retire(self, n: int, deadline: float, started_before: float | None = None) -> int:
        """Answer a chain that says there are `n` pilots too many; return how many were taken back.

        A pilot that started after `started_before` (seconds since the epoch), when the counts were asked for,
        is left alone: the chain took it for one that waits. Default: none, the surplus ends by itself. Raises
        SubmitUnknown when that is not known.
        """
        return 0

    def withdraw(self, n: int, deadline: float) -> int:
        """Take back up to `n` pilots that do not run, because a person said so; return how many.

        Raises SubmitUnknown when that is not known.
        """
        return 0

    def cleanup(self, deadline: float) -> None:
        """Remove what ended pilots left behind; called once a cycle."""


class QueueConfigPlugin(Generic[OptionsT], ABC):
    """Where queue sections come from. Its options are all of scope `factory`.

    `sections` holds the sections that stand beside `[Factory]` in the same files, `folder` is where the file
    with `[Factory]` lies, from which relative paths in it are meant; both are set before `load`.
    """

    name: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    sections: Mapping[str, Section] = MappingProxyType({})
    folder: Path | None = None

    def __init__(self, options: OptionsT, factory: FactoryOptions):
        self.options = options
        self.factory = factory

    @abstractmethod
    def load(self) -> RawConfig:
        """Return the sections and the problems found in them, within a time limit.

        A source that does not answer gives its last good copy and a warning; raises ConfigError when
        there is nothing to give.
        """


class MonitorPlugin(Generic[OptionsT], ABC):
    """Tells an outside system what the factory does; always called on a reporter thread, never in a cycle.

    Any method may raise: the reporter logs it, counts it and tries again later.
    """

    name: ClassVar[str]
    Options: ClassVar[type[Options]] = Options

    def __init__(self, options: OptionsT, factory: FactoryOptions):
        self.options = options
        self.factory = factory

    @property
    def url(self) -> str | None:
        """Return what pilots get as APFMON; None when they have nobody to report to."""
        return None

    def hello(self, queues: Sequence[QueueConfig]) -> None:
        """Tell that the factory runs, with these queues; called at start and after each reload."""

    @abstractmethod
    def cycle(self, record: CycleRecord) -> None:
        """Tell what one cycle of one queue decided and sent."""


@dataclass(frozen=True)
class AuthContext:
    """What a plugin of kind `auth` may know of its profile and of the others."""

    profile: str
    factory: FactoryOptions
    folder: Path  # private: for what has no file of its own; it is made when it is first needed
    others: Callable[[str], str | None] = lambda name: None  # the file of another profile, by its name


class AuthPlugin(Generic[OptionsT], ABC):
    """Keeps one credential profile: one section of auth.conf. Always called on the profile's own thread.

    A profile may hand out another credential for each CE; `variant` says which it is, and all else is about
    one variant. `look` and `renew` end within time limits of their own and raise CredentialError, whose text
    may be shown to everybody: it holds no secret.
    """

    name: ClassVar[str]
    Options: ClassVar[type[Options]] = Options

    def __init__(self, options: OptionsT, context: AuthContext):
        self.options = options
        self.context = context

    @property
    def checktime(self) -> float:
        """Return the seconds after which the credential is looked at, whether its file changed or not."""
        return 60.0

    @property
    def renews(self) -> bool:
        """Whether `renew` makes a new one; otherwise others keep it fresh."""
        return False

    def variant(self, place: str) -> str:
        """Return which of the profile's credentials is for the CE `place`; default: one for all."""
        return ""

    @abstractmethod
    def file(self, variant: str) -> str:
        """Return the file in which a variant lies."""

    @abstractmethod
    def presented(self, variant: str) -> Presented:
        """Return how pilots are sent with a variant; reads nothing."""

    @abstractmethod
    def minlife(self, credential: Credential) -> float:
        """Return the seconds of life left below which `credential` is renewed, or its keeper is late."""

    @abstractmethod
    def look(self, variant: str) -> Credential:
        """Read what is there. Raises CredentialError."""

    def renew(self, variant: str) -> None:
        """Make a new one and put it in place as a whole; raises CredentialError, and the old one stays."""
        raise NotImplementedError
