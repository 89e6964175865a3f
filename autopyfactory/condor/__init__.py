"""The only package that talks to HTCondor: every schedd or collector through one expendable child process.

The HTCondor bindings hold the interpreter lock during every call, also while they wait for a daemon that
does not answer. They are therefore imported in the child process only (`worker`, `operations`, `convert`);
everything else here runs in the factory and never blocks longer than the deadline it was given.

This file imports nothing, so that the child process starts quickly.
"""
