"""click's side of times and durations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import click

from autopyfactory.cli.when import duration, moment


def _converter(
    read: Callable[[str], object],
) -> Callable[[click.Context, click.Parameter, str | None], object]:
    def convert(_ctx: click.Context, _param: click.Parameter, value: str | None) -> object:
        if value is None:
            return None
        try:
            return read(value)
        except (ValueError, OverflowError) as err:
            raise click.BadParameter(str(err)) from err

    return convert


def _past(text: str) -> datetime:
    return moment(text, datetime.now(UTC), past=True)


def _future(text: str) -> datetime:
    return moment(text, datetime.now(UTC))


def _span(text: str) -> timedelta:
    return duration(text)


past_time = _converter(_past)
future_time = _converter(_future)
time_span = _converter(_span)
