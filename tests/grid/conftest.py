"""The services that the tests in this folder use."""

from services import ap, condor_folder, grid, make_pool, place  # noqa: F401
