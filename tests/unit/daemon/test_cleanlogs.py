"""What is deleted from the pilots' log tree, and above all what is not."""

import contextlib
import hashlib
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.daemon.cleanlogs import SAFE, SMALL, Cleaner, CleanReport, Retention, done
from autopyfactory.logs import packed
from autopyfactory.web import logfiles

NOW = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)


class StoppedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class Tree:
    """A tree of pilots' logs."""

    def __init__(self, base: Path):
        self.base = base

    def add(self, days_ago: int, queue: str = "Q", quiet: float | None = None) -> Path:
        """Make a queue's folder of some day; `quiet`: days since it was last written."""
        folder = self.base / f"{NOW - timedelta(days=days_ago):%Y-%m-%d}" / queue
        folder.mkdir(parents=True)
        (folder / "1.0.log").write_text("x")
        when = (NOW - timedelta(days=days_ago if quiet is None else quiet)).timestamp()
        for path in (folder / "1.0.log", folder):
            os.utime(path, (when, when))
        return folder

    def clean(self, default: int | None = None, **queues: int) -> tuple[int, tuple[str, ...]]:
        report = self.passed(default=default, queues=queues)
        return report.removed, report.errors

    def passed(self, **retention: object) -> CleanReport:
        """Make one pass."""
        return Cleaner(Retention(self.base, **retention), StoppedClock()).clean()  # type: ignore[arg-type]

    def write(self, days_ago: int, name: str, data: bytes, quiet: float | None = None) -> Path:
        """Write a file of a pilot; `quiet`: days since."""
        folder = self.base / f"{NOW - timedelta(days=days_ago):%Y-%m-%d}" / "Q"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(data)
        when = (NOW - timedelta(days=days_ago if quiet is None else quiet)).timestamp()
        for one in (path, folder):
            os.utime(one, (when, when))
        return path

    def read(self, path: Path, offset: int = 0, length: int = logfiles.MOST) -> str:
        """Return what the pages show of a file."""
        day, queue = path.parent.parent.name, path.parent.name
        return logfiles.part(self.base, day, queue, path.name, offset, length).text


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "logs")


def test_older_than_the_days_to_keep_goes(tree: Tree) -> None:
    kept, gone = tree.add(7), tree.add(8)
    assert tree.clean(7) == (1, ())
    assert kept.exists()
    assert not gone.parent.exists(), "the empty day goes as well"


def test_unset_keeps_for_ever(tree: Tree) -> None:
    tree.add(4000)
    assert tree.clean(None) == (0, ())


def test_zero_keeps_today_only(tree: Tree) -> None:
    today, yesterday, before = tree.add(0), tree.add(1, quiet=0.9), tree.add(2)
    assert tree.clean(0) == (1, ())
    assert today.exists()
    assert yesterday.exists(), "written less than a day ago: its pilots may still run"
    assert not before.exists()


def test_the_queues_own_days_beat_the_factorys(tree: Tree) -> None:
    short, long, other = tree.add(5, "short"), tree.add(20, "long"), tree.add(20, "other")
    assert tree.clean(10, short=3, long=30) == (2, ())
    assert not short.exists()
    assert long.exists()
    assert not other.exists(), "a queue without its own days, or unknown, follows the factory"


def test_a_queue_may_be_cleaned_though_the_factory_keeps(tree: Tree) -> None:
    gone, kept = tree.add(5, "a"), tree.add(5, "b")
    assert tree.clean(None, a=1) == (1, ())
    assert (gone.exists(), kept.exists()) == (False, True)


def test_a_folder_still_written_to_is_protected(tree: Tree) -> None:
    running = tree.add(30, quiet=0.1)
    assert tree.clean(7) == (0, ())
    assert running.exists()
    os.utime(running / "1.0.log", (0, 0))
    os.utime(running, (0, 0))
    assert tree.clean(7) == (1, ())


def test_names_are_matched_as_they_are_on_disk(tree: Tree) -> None:
    from autopyfactory.plugins.batchsubmit.logtree import queue_folder

    gone = tree.add(5, queue_folder("site/ce:9619"))
    assert tree.clean(None, **{queue_folder("site/ce:9619"): 1}) == (1, ())
    assert not gone.exists()


