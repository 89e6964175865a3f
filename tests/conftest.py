"""For all tests: nothing of the developer's own HTCondor set-up reaches them."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from autopyfactory.external.clocks import CLOCKS

# Time says nothing about the code on busy machines. A run tries the same examples as the last: what it
# finds belongs to the change at hand. `--hypothesis-profile fresh` tries others, `long` many others.
_USUAL = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", _USUAL, derandomize=True)
settings.register_profile("fresh", _USUAL)
settings.register_profile("long", _USUAL, max_examples=2000)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    # Started with `&` or `nohup` we would ignore these, and so would what the tests start and end.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)
    for name in list(os.environ):
        if name.upper().startswith(("CONDOR_", "_CONDOR_", "BEARER_TOKEN", "X509_USER_PROXY")):
            del os.environ[name]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `root` belong to the second pass of ``make test``, which only root runs."""
    if os.geteuid() != 0:
        roots = [item for item in items if item.get_closest_marker("root")]
        if roots:
            config.hook.pytest_deselected(items=roots)
            items[:] = [item for item in items if item not in roots]


@pytest.fixture(autouse=True, scope="module")
def _environment_as_before() -> Iterator[None]:
    """Where a module's tests pointed HTCondor's clients, later modules must not look: that pool is gone."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(autouse=True, scope="module")
def _nobody_has_said_what_time_it_is() -> None:
    """The services of earlier modules' tests are no witnesses of a clock that a later one sets by hand."""
    CLOCKS.forget()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Half characters in what a test printed or logged do not travel between the processes of the run."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
