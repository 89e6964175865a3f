"""Stand-in servers on 127.0.0.1 for the tests: strict about what real ones insist on, with their quirks."""
