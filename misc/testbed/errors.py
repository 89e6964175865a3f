"""What can go wrong, in one line that says what to do."""


class TestbedError(Exception):
    """A service did not start, answer or stop; the message holds what its log said."""

    __test__ = False  # pytest collects classes by the name's first four letters


class Unavailable(TestbedError):
    """This machine cannot provide a service at all; the message says what is missing and how to get it."""
