"""What everything that sends pilots must do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from autopyfactory.options.binding import Binder
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import SentPilots, SubmitError, SubmitUnknown
from autopyfactory.testing.outside import nothing_outside
from autopyfactory.testing.plugin import PluginContract

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEADLINE = 30.0  # seconds for one submission
VISIBLE = 30.0  # seconds until a pilot that was sent can be looked up


class BatchSubmitContract(PluginContract):
    """Sends pilots that can be found again by their tag.

    `status` is the batch status plugin that counts them, and `status_keys` its keys if they are others.
    """

    kind = "batchsubmit"
    queue_options: ClassVar[Mapping[str, Any]] = {"executable": "/bin/true"}
    status: ClassVar[type[Any]]
    status_keys: ClassVar[Mapping[str, str] | None] = None

    def counter(self, queue: str, keys: Mapping[str, str]) -> Any:
        """Return the batch status plugin of a queue."""
        section = Section.from_texts("QUEUE", {**keys})
        options, problems = Binder().bind(self.status.Options, section, section)
        assert options is not None and not problems, "\n".join(str(p) for p in problems)
        return self.status(options, self.context(queue))

    def test_it_says_where_pilots_go(self) -> None:
        """Place and CE are one line each."""
        plugin = self.make()
        for text in (plugin.target, plugin.ce):
            assert text and "\n" not in text
        assert 1 <= plugin.chunk <= 1000

    def test_its_target_is_that_of_the_batch_status_plugin(self) -> None:
        """Else pilots are sent to a place where nobody counts them."""
        keys = self.keys if self.status_keys is None else self.status_keys
        assert self.counter("QUEUE", keys).target == self.make().target

    def test_a_description_holds_tag_factory_and_queue(self) -> None:
        """By the tag a lost submission is looked up; by the others pilots are counted and shown."""
        with nothing_outside("describe"):
            description = self.make("A").describe("tag-of-this-one", NOW)
        text = "\n".join(f"{k} = {v}" for k, v in description.items())
        assert all(isinstance(v, str) for v in description.values())
        for must in ("tag-of-this-one", self.factory().factory_id, "A", self.queue_options["executable"]):
            assert must in text, f"{must} is not in the description"

    def test_a_description_is_pure(self) -> None:
        """The same tag at the same time gives the same text; another tag changes nothing but the tag."""
        plugin = self.make()
        one = plugin.describe("tag-1", NOW)
        assert one == plugin.describe("tag-1", NOW)
        assert {k: v.replace("tag-1", "tag-2") for k, v in one.items()} == plugin.describe("tag-2", NOW)


class SubmissionContract(BatchSubmitContract):
    """The tests that need the batch system, or something that behaves like it."""

    def working(self, folder: Path) -> Mapping[str, str]:
        """Return keys with which pilots can be sent; `folder` is empty."""
        raise NotImplementedError("say with which keys pilots can be sent")

    def broken(self, folder: Path) -> Mapping[str, str] | None:
        """Return keys with which they cannot, and nothing can be asked; None if that cannot happen."""
        raise NotImplementedError("say with which keys pilots cannot be sent")

    def test_pilots_are_found_again_by_their_tag(self, tmp_path: Path) -> None:
        """A submission whose answer was lost is looked up, never repeated."""
        plugin = self.make("A", self.working(tmp_path))
        assert plugin.lookup("tag-never-used", DEADLINE) is None
        sent = plugin.submit(2, "tag-one", DEADLINE)
        other = plugin.submit(1, "tag-two", DEADLINE)
        assert isinstance(sent, SentPilots) and (sent.count, other.count) == (2, 1)
        assert not set(sent.ids) & set(other.ids), "two pilots have one id"
        found = _wait(lambda: plugin.lookup("tag-one", DEADLINE), lambda f: f is not None and f.count == 2)
        assert found.cluster == sent.cluster and set(found.ids) == set(sent.ids)
        plugin.cleanup(DEADLINE)

    def test_pilots_are_counted_where_they_were_sent(self, tmp_path: Path) -> None:
        """The batch status plugin sees them under their queue, and no other factory's."""
        keys = self.working(tmp_path)
        self.make("A", keys).submit(2, "tag-one", DEADLINE)
        self.make("B", keys).submit(1, "tag-two", DEADLINE)
        counter = self.counter("A", keys)
        wanted = {"A": 2, "B": 1}
        _wait(
            counter.fetch,
            lambda status: {q: i.pending + i.running for q, i in status.queues.items()} == wanted,
        )

    def test_what_is_sent_in_vain_is_told(self, tmp_path: Path) -> None:
        """SubmitError: nothing was sent. SubmitUnknown: nobody knows. Nothing else, and no empty success."""
        keys = self.broken(tmp_path)
        if keys is None:
            return
        plugin = self.make("A", keys)
        try:
            sent = plugin.submit(1, "tag-one", DEADLINE)
        except (SubmitError, SubmitUnknown) as err:
            assert str(err).strip(), "say what was tried and what came back"
        else:
            raise AssertionError(f"nothing could be sent, but this was returned: {sent}")

    def test_a_place_that_does_not_answer_is_not_one_without_pilots(self, tmp_path: Path) -> None:
        """`lookup` says None only when the place answered."""
        keys = self.broken(tmp_path)
        if keys is None:
            return
        plugin = self.make("A", keys)
        try:
            found = plugin.lookup("tag-one", DEADLINE)
        except SubmitUnknown as err:
            assert str(err).strip()
        else:
            raise AssertionError(f"the place cannot answer, but lookup returned {found}")


def _wait(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """Ask until the answer is good; fail after VISIBLE seconds."""
    until = time.monotonic() + VISIBLE
    while not good(answer := ask()):
        assert time.monotonic() < until, f"still this after {VISIBLE:.0f} s: {answer}"
        time.sleep(0.1)
    return answer
