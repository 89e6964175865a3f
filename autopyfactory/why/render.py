"""A story as lines of text."""

from __future__ import annotations

from datetime import datetime

from autopyfactory.model.text import capital, clock, count, sentence, since, span
from autopyfactory.why.model import Cause, Run, Story

WHO = {
    "site": "the site has to act",
    "credentials": "who looks after credentials has to act",
    "work": "who feeds the WMS has to act",
}
"""Who has to act when it is not the factory's operator."""


def render(story: Story, *, runs: int = 5) -> list[str]:
    """Return `story` as lines for a terminal; `runs`: how many earlier stretches of cycles to tell."""
    lines = [_where(story), "", capital(sentence(story.headline))]
    if story.causes:
        lines += ["", "Why:"]
        lines += [line for cause in story.causes for line in cause_lines(cause, story.asked_at)]
    if story.next:
        lines += ["", "Next:", *(f"  {i}. {capital(sentence(text))}" for i, text in enumerate(story.next, 1))]
    if story.known:
        lines += ["", "It knew:", *(f"  {text}" for text in story.known)]
    if story.steps:
        lines += ["", "The rules:", *(f"  {text}" for text in story.steps)]
    if runs and story.runs:
        lines += ["", "Lately:", *(f"  {_run(run, story)}" for run in story.runs[:runs])]
    return lines


def _where(story: Story) -> str:
    source = "from the running factory" if story.from_factory else "from the history"
    if story.at is None:
        return f"{story.queue} ({source})"
    age = (story.asked_at - story.at).total_seconds()
    return f"{story.queue}, cycle of {clock(story.at, story.asked_at)}, {span(age)} ago ({source})"


def cause_lines(cause: Cause, now: datetime) -> list[str]:
    """Return a cause as lines, at `now`: what it is, who has to act, and what somebody else said of it."""
    who = f" [{WHO[cause.who]}]" if cause.who in WHO else ""
    lines = [f"  * {capital(cause.words)}{since(cause.since, now)}.{who}"]
    if cause.example:
        lines.append(f'    "{_short(cause.example)}"')
    return lines


def _short(text: str, longest: int = 400) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[:longest]} ..."


def _run(run: Run, story: Story) -> str:
    start, end = clock(run.since, story.asked_at), clock(run.until, story.asked_at)
    when = start if start == end else f"{start} to {end}"
    return f"{when}, {count(run.cycles, 'cycle')}: {_short(run.words, 160)}"
