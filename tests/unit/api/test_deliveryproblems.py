"""Reports that do not get through are told where an operator looks: with `status`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from autopyfactory.api.deliveryproblems import unheard
from autopyfactory.model.record import Event
from autopyfactory.notify.delivery import Reporter, ReporterStatus
from autopyfactory.notify.mail import MailStatus
from contracts.records import cycle
from patience import until

NOW = datetime.now(UTC)


def reporter(deliver: Callable[[Event], None], capacity: int = 10) -> Reporter:
    made = Reporter("monitor apfmon", deliver, capacity=capacity, attempts=2, backoff=0.01)
    for number in range(1, 4):
        made.report(cycle(number=number))
    return made


def broken(_: Event) -> None:
    raise ConnectionError("connection refused")


def test_nothing_is_said_while_all_is_well() -> None:
    made = reporter(lambda _: None)
    until(lambda: made.status().delivered == 3, "three deliveries")
    assert list(unheard([made.status()], MailStatus(3, 0, 1, None), NOW)) == []
    made.close()


def test_a_monitor_that_takes_nothing_is_named_with_its_error() -> None:
    made = reporter(broken)
    until(lambda: made.status().lost == 3, "three losses")
    (text,) = unheard([made.status()], None, datetime.now(UTC))
    assert text.startswith("monitor apfmon: nothing gets through since ")
    assert text.endswith("Z: ConnectionError: connection refused (0 wait, 3 are lost)")
    made.close()


def test_what_was_lost_is_told_also_when_all_is_well_again() -> None:
    status = ReporterStatus("history", 0, 5, 1, 2, 3, None, None, 0.0)
    assert list(unheard([status], None, NOW)) == [
        "history: 3 reports could not be delivered since the factory started"
    ]


def test_a_mail_server_that_refuses() -> None:
    since = NOW - timedelta(days=1)
    status = ReporterStatus("history", 4, 0, 0, 0, 9, "disk full", since, 0.0)
    texts = list(unheard([status], MailStatus(0, 2, 4, "relay denied"), NOW))
    assert texts == [
        f"history: nothing gets through since {since:%Y-%m-%d %H:%MZ}: disk full (4 wait, 0 are lost)",
        "mail cannot be sent: relay denied",
    ]
