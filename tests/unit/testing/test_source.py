"""A source that breaks the contract is found out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autopyfactory.model.info import WMSQueueInfo, WMSStatus
from autopyfactory.options.declare import option
from autopyfactory.options.polled import PolledOptions, maxage_option
from autopyfactory.plugins.base import SourceError, WMSStatusPlugin
from autopyfactory.testing import WMSStatusContract


class GoodOptions(PolledOptions):
    prefixes = ("wmsstatus.good",)
    path: str = option("/nowhere", key="{prefix}.path", description="A file with a number")
    factor: int = option(1, key="{prefix}.factor", question=False, description="Jobs that one line means")


class Good(WMSStatusPlugin[GoodOptions]):
    name = "Good"
    Options = GoodOptions

    def fetch(self) -> WMSStatus:
        try:
            return WMSStatus({"A-work": WMSQueueInfo(ready=int(Path(self.options.path).read_text()))})
        except (OSError, ValueError) as err:
            raise SourceError(f"{self.options.path}: {err}") from None


class Hopeful(Good):
    def fetch(self) -> WMSStatus:
        try:
            return super().fetch()
        except SourceError:
            return WMSStatus({})


class Rude(Good):
    def fetch(self) -> WMSStatus:
        Path(self.options.path).read_text()
        return super().fetch()


class Mixes(Good):
    def fetch(self) -> WMSStatus:
        found = super().fetch()
        return WMSStatus(
            {q: WMSQueueInfo(ready=i.ready * self.options.factor) for q, i in found.queues.items()}
        )


class Negative(Good):
    def fetch(self) -> WMSStatus:
        return WMSStatus({"A-work": WMSQueueInfo(ready=-1)})


class Selfish(Good):
    def fetch(self) -> WMSStatus:
        own = self.context.queue_options.wmsqueue or ""
        return WMSStatus({own: WMSQueueInfo(ready=1)})


class StaleOptions(GoodOptions):
    maxage: float = maxage_option(30)


class Stale(Good):
    Options = StaleOptions


class Contract(WMSStatusContract):
    def working(self, folder: Path) -> dict[str, str]:
        (folder / "n").write_text("7")
        return {"wmsstatus.good.path": str(folder / "n")}

    def broken(self, folder: Path) -> dict[str, str]:
        return {"wmsstatus.good.path": str(folder / "none")}


TESTS = [n for n in dir(Contract) if n.startswith("test_") and n != "test_it_is_found_by_its_entry_point"]


def run(plugin: type[Any], test: str, folder: Path) -> None:
    contract = Contract()
    contract.plugin = plugin  # type: ignore[misc]
    method = getattr(contract, test)
    method(folder) if "tmp_path" in method.__func__.__code__.co_varnames else method()


@pytest.mark.parametrize("test", TESTS)
def test_a_good_source_keeps_all_of_it(test: str, tmp_path: Path) -> None:
    run(Good, test, tmp_path)


@pytest.mark.parametrize(
    ("plugin", "test", "told"),
    [
        (Hopeful, "test_no_answer_is_an_error_and_never_an_empty_answer", AssertionError),
        (Rude, "test_no_answer_is_an_error_and_never_an_empty_answer", FileNotFoundError),
        (Mixes, "test_what_changes_no_question_is_not_read_for_the_answer", AssertionError),
        (Negative, "test_it_answers_for_all_queues", AssertionError),
        (Selfish, "test_it_answers_for_all_queues", AssertionError),
        (Stale, "test_it_is_polled_with_sense", AssertionError),
    ],
)
def test_each_breach_is_found(plugin: type[Any], test: str, told: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(told):
        run(plugin, test, tmp_path)
