# How the tests of a run are spread over processes (pytest -n): whole files, the longest first; and how these end.
import contextlib
import os
import signal
from pathlib import Path

import pytest

from users import Process
from waiting import eventually

# How many times longer than others the tests take that are marked as slow.
SLOW_WEIGHT = 8
# How long a process may take to end what its tests have started.
END_SECONDS = 60


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Part())
    elif config.getoption("numprocesses", None):
        config.pluginmanager.register(Whole())


class Part:
    """One of the processes."""

    def __init__(self):
        self._is_interrupted = False

    # After those that are not asked for have been left out.
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        """The file that takes longest begins first, so that in the end no process is busy for long while the others are
        through. The tests of a file share what they have started."""
        weights = {}
        for item in items:
            weight = SLOW_WEIGHT if item.get_closest_marker("slow") else 1
            weights[item.path] = weights.get(item.path, 0) + weight
        items.sort(key=lambda item: -weights[item.path])

    def pytest_keyboard_interrupt(self):
        # From here on the fixtures are torn down, which nothing may interrupt.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._is_interrupted = True

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self):
        if self._is_interrupted:
            os._exit(pytest.ExitCode.INTERRUPTED)


class Whole:
    """The process that the others work for: all that it has started are these."""

    def pytest_keyboard_interrupt(self):
        """Whoever ends the run ends what its tests have started. pytest-xdist would leave them a few seconds for it."""
        parts = [Process(int(pid)) for task in Path("/proc/self/task").iterdir()
                 for pid in (task / "children").read_text().split()]
        for part in parts:
            with contextlib.suppress(ProcessLookupError):
                os.kill(part.pid, signal.SIGTERM)
        eventually(
            lambda: not [part for part in parts if part.is_alive], "the processes have ended", within=END_SECONDS)
