"""Logs: what a line looks like, which log it goes to, how few files are open, and that nobody waits."""

import logging
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.logs.setup import (
    QUEUE_PREFIX,
    CannotLog,
    LineFormatter,
    Logs,
    queue_logger,
)
from autopyfactory.logs.setup import (
    setup as set_up,
)
from autopyfactory.model.queuefolder import queue_folder
from patience import PATIENCE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


class Book:
    """A logging set-up with a factory log, and queue logs beside it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.open: list[Logs] = []

    def __call__(self, level: int = logging.INFO, queues: bool = True) -> Logs:
        made = set_up(str(self.folder / "factory.log"), level)
        if queues:
            made.keep_queue_logs(self.folder)
        self.open.append(made)
        return made

    def factory(self) -> str:
        path = self.folder / "factory.log"
        return path.read_text() if path.exists() else ""

    def queue(self, name: str) -> str:
        path = self.folder / "queues" / f"{queue_folder(name)}.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def book(folder: Path) -> Iterator[Book]:
    made = Book(folder)
    yield made
    for open_ in made.open:
        open_.close()


# --- what a line looks like ---------------------------------------------------------------------


def line(message: str, name: str = "autopyfactory.x", level: int = logging.INFO, names: bool = True) -> str:
    record = logging.LogRecord(name, level, "f", 1, message, None, None)
    record.created = 1795370400.5
    return LineFormatter(names).format(record)


def test_a_line() -> None:
    assert line("text") == "2026-11-22 18:00:00Z INFO  text"
    assert line("text", level=logging.WARNING) == "2026-11-22 18:00:00Z WARNING text"


def test_times_are_utc_wherever_the_factory_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert line("text").startswith("2026-11-22 18:00:00Z")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_who_said_it() -> None:
    assert line("text", "autopyfactory.queue.A.b/c").endswith("INFO  [A.b/c] text")
    assert line("text", "autopyfactory.queue.A", names=False).endswith("INFO  text")
    assert line("text", "urllib3.pool").endswith("INFO  [urllib3.pool] text")


def test_no_text_can_pass_for_a_record() -> None:
    shown = line("bad\n2026-11-22 18:00:00Z INFO  forged\r\x1b[31mred\x00")
    assert shown.splitlines()[1] == "    2026-11-22 18:00:00Z INFO  forged\\x0d\\x1b[31mred\\x00"


def test_tracebacks_are_indented(book: Book) -> None:
    book()
    try:
        raise RuntimeError("inner")
    except RuntimeError:
        logging.getLogger("autopyfactory.x").exception("outer")
    lines = book.factory().splitlines()
    assert lines[0].endswith("ERROR outer")
    assert lines[-1] == "    RuntimeError: inner"
    assert all(text.startswith("    ") for text in lines[1:])


# --- which log it goes to -----------------------------------------------------------------------


def test_each_queue_has_its_own_log(book: Book) -> None:
    book()
    queue_logger("Q1").info("one")
    queue_logger("Q2").info("two")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ INFO  one\n", book.queue("Q1"))
    assert book.queue("Q2").endswith("INFO  two\n")
    assert book.factory() == ""


def test_what_is_worth_a_warning_is_in_the_factory_log_too(book: Book) -> None:
    book()
    queue_logger("Q1").warning("careful")
    assert book.queue("Q1").endswith("WARNING careful\n")
    assert book.factory().endswith("WARNING [Q1] careful\n")


def test_when_debugging_everything_is_in_the_factory_log(book: Book) -> None:
    book(logging.DEBUG)
    queue_logger("Q1").debug("detail")
    assert book.queue("Q1").endswith("DEBUG detail\n")
    assert book.factory().endswith("DEBUG [Q1] detail\n")


def test_a_quiet_factory_still_keeps_its_queues_logs(book: Book) -> None:
    book(logging.WARNING)
    queue_logger("Q1").info("cycle")
    queue_logger("Q1").debug("detail")
    logging.getLogger("autopyfactory.x").info("quiet")
    assert book.queue("Q1").endswith("INFO  cycle\n")
    assert "detail" not in book.queue("Q1")
    assert book.factory() == ""


def test_without_queue_logs_all_is_in_the_factory_log(book: Book) -> None:
    book(queues=False)
    queue_logger("Q1").info("cycle")
    assert book.factory().endswith("INFO  [Q1] cycle\n")


def test_a_name_with_a_dot_is_not_another_queues_child(book: Book) -> None:
    book()
    queue_logger("A")
    queue_logger("A.B").info("mine")
    assert book.queue("A.B").endswith("mine\n")
    assert book.queue("A") == ""


def test_what_others_say_is_heard_from_warning_on(book: Book) -> None:
    book(logging.DEBUG)
    logging.getLogger("urllib3.pool").debug("GET /?token=secret")
    logging.getLogger("urllib3.pool").warning("retrying")
    assert book.factory().endswith("WARNING [urllib3.pool] retrying\n")
    assert "secret" not in book.factory()


def test_closing_gives_logging_back(folder: Path) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    book = set_up(str(folder / "x.log"))
    book.start()
    assert book.close()
    assert (list(root.handlers), root.level) == before


# --- few open files -----------------------------------------------------------------------------


def test_a_thousand_queues_need_few_open_files(book: Book) -> None:
    made = book()
    before = len(os.listdir("/proc/self/fd"))
    for turn in range(2):
        for n in range(1000):
            queue_logger(f"Q{n}").info("turn %d", turn)
    assert len(os.listdir("/proc/self/fd")) - before <= 64
    assert made.queues is not None
    assert made.queues.open_files == 64
    for n in range(1000):
        assert [text[27:] for text in book.queue(f"Q{n}").splitlines()] == ["turn 0", "turn 1"]


# --- rotation and trouble -----------------------------------------------------------------------


def test_a_rotated_file_is_followed_without_a_signal(book: Book, folder: Path) -> None:
    book()
    log = logging.getLogger("autopyfactory.x")
    log.info("one")
    (folder / "factory.log").rename(folder / "factory.log.1")
    log.info("two")
    assert (folder / "factory.log.1").read_text().endswith("one\n")
    assert book.factory().endswith("two\n")


def test_reopening_closes_every_file(book: Book, folder: Path) -> None:
    made = book()
    made.start()
    queue_logger("Q1").warning("one")
    made.reopen()
    assert made.flush()
    assert not [f for f in os.listdir("/proc/self/fd") if _leads_into(f, folder)]
    queue_logger("Q1").warning("two")
    assert made.flush()
    assert [text[-3:] for text in book.queue("Q1").splitlines()] == ["one", "two"]


def _leads_into(fd: str, folder: Path) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith(str(folder))
    except FileNotFoundError:  # the descriptor that listed the others
        return False


def test_a_log_that_cannot_be_opened(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(CannotLog, match="file"):
        set_up(str(folder / "file" / "x.log"))


def test_syslog_that_is_not_there(folder: Path) -> None:
    with pytest.raises(CannotLog, match="syslog"):
        set_up("syslog", syslog_socket=str(folder / "log"))


def test_syslog(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(folder / "log"))
        daemon.settimeout(PATIENCE)
        made = set_up("syslog", syslog_socket=str(folder / "log"))
        logging.getLogger("autopyfactory.x").error("to syslog\nin two lines")
        got = daemon.recv(4096).decode()
        made.close()
    assert got == f"<27>autopyfactory[{os.getpid()}]: ERROR to syslog\n    in two lines"


def test_bad_arguments_of_a_log_call_raise_nothing(book: Book, capsys: pytest.CaptureFixture[str]) -> None:
    made = book()
    bad = logging.LogRecord("autopyfactory.x", logging.INFO, "f", 1, "%d", ("no number",), None)
    made._entry.handle(bad)
    logging.getLogger("autopyfactory.x").info("good")
    assert book.factory().endswith("good\n")
    assert "no number" in capsys.readouterr().err


# --- nobody waits -------------------------------------------------------------------------------


def test_a_forked_child_logs_by_itself(book: Book) -> None:
    made = book()
    made.start()
    child = os.fork()
    if child == 0:
        logging.getLogger("autopyfactory.x").info("from the child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert book.factory().endswith("from the child\n")


def test_records_hold_what_was_true_when_they_were_made(book: Book) -> None:
    made = book()
    made.start()
    changing = ["before"]
    logging.getLogger("autopyfactory.x").info("%s", changing)
    changing[0] = "after"
    assert made.flush()
    assert book.factory().endswith("['before']\n")


def test_warnings_of_python_are_logged(book: Book) -> None:
    import warnings

    book()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old way", stacklevel=1)
    assert "[py.warnings]" in book.factory()
    assert QUEUE_PREFIX == "autopyfactory.queue."
