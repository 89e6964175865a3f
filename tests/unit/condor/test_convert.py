"""Values of job ads as plain data."""

import classad2

from autopyfactory.condor.convert import attribute, row

AD = classad2.ClassAd(
    '[i = 3; r = 0.5; s = "x\\"y"; t = true; u = undefined; e = error; x = i + 1; l = {1, undefined, "a"};'
    ' n = [m = 2; k = undefined]; w = absTime("2026-11-22T18:00:00+00:00")]'
)


def test_values_become_plain():
    assert row(AD, ["i", "r", "s", "t", "u", "e", "x", "l", "n", "w", "missing"]) == {
        "i": 3, "r": 0.5, "s": 'x"y', "t": True, "u": None, "e": "error", "x": "i + 1",
        "l": [1, None, "a"], "n": {"m": 2, "k": None}, "w": "2026-11-22T18:00:00+00:00", "missing": None,
    }  # fmt: skip


def test_names_are_the_callers_and_no_name_means_all():
    assert row(AD, ["I"]) == {"I": 3}
    assert set(row(AD, [])) == {"i", "r", "s", "t", "u", "e", "x", "l", "n", "w"}


def test_a_value_in_another_encoding_spoils_nothing():
    ad = classad2.ClassAd('[bad = "caf\\351"; good = 1]')
    assert attribute(ad, "bad") == "caf\\xe9"
    assert row(ad, ["bad", "good"]) == {"bad": "caf\\xe9", "good": 1}
