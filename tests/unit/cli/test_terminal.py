"""What others wrote reaches the terminal as text only, by one way."""

import ast
import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from autopyfactory.api.rows import QueueRow
from autopyfactory.cli import screen, terminal
from autopyfactory.cli.statustable import table

CLI = Path(terminal.__file__).parent
EVIL = "\x1b]0;owned\x07\x1b[2J :thumbs_down: Submit:-1: [red]x[/red] [link=http://e]y[/] \u202e\x9b31m\ud800"


def printed(thing):
    made = screen.console(200)
    made.file = io.StringIO()
    made._force_terminal = True
    made.print(thing)
    return made.file.getvalue()


def test_escapes_markup_and_emoji_stay_text_in_tables():
    made = Table(EVIL, title=EVIL)
    made.add_row(EVIL)
    for text in (printed(made), printed(EVIL), printed(screen.styled((EVIL, "red"), EVIL))):
        assert "\x1b]" not in text and "\x1b[2J" not in text and "\x9b" not in text and "\u202e" not in text
        assert ":thumbs_down:" in text and "Submit:-1:" in text and "[red]x[/red]" in text
        text.encode()


def test_the_status_of_a_queue_shows_a_servers_words_as_they_are():
    answer = {"at": "2026-11-22T02:00:00+00:00", "factory": EVIL, "started": None}
    row = QueueRow(queue=EVIL, state="running", outcome="failed", reason=EVIL, trouble=EVIL)
    text = printed(table(answer, [row]))
    assert "\x1b]" not in text and "\x1b[2J" not in text and "Submit:-1:" in text


def test_echo_prints_text_only(capsys):
    terminal.echo(EVIL)
    text = capsys.readouterr().out
    assert "\x1b" not in text and "\\x1b[2J" in text


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_no_character_ends_a_command(encoding):
    code = (
        "import sys; from autopyfactory.cli import terminal; terminal.bear_any_text();"
        "terminal.echo('a\\u20ac\\ud800b'); print('a\\ud800b', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONIOENCODING": encoding}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"a") and b"ud800b" in done.stderr


def test_nothing_else_prints():
    """Every module of the command line goes through `terminal`; `check` paints what is clean already."""
    for path in CLI.glob("*.py"):
        if path.name in ("terminal.py", "screen.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert name not in ("Console", "rich.print", "print"), f"{path}:{node.lineno}"
                painted = name == "click.echo" and "problemlist.render" in ast.unparse(node)
                assert name != "click.echo" or painted, f"{path}:{node.lineno}"


def test_a_problem_with_escapes_in_it_is_shown_as_text():
    from autopyfactory.config.problemlist import render
    from autopyfactory.options.problem import Problem, Where

    problem = Problem("error", EVIL, Where(EVIL), EVIL, EVIL, EVIL, EVIL, EVIL)
    assert render([problem]).replace("\n", "").isprintable()


def test_the_plain_console_of_rich_would_not_do():
    """So that the tests above can fail."""
    plain = Console(file=io.StringIO(), width=200, force_terminal=True)
    plain.print(":thumbs_down:")
    assert ":thumbs_down:" not in plain.file.getvalue()
