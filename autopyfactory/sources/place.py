"""A batch status plugin as the book sees it: a place whose pilots are counted, and told apart."""

from __future__ import annotations

from typing import Any

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.driver import Work
from autopyfactory.accounting.requests import Counted, Endings, NoAnswer, Searched, Surveyed
from autopyfactory.model.clock import Clock, SystemClock
from autopyfactory.model.info import BatchStatus
from autopyfactory.plugins.base import BatchStatusPlugin, SourceError


class PlaceWatch:
    """Polls one place for the book; `fetch` and `after` are the two halves of a poll of its source."""

    def __init__(self, plugin: BatchStatusPlugin[Any], book: Bookkeeper, clock: Clock | None = None):
        self._plugin = plugin
        self._clock = clock or SystemClock()
        self._book = book
        self._work: Work | None = None
        self._status: BatchStatus | None = None
        self._held = True

    def fetch(self) -> BatchStatus:
        """Count, and let the book know. Raises SourceError, also for counts that cannot be."""
        if self._work is not None:
            self._work.drop()
        self._work = self._book.poll(self._plugin.target, self, self._plugin.interval)
        try:
            self._work.step()
        except NoAnswer as err:
            if err.__cause__ is not None:
                raise err.__cause__ from err
            raise SourceError(str(err)) from err
        assert self._status is not None
        return self._status

    def after(self) -> bool:
        """Read who has ended, and explain what does not balance; return whether sending is possible now."""
        if self._work is not None:
            self._work.finish()
            self._work = None
        held, self._held = self._held, bool(self._book.holds(self._plugin.target))
        return held and not self._held

    # --- what the book asks ---------------------------------------------------------------------

    def count(self) -> Counted:
        """Return all pilots with our factory's name. Raises NoAnswer."""
        try:
            status = self._plugin.fetch()
        except Exception as err:
            raise NoAnswer(str(err)) from err
        if wrong := status.absurd():
            raise NoAnswer(f"an answer that cannot be: {wrong}")
        self._status = status
        return Counted(status.identity, status.queues, status.others)

    def endings(self, cursor: str) -> Endings:
        """Return who has ended since `cursor`. Raises NoAnswer."""
        stream, target, asked = self._book.endings, self._plugin.target, self._clock.monotonic()
        try:
            found = self._plugin.endings(cursor)
        except SourceError as err:
            stream.was_not_read(target, str(err))
            raise NoAnswer(str(err)) from err
        stream.was_read(target, asked)
        # A place that tells no endings has nobody who could say so in its name.
        return found if found.identity or self._status is None else self._in_its_name(found)

    def _in_its_name(self, found: Endings) -> Endings:
        assert self._status is not None
        return Endings(self._status.identity, found.cursor, found.ended) if not found.ended else found

    def survey(self) -> Surveyed:
        """Return the tags of pilots that have not ended. Raises NoAnswer, NotDone."""
        try:
            return self._plugin.survey()
        except SourceError as err:
            raise NoAnswer(str(err)) from err

    def search(self, tags: frozenset[str], most: int) -> Searched:
        """Return what is known of `tags`. Raises NoAnswer, NotDone."""
        try:
            return self._plugin.search(tags, most)
        except SourceError as err:
            raise NoAnswer(str(err)) from err
