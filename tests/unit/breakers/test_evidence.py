"""What many pilots show together."""

from __future__ import annotations

from autopyfactory.breakers.evidence import Evidence, Kind, verdict


def pilot(n: int, kind: Kind = "failed", host: str = "", words: str = "exit code 1") -> Evidence:
    return Evidence(f"p{n}", kind, float(n), words, sent=n - 2.0, began=n - 1.0, wall=1.0, host=host)


def test_a_black_hole_is_named_and_does_not_make_the_site_look_bad() -> None:
    good = [pilot(n, "well", f"node{n}") for n in range(4)]
    swallowed = [pilot(100 + n, host="node7") for n in range(12)]
    found = verdict([*good, *swallowed])
    assert found.nodes == ("node7 (12)",)
    assert (len(found.bad), len(found.good)) == (0, 4)
    assert not found.convicts(5, 0.8)


def test_where_no_node_does_well_it_is_the_site_or_the_pilots() -> None:
    found = verdict([pilot(n, host=f"node{n % 3}") for n in range(12)])
    assert found.nodes == ()
    assert found.convicts(5, 0.8)


def test_more_bad_nodes_than_good_ones_are_the_site() -> None:
    bad = [pilot(10 * h + n, host=f"bad{h}") for h in range(4) for n in range(4)]
    assert verdict([*bad, pilot(1, "well", "good")]).convicts(5, 0.8)


def test_a_node_that_did_well_since_is_none_to_name() -> None:
    swallowed = [pilot(n, host="node7") for n in range(12)]
    mended = pilot(50, "well", "node7")
    assert verdict([*swallowed, mended, pilot(60, "well", "node1")]).nodes == ()


def test_held_pilots_speak_of_no_node() -> None:
    held = [pilot(n, "held", "node7", "the CE says no") for n in range(6)]
    found = verdict([*held, pilot(50, "well", "node1")])
    assert (len(found.bad), found.nodes) == (6, ())


def test_words_name_what_went_wrong_most() -> None:
    found = verdict([*(pilot(n) for n in range(4)), pilot(8, words="exit code 2"), pilot(9, "well")])
    assert found.words == "5 of the last 6 pilots went wrong: 4 exit code 1; 1 exit code 2"


def test_pilots_from_good_times_that_end_now_say_nothing_of_now() -> None:
    old = [Evidence(f"o{n}", "well", 1000.0 + n, sent=1.0, began=2.0) for n in range(30)]
    new = [Evidence(f"n{n}", "failed", 1000.0 + n, "exit code 1", sent=900.0, began=901.0) for n in range(20)]
    assert verdict([*old, *new]).convicts(5, 0.8)


def test_newer_means_what_the_bad_one_failed_at() -> None:
    """A pilot that its CE had taken before says nothing of hand-over, even if it starts later."""
    held = Evidence("a", "held", 50.0, sent=40.0)
    failed = Evidence("b", "failed", 50.0, sent=10.0, began=45.0)
    started_later = Evidence("c", "well", 99.0, sent=20.0, began=60.0)
    sent_later = Evidence("d", "well", 99.0, sent=60.0, began=61.0)
    assert not started_later.newer_than(held)
    assert started_later.newer_than(failed)
    assert sent_later.newer_than(held)
