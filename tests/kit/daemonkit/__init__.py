"""Real daemon processes around a fake factory, for tests."""
