"""`python -m autopyfactory` is `autopyfactory`."""

from autopyfactory.cli.main import main

if __name__ == "__main__":
    main()