def test_what_is_not_ours_stays(tree: Tree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    for name in ("2026-1-1", "2026-02-30", "notes", "x2026-01-01"):
        (tree.base / name / "Q").mkdir(parents=True)
    day = tree.add(30).parent
    (day / "link").symlink_to(outside)
    (day / "queues.conf").touch()
    (tree.base / "2026-01-02").symlink_to(outside)
    assert tree.clean(0) == (1, ())
    assert (outside / "precious").exists()
    assert (day / "link").is_symlink()
    assert (day / "queues.conf").exists()
    assert len(list(tree.base.iterdir())) == 6


def test_days_to_come_stay(tree: Tree) -> None:
    ahead = tree.add(-3, quiet=400)
    assert tree.clean(0) == (0, ())
    assert ahead.exists()


def test_trouble_in_one_folder_does_not_stop_the_others(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    stuck, gone = tree.add(31, "a"), tree.add(30, "b")
    real = shutil.rmtree

    def rmtree(path: Path) -> None:
        if path == stuck:
            raise PermissionError(13, "Permission denied", str(path))
        real(path)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    removed, errors = tree.clean(1)
    assert removed == 1
    assert len(errors) == 1
    assert str(stuck) in errors[0]
    assert not gone.exists()


def test_no_tree_is_no_trouble(tree: Tree) -> None:
    assert tree.clean(1) == (0, ())


@given(st.integers(0, 60), st.floats(0, 60), st.none() | st.integers(0, 40), st.none() | st.integers(0, 40))
def test_nothing_goes_before_its_time(
    tmp_path_factory: pytest.TempPathFactory, age: int, quiet: float, default: int | None, own: int | None
) -> None:
    tree = Tree(tmp_path_factory.mktemp("t"))
    folder = tree.add(age, "Q", min(quiet, age))
    tree.clean(default, **({} if own is None else {"Q": own}))
    days = default if own is None else own
    due = days is not None and age > days and min(quiet, age) > max(1, days)
    assert folder.exists() == (not due)


TEXT = b"".join(b"%06d what a pilot says\n" % i for i in range(100_000))  # 2.8 MB, several frames


def test_closed_days_are_compressed_and_read_as_before(tree: Tree) -> None:
    path = tree.write(5, "7.0.out", TEXT)
    path.chmod(0o640)
    before = path.stat()
    report = tree.passed(compress=2)
    assert (report.compressed, report.errors) == (1, ())
    assert report.saved > len(TEXT) / 2
    kept = path.with_name("7.0.out.zst")
    assert (path.exists(), kept.stat().st_mode, kept.stat().st_mtime_ns) == (
        False, before.st_mode, before.st_mtime_ns,
    )  # fmt: skip
    assert tree.read(path, 1_500_000, 56) == TEXT[1_500_000:1_500_056].decode()
    assert tree.read(path, -28) == TEXT[-28:].decode()
    head, tail = logfiles.excerpts(tree.base, path.parent.parent.name, "Q", path.name)
    assert head.size == len(TEXT)
    assert TEXT.startswith(head.text.encode())
    assert TEXT.endswith(tail.text.encode())
    (entry,) = logfiles.files(tree.base, path.parent.parent.name, "Q")
    assert (entry.name, entry.size) == ("7.0.out", len(TEXT))


def test_zstd_itself_reads_them(tree: Tree) -> None:
    path = tree.write(5, "7.0.out", TEXT)
    tree.passed(compress=2)
    import zstandard

    with path.with_name("7.0.out.zst").open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        assert hashlib.sha256(reader.read()).digest() == hashlib.sha256(TEXT).digest()


def test_what_is_open_small_or_not_a_pilots_stays_plain(tree: Tree) -> None:
    kept = [
        tree.write(5, "1.0.out", TEXT, quiet=1),  # it may still be written to
        tree.write(5, "2.0.log", b"x" * (SMALL - 1)),
        tree.write(5, "submit.3.jdl", TEXT),
        tree.write(2, "4.0.err", TEXT),
    ]
    outside = tree.base.parent / "outside"
    outside.write_bytes(TEXT)
    (kept[0].parent / "5.0.out").symlink_to(outside)
    assert tree.passed(compress=2).compressed == 0
    assert all(path.exists() for path in kept)
    assert outside.read_bytes() == TEXT


def test_what_is_written_after_that_is_shown_behind_it_and_joined_later(tree: Tree) -> None:
    path = tree.write(9, "7.0.log", TEXT)
    tree.passed(compress=2)
    tree.write(9, "7.0.log", b"late words\n" * 500, quiet=1)
    assert tree.read(path, len(TEXT) - 28, 28 + 11) == TEXT[-28:].decode() + "late words\n"
    assert tree.passed(compress=2).compressed == 0
    tree.write(9, "7.0.log", b"late words\n" * 500, quiet=3)
    assert tree.passed(compress=2).compressed == 1
    assert not path.exists()
    assert tree.read(path, len(TEXT) - 28, 28 + 11) == TEXT[-28:].decode() + "late words\n"


def test_a_pass_that_was_cut_short_at_any_point_loses_nothing(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in ("pack", "rename", "unlink"):
        path = tree.write(9, "7.0.out", TEXT)

        def cut(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as during:
            during.setattr(packed if step == "pack" else os, step, cut)
            with pytest.raises(KeyboardInterrupt):
                tree.passed(compress=2)
        assert tree.read(path, -28) == TEXT[-28:].decode(), step
        assert tree.passed(compress=2).compressed == 1, step
        assert [f.name for f in path.parent.iterdir()] == ["7.0.out.zst"], step
        assert tree.read(path, 0, 28) == TEXT[:28].decode(), step
        path.with_name("7.0.out.zst").unlink()


@pytest.mark.parametrize("name", ["7.0.log", "7.0.out", "7.3.log"])
@pytest.mark.parametrize("underway", [{"Q": ["7"]}, {"Q": ["1", ""]}, {"Q": ["7"], "R": ["1"]}])
def test_what_may_still_be_written_to_stays_until_the_book_has_closed_it(
    tree: Tree, tmp_path: Path, name: str, underway: dict[str, list[str]]
) -> None:
    """A pilot that has waited for days: its gridmanager writes the next event to the log where it began."""
    path, notes = tree.write(9, name, TEXT), tmp_path / "notes.json"
    other = tree.write(9, "8.0.log", TEXT)
    rules = {"compress": 2, "most_files": 100, "notes": notes}
    tree.passed(underway=underway, **rules)
    assert path.exists()
    assert other.exists() == ("" in underway["Q"]), "where a cluster is not known all of the queue's stay"
    assert tree.passed(underway={"Q": ["77"], "R": ["7"]}, **rules).compressed >= 1
    assert not path.exists() and path.with_name(f"{name}.zst").exists(), "that day was not done"


def test_what_is_underway_reaches_the_process_that_cleans(tree: Tree) -> None:
    for known in ({"Q": ["7", ""]}, {}, None):
        retention = Retention(tree.base, underway=known)
        assert Retention.from_json(retention.to_json()) == retention


def test_compressing_makes_no_folder_younger(tree: Tree) -> None:
    path = tree.write(9, "7.0.out", TEXT)
    tree.passed(compress=2)
    assert tree.clean(8) == (1, ())
    assert not path.parent.exists()


@pytest.mark.parametrize("damage", [b"", b"x" * 40, b"\0" * 5000])
def test_a_damaged_file_is_told_and_harms_nobody(tree: Tree, damage: bytes) -> None:
    path = tree.write(9, "7.0.out.zst", damage)
    with pytest.raises(logfiles.NoSuchLog, match="cannot be read"):
        tree.read(path.with_name("7.0.out"))
    tree.write(9, "7.0.out", TEXT, quiet=5)
    good = tree.write(9, "8.0.out", TEXT)
    report = tree.passed(compress=2)
    assert "7.0.out" in "".join(report.errors)
    assert path.with_name("7.0.out").exists(), "what cannot be joined stays"
    assert not good.exists()


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.integers(0, 2500), st.integers(0, 2500))
def test_any_part_of_what_is_packed_is_that_part_of_the_original(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], start: int, length: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "packed"
    with path.open("w+b") as file:
        packed.pack(pieces, file.fileno())
        where = packed.frames(file.fileno())
        assert packed.read(file.fileno(), where, start, length) == b"".join(pieces)[start : start + length]
        assert b"".join(packed.unpacked(file.fileno())) == b"".join(pieces)


@given(st.integers(0, 400), st.binary(min_size=1, max_size=20))
def test_damage_anywhere_is_noticed_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, at: int, garbage: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    with path.open("w+b") as file:
        packed.pack([b"a" * 3000, os.urandom(200), b"b" * 100], file.fileno())
        os.pwrite(file.fileno(), garbage, at)
        with contextlib.suppress(packed.Damaged):
            assert len(packed.read(file.fileno(), packed.frames(file.fileno()), 0, 5000)) <= 5000


# --- limits: the tree as a whole ----------------------------------------------------------------------


def test_too_many_bytes_take_the_oldest_and_no_more(tree: Tree) -> None:
    folders = [tree.write(days, "1.0.out", os.urandom(200_000)).parent for days in (9, 7, 5, 3)]
    report = tree.passed(most_bytes=500_000)
    assert (report.early, report.errors) == (2, ())
    assert [f.exists() for f in folders] == [False, False, True, True]
    assert not folders[0].parent.exists()
    assert tree.passed(most_bytes=500_000).early == 0


def test_too_many_files_take_the_oldest(tree: Tree) -> None:
    for days in (9, 7, 5):
        for n in range(4):
            tree.write(days, f"{n}.0.log", b"x")
    assert tree.passed(most_files=9).early == 1
    assert len(list(tree.base.glob("*/*/*"))) == 8


# --- pilots that may live ------------------------------------------------------------------------------


_NAMES = st.sampled_from(
    ["7.0.log", "7.0.out", "8.12.err", "submit.7.jdl", "78.7.log", "8.0.out.zst", "core.7"]
)


@given(
    files=st.lists(st.tuples(st.integers(1, 40), _NAMES, st.floats(0, 40)), min_size=1, max_size=8),
    underway=st.none() | st.frozensets(st.sampled_from(["7", "8", ""])),
    rules=st.fixed_dictionaries(
        {},
        optional={
            "default": st.integers(0, 40), "compress": st.integers(1, 40),
            "most_bytes": st.just(1), "most_files": st.integers(1, 3),
        },
    ),
)  # fmt: skip
def test_no_limit_touches_a_pilot_that_may_live(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[tuple[int, str, float]],
    underway: frozenset[str] | None,
    rules: dict[str, int],
) -> None:
    tree = Tree(tmp_path_factory.mktemp("t"))
    ages: dict[Path, tuple[int, float]] = {}
    for ago, name, quiet in files:
        data = packed_text() if name.endswith(".zst") else os.urandom(SMALL)
        ages[tree.write(ago, name, data, quiet=min(quiet, ago))] = ago, min(quiet, ago)
    known = ["", "7", "8"] if underway is None else sorted(underway)
    tree.passed(underway=None if underway is None else {"Q": known}, **rules)
    for path, (ago, quiet) in ages.items():
        cluster = path.name.split(".")[path.name.startswith("submit.")]
        named = underway is not None and cluster in underway and path.name != "core.7"
        young = "" in known and (ago <= SAFE or quiet < SAFE)
        if named or young:
            assert path.exists()


def packed_text() -> bytes:
    import zstandard

    return zstandard.compress(b"what a pilot said")


def test_of_a_folder_with_a_living_pilot_the_others_go(tree: Tree) -> None:
    living = tree.write(9, "7.0.log", b"waits", quiet=9)
    gone = [tree.write(9, name, b"x" * 9000, quiet=9) for name in ("8.0.out", "submit.8.jdl", "77.0.log")]
    unnamed = tree.write(9, "payload.root", b"of 7, perhaps", quiet=9)
    before = living.parent.stat().st_mtime_ns
    report = tree.passed(default=3, underway={"Q": ["7"]})
    assert (report.removed, report.kept, report.errors) == (0, 1, ())
    assert (living.read_bytes(), unnamed.exists()) == (b"waits", True)
    assert not any(path.exists() for path in gone)
    assert living.parent.stat().st_mtime_ns == before, "it is no younger for that"
    assert tree.passed(default=3, underway={"Q": ["9"], "R": ["7"]}).removed == 1, "it has ended"


def test_a_limit_that_pilots_keep_from_being_kept_is_told(tree: Tree) -> None:
    living = tree.write(9, "7.0.out", os.urandom(100_000))
    other = tree.write(8, "8.0.out", os.urandom(100_000))
    report = tree.passed(most_bytes=1000, underway={"Q": ["7"]})
    assert (living.exists(), other.exists()) == (True, False)
    assert (report.early, report.kept) == (1, 1)
    assert "larger than it may be" in report.errors[0]
    assert str(living.parent) in report.errors[0]
    assert "1 folders that would go" in done(asdict(report))


def test_where_the_book_cannot_tell_nothing_young_goes(tree: Tree) -> None:
    young, old = tree.add(SAFE), tree.add(SAFE + 1, quiet=SAFE + 0.5)
    report = tree.passed(default=1, most_files=1, compress=1, underway=None)
    assert (young.exists(), old.exists()) == (True, False)
    assert "cannot be asked" in report.errors[0]
    sure = tree.add(5, "sure")
    assert tree.passed(default=1, underway={"Q": [""]}).removed == 1, "only of that queue it cannot tell"
    assert (young.exists(), sure.exists()) == (True, False)


def test_the_folder_stays_for_what_a_schedd_elsewhere_will_bring_back(tree: Tree, tmp_path: Path) -> None:
    """Spooled pilots have no file here until they end, when the log tree is published."""
    private = Tree(tmp_path / "submitted")
    folder, described = tree.add(9), private.write(9, "submit.7.jdl", b"queue 1")
    rules = {"default": 3, "private": private.base}
    assert tree.passed(underway={"Q": ["7"]}, **rules).removed == 0
    assert folder.exists() and described.exists()
    assert tree.passed(underway={}, **rules).removed == 2
    assert not folder.exists() and not described.exists()


def test_a_pass_over_midnight_stays_with_the_days_that_the_book_was_asked_about(tree: Tree) -> None:
    """What was sent after the book was asked is in no day that the pass looks at, however long it takes."""

    class Days(StoppedClock):
        asked = 0

        def now(self) -> datetime:
            self.asked += 1
            return NOW if self.asked == 1 else NOW + timedelta(days=9)

    today, gone = tree.write(0, "7.0.out", TEXT), tree.write(9, "6.0.out", TEXT)
    Cleaner(Retention(tree.base, 1, compress=1, most_files=1), Days()).clean()
    assert (today.exists(), gone.exists()) == (True, False)


def test_a_limit_touches_nothing_that_may_still_be_written_to(tree: Tree) -> None:
    running = tree.write(9, "1.0.out", os.urandom(100_000), quiet=0.5)
    yesterday = tree.write(1, "2.0.out", os.urandom(100_000))
    today = tree.write(0, "3.0.out", os.urandom(100_000), quiet=0)
    report = tree.passed(most_bytes=1000)
    assert report.early == 0
    assert all(path.exists() for path in (running, yesterday, today))
    assert "larger than it may be" in report.errors[0]


def test_days_that_are_done_are_not_looked_at_again(tree: Tree, tmp_path: Path) -> None:
    path = tree.write(9, "1.0.out", TEXT)
    notes = tmp_path / "logtree.json"
    rules = {"compress": 2, "most_files": 100, "notes": notes}
    assert tree.passed(**rules).compressed == 1
    late = tree.write(9, "2.0.out", TEXT, quiet=8)
    assert tree.passed(**rules).compressed == 0, "this day was done"
    assert late.exists()
    assert tree.read(late, 0, 28), "and is read all the same"
    notes.write_text("[]")
    assert tree.passed(**rules).compressed == 1, "notes that cannot be read are made anew"
    assert not path.exists()


def test_a_pass_rests_longer_than_it_works(tree: Tree) -> None:
    for n in range(3000):
        tree.write(30, f"{n}.0.out", b"x")
    rested: list[float] = []

    class Stop:
        def is_set(self) -> bool:
            return False

        def wait(self, seconds: float) -> None:
            rested.append(seconds)

    began = time.monotonic()
    Cleaner(Retention(tree.base, 7), StoppedClock(), Stop()).clean()  # type: ignore[arg-type]
    worked = time.monotonic() - began
    assert not list(tree.base.iterdir())
    assert sum(rested) > 2 * (worked - 0.1) or worked < 0.1
