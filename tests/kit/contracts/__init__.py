"""What several implementations must all do: tests that are run against each of them."""

import pytest

pytest.register_assert_rewrite("contracts.history")
