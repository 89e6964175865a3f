"""The nouns: what is known, decided and done. No input or output, no clock but the one handed in."""
