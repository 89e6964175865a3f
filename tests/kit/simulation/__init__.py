"""The protocol of `accounting`, driven by one seed in virtual time through every fault that we can tell."""
