# make demo    a grid on this machine, and the factory at work on it; KEEP=1 leaves it up until Ctrl-C
# make test    everything that has to hold: style, types, all tests
# make lint | unit | grid    parts of it;  make setup    only the virtual environment;  make clean

# Tests and demo run where ordinary users can read, see bin/stage.
HERE = cd "$$(bin/stage)" && bin/setup

.PHONY: demo test lint unit lowest otherday grid fuzz bench setup clean

demo:
	@$(HERE) && .venv/bin/python misc/demo $(if $(KEEP),--keep)

test:
	@$(HERE) && bin/lint && bin/test

lint:
	@$(HERE) && bin/lint

unit:
	@$(HERE) && bin/test tests/unit

# The unit tests with the lowest versions of all dependencies that are permitted.
lowest:
	@$(HERE) && bin/lowest

# The unit tests on other days, for what holds only near the day it was written on: about as long as `make unit` for
# each. DAYS="8 2032-02-29T23:50" for days of your own, so many from now or dates.
otherday:
	@$(HERE) && for day in $(or $(DAYS),8 400); do bin/otherday $$day || exit; done

grid:
	@$(HERE) && bin/test tests/grid

# A million inputs in one run: 940,000 for the doors that others knock at, 60,000 for the configuration, of which each
# costs some ten times as much. Half an hour; RUNS=N for another number. It installs the extra `fuzz`.
fuzz:
	@$(HERE) && .venv/bin/python -m pip install -qq -e '.[fuzz]' && \
	.venv/bin/python tests/fuzz $(or $(RUNS),1000000)

# What things cost, against the bare HTCondor calls: the better part of an hour, on a machine with nothing else to do.
# NAMES="cycle status" for some of them, QUICK=1 to see that they run.
bench:
	@$(HERE) && .venv/bin/python misc/testbed build && \
	bin/as-user .venv/bin/python tests/bench $(if $(QUICK),--quick) $(NAMES)

setup:
	@bin/setup

clean:
	rm -rf .venv .venv-lowest .otherday build dist *.egg-info .ruff_cache .mypy_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
