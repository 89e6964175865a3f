"""The factory's credential profiles: one keeper per section of auth.conf, as the configuration wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autopyfactory.config.model import Configuration, PluginChoice
from autopyfactory.credentials.keeper import Keeper, named
from autopyfactory.credentials.wallet import Wallet
from autopyfactory.factory.profileusers import Users
from autopyfactory.factory.reconciler import Failure, Reconciler
from autopyfactory.model.clock import Clock
from autopyfactory.options.common import FactoryOptions
from autopyfactory.plugins.base import AuthContext

FOLDER = "credentials"  # in the state folder, for what has no place of its own


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """A profile as a configuration wants it."""

    choice: PluginChoice
    factory: FactoryOptions

    @property
    def folder(self) -> Path:
        """Return the private folder for its files."""
        return Path(self.factory.state_dir).expanduser() / FOLDER


class Credentials:
    """Runs the keepers. Not thread-safe: the factory's lock guards `want` and `step`."""

    def __init__(
        self,
        wallet: Wallet,
        users: Callable[[], Users],
        clock: Clock,
        tell: Callable[[str, str, bool], None],
        ready: Callable[[str], None] = lambda name: None,
        *,
        still: bool = False,
    ):
        """Prepare. `users` returns for each profile the queues that name it, and the CEs of each.

        `tell` and `ready` are those of a keeper. `still` keepers have no threads: see `tend`.
        """
        self.wallet = wallet
        self.users = users
        self._reconciler: Reconciler[ProfileSpec, Keeper] = Reconciler(
            _Maker(self, clock, tell, ready, _Still if still else Keeper), clock
        )

    @property
    def keepers(self) -> Mapping[str, Keeper]:
        """Return the keepers that run, by profile."""
        return self._reconciler.workers

    @property
    def failures(self) -> Mapping[str, Failure]:
        """Return why profiles have no keeper, by profile."""
        return self._reconciler.failures

    def want(self, configuration: Configuration) -> None:
        """Make the profiles of `configuration` what is wanted."""
        self._reconciler.want(
            {name: ProfileSpec(c, configuration.factory) for name, c in configuration.auth_choices.items()}
        )

    def step(self) -> None:
        """Do what can be done now towards it."""
        self._reconciler.step()
        if self.wallet.keepers is not self._reconciler.workers:
            self.wallet.keepers = self._reconciler.workers

    @property
    def settled(self) -> bool:
        """Whether what runs is what is wanted."""
        return self._reconciler.settled

    def tend(self, renew: bool) -> None:
        """Look at everything once, in this thread, and renew what is due if `renew`; for still keepers."""
        for name in sorted(self.keepers):
            self.keepers[name].tend(renew)

    def queues_with(self, credential: str) -> tuple[str, ...]:
        """Return the queues that send with a credential, which is named as its keeper tells of it."""
        return tuple(
            queue
            for profile, queues in self.users().items()
            if (keeper := self.keepers.get(profile)) is not None
            for queue, ces in queues.items()
            if credential in {named(profile, variant) for variant in map(keeper.plugin.variant, ces)}
        )

    def troubled(self, queue: str) -> bool:
        """Whether something is wrong with a credential of a queue, though it may still be good."""
        return any(
            keeper.standings[variant].words
            for profile, queues in self.users().items()
            if queue in queues and (keeper := self.keepers.get(profile)) is not None
            for variant in map(keeper.plugin.variant, queues[queue])
            if variant in keeper.standings
        )

    def wake(self) -> None:
        """Have every keeper look now: there may be new CEs."""
        for keeper in self.keepers.values():
            keeper.wake()

    def end(self) -> None:
        """Ask all keepers to end."""
        self._reconciler.end()


class _Still(Keeper):
    """A keeper without a thread, for commands that look once."""

    @property
    def alive(self) -> bool:
        """Whether it does what it is asked to: always."""
        return True

    def start(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class _Maker:
    """See `reconciler.Maker`."""

    home: Credentials
    clock: Clock
    tell: Callable[[str, str, bool], None]
    ready: Callable[[str], None]
    kind: type[Keeper]

    def make(self, name: str, spec: ProfileSpec, holder: str, before: Keeper | None) -> Keeper:
        """Return a keeper that is not started yet. Raises what the plugin says against its options."""
        context = AuthContext(name, spec.factory, spec.folder, self._file_of)
        plugin = spec.choice.cls(spec.choice.options, context)
        return self.kind(name, plugin, lambda: self._places(name), self.clock, self.tell, self.ready)

    def unmake(self, holder: str) -> None:
        """Do nothing: a keeper holds nothing."""

    def same(self, old: ProfileSpec, new: ProfileSpec) -> bool:
        """Whether a keeper of `old` does what `new` asks for."""
        return old.choice == new.choice and old.folder == new.folder

    def _places(self, name: str) -> frozenset[str]:
        return frozenset(ce for ces in self.home.users().get(name, {}).values() for ce in ces)

    def _file_of(self, name: str) -> str | None:
        keeper = self.home.keepers.get(name)
        return keeper.plugin.file("") if keeper else None
