"""Options, declared once: bound, described and complained about from one declaration."""
