"""What every plugin of every kind must do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from autopyfactory.config.registry import find
from autopyfactory.options.binding import Binder
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import Options, specs
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext
from autopyfactory.testing.outside import nothing_outside

FACTORY = FactoryOptions(factory_id="contract-factory", base_log_dir="/nowhere", state_dir="/nowhere")
ALLOWED_IN_NAMES = "._-"


class PluginContract:
    """Base of all contracts. The class that inherits names the plugin.

    `keys` are the texts of its options, as a file has them; `entry` is what users write, if not its name;
    `queue_options` are fields of `QueueOptions` that the plugin needs (`executable`, say).
    """

    kind: ClassVar[str]
    plugin: ClassVar[type[Any]]
    entry: ClassVar[str | None] = None
    keys: ClassVar[Mapping[str, str]] = {}
    queue_options: ClassVar[Mapping[str, Any]] = {}

    def options(self, keys: Mapping[str, str] | None = None) -> Any:
        """Return the options that a file with `keys` (default: those of the class) gives."""
        section = Section.from_texts("QUEUE", {**(self.keys if keys is None else keys)})
        options, problems = Binder().bind(self.plugin.Options, section, section)
        assert not problems, "\n".join(str(p) for p in problems)
        return options

    def factory(self) -> FactoryOptions:
        """Return the factory that the plugin works for."""
        return FACTORY

    def context(self, queue: str = "QUEUE") -> QueueContext:
        """Return what the plugin may know: a queue whose WMS queue is `<queue>-work`."""
        given = {"enabled": True, "sched": ("Ready",), "batchsubmit": "Exec", "wmsqueue": f"{queue}-work"}
        options = QueueOptions(**{**given, **self.queue_options})
        return QueueContext(queue, options, self.factory(), monitor_url="http://127.0.0.1:9/monitor")

    def make(self, queue: str = "QUEUE", keys: Mapping[str, str] | None = None) -> Any:
        """Return the plugin as the factory makes it."""
        return self.plugin(self.options(keys), self.context(queue))

    def test_users_can_write_its_name(self) -> None:
        """Names stand in comma separated lists."""
        name = self.plugin.name
        assert name and all(c.isalnum() or c in ALLOWED_IN_NAMES for c in name), f"not a name: {name!r}"

    def test_it_is_found_by_its_entry_point(self) -> None:
        """A distribution that is installed brings it."""
        entry = self.entry or self.plugin.name
        assert find(self.kind, entry) is self.plugin, f"another plugin is installed as {self.kind} {entry}"

    def test_its_options_are_documented(self) -> None:
        """The reference, `check` and `config dump` are made from the declarations."""
        assert issubclass(self.plugin.Options, Options)
        for spec in specs(self.plugin.Options):
            assert spec.description, f"{spec.field}: no description"
            assert all(spec.keys), f"{spec.field}: no key; does the class have `prefixes`?"

    def test_making_it_does_nothing(self) -> None:
        """`check` and `plan` make plugins too, and a reload makes one while another works."""
        with nothing_outside("a constructor"):
            self.make()
            self.make("OTHER")
