"""What every plugin that asks for counts must do, whether of work or of pilots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from autopyfactory.options.declare import specs
from autopyfactory.options.polled import PolledOptions
from autopyfactory.plugins.base import SourceError
from autopyfactory.testing.plugin import PluginContract


class Watched:
    """Options that note which of them are read."""

    def __init__(self, options: Any):
        self._options = options
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self._options, name)


class SourceContract(PluginContract):
    """One poll answers for all queues; plugins that ask the same share it."""

    def test_it_is_polled_with_sense(self) -> None:
        """Counts must not be too old before the next ones come."""
        assert issubclass(self.plugin.Options, PolledOptions)
        plugin = self.make()
        assert 0 < plugin.interval < plugin.maxage

    def test_queues_with_the_same_options_share_a_poll(self) -> None:
        """What a queue is called, and what its WMS queue is, changes no question."""
        assert self.make("A").source_key() == self.make("B").source_key()
        hash(self.make().source_key())

    def test_people_can_tell_which_source_it_is(self) -> None:
        """The label stands in logs and pages: one line, and no secret."""
        plugin = self.make()
        assert plugin.label and "\n" not in plugin.label
        secrets = [str(getattr(plugin.options, s.field)) for s in specs(type(plugin.options)) if s.secret]
        assert not any(s in plugin.label for s in secrets if len(s) > 3)

    def test_closing_it_twice_is_no_harm(self) -> None:
        """A reload may close what never asked."""
        plugin = self.make()
        plugin.close()
        plugin.close()


class AnswerContract(SourceContract):
    """The tests that need the system, or something that answers like it.

    `working` and `broken` get an empty folder and return the keys with which the system answers, or cannot be
    read. `broken` may return None if this kind of system cannot fail.
    """

    answer: type[Any]

    def working(self, folder: Path) -> Mapping[str, str]:
        """Return keys with which `fetch` gets an answer."""
        raise NotImplementedError("say with which keys the source can be read")

    def broken(self, folder: Path) -> Mapping[str, str] | None:
        """Return keys with which `fetch` gets none."""
        raise NotImplementedError("say with which keys the source cannot be read")

    def test_it_answers_for_all_queues(self, tmp_path: Path) -> None:
        """Whichever queue's plugin is asked, the answer is the same; no count is negative."""
        keys = self.working(tmp_path)
        first = self.make("A", keys).fetch()
        assert isinstance(first, self.answer)
        assert first.queues == self.make("B", keys).fetch().queues
        for name, info in first.queues.items():
            counts = [getattr(info, f.name) for f in fields(info)]
            assert all(type(c) is int and c >= 0 for c in counts), f"{name}: {info}"

    def test_no_answer_is_an_error_and_never_an_empty_answer(self, tmp_path: Path) -> None:
        """An empty answer would mean that there is nothing: pilots would be sent, or taken back."""
        keys = self.broken(tmp_path)
        if keys is None:
            return
        plugin = self.make("A", keys)
        try:
            found = plugin.fetch()
        except SourceError as err:
            assert str(err).strip(), "say what was tried and what came back"
        else:
            raise AssertionError(f"it could not be read, but this was returned: {found}")

    def test_what_changes_no_question_is_not_read_for_the_answer(self, tmp_path: Path) -> None:
        """An option of `question=False` must not change what other queues get."""
        plugin = self.make("A", self.working(tmp_path))
        watched = Watched(plugin.options)
        plugin.options = watched
        plugin.fetch()
        mute = {s.field for s in specs(self.plugin.Options) if s.question is False}
        assert not watched.read & mute, "these options change the answer, but not the key"
