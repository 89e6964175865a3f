"""Per CE: stop when pilots go wrong there, send one to see, and go on when it did well."""
