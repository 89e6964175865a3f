import pytest

from autopyfactory.condor.target import Target


def test_it_names_itself_for_logs():
    assert str(Target("ap", "pool:9618")) == "ap@pool:9618"
    assert str(Target()) == "(local)"


def test_equal_targets_are_one_key():
    assert len({Target("a", "b"), Target("a", "b"), Target("a", "b", (("X", "1"),))}) == 2


@pytest.mark.parametrize("name", ['a" || true || "', "a b", "a\n", "", "a\\", "a'"])
def test_names_that_would_change_a_query_are_rejected(name):
    with pytest.raises(ValueError, match="not a"):
        Target(schedd=name)
    with pytest.raises(ValueError, match="not a"):
        Target(collector=name)


def test_settings_are_checked():
    Target(settings=(("SEC_TOKEN_DIRECTORY", "/a b"), ("SCHEDD.X", "")))
    for settings in ((("A B", "1"),), (("", "1"),), (("A", "\0"),), (("A=B", "1"),)):
        with pytest.raises(ValueError):
            Target(settings=settings)
