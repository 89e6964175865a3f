"""What everything that brings queue sections must do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autopyfactory.config.loader import RawConfig
from autopyfactory.options.problem import ConfigError
from autopyfactory.testing.plugin import PluginContract


class QueueConfigContract(PluginContract):
    """Gives sections, or says why there are none.

    `working` and `broken` get an empty folder and return the keys with which there are sections, or none.
    """

    kind = "queueconfig"

    def working(self, folder: Path) -> Mapping[str, str]:
        """Return keys with which `load` gives at least one section."""
        raise NotImplementedError("say with which keys there are sections")

    def broken(self, folder: Path) -> Mapping[str, str]:
        """Return keys with which nothing can be read."""
        raise NotImplementedError("say with which keys nothing can be read")

    def make(self, queue: str = "QUEUE", keys: Mapping[str, str] | None = None) -> Any:
        """Return the plugin as the factory makes it."""
        return self.plugin(self.options(keys), self.factory())

    def test_its_options_stand_in_factory(self) -> None:
        """They are read before there is any queue."""
        wrong = [n for n, f in self.plugin.Options.model_fields.items() if _scope(f) != "factory"]
        assert not wrong, f"these need scope='factory': {wrong}"

    def test_it_gives_sections(self, tmp_path: Path) -> None:
        """Each value can be read, and says where it was written."""
        raw = self.make(keys=self.working(tmp_path)).load()
        assert isinstance(raw, RawConfig) and raw.sections and not raw.errors
        for name, section in raw.sections.items():
            assert section.name == name
            for key in section.values:
                assert isinstance(section.values[key].text, str)

    def test_the_same_is_given_again(self, tmp_path: Path) -> None:
        """A reload without changes changes nothing."""
        plugin = self.make(keys=self.working(tmp_path))
        first, again = ({n: _texts(s) for n, s in plugin.load().sections.items()} for _ in range(2))
        assert first == again

    def test_what_cannot_be_read_is_told(self, tmp_path: Path) -> None:
        """An empty configuration would stop all queues."""
        plugin = self.make(keys=self.broken(tmp_path))
        try:
            raw = plugin.load()
        except ConfigError as err:
            assert err.problems
        else:
            assert raw.errors, f"nothing can be read, but these are the sections: {list(raw.sections)}"


def _scope(field: Any) -> str:
    return str(field.json_schema_extra["scope"])


def _texts(section: Any) -> dict[str, str]:
    return {key: section.values[key].text for key in section.values}
