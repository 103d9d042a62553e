# What tests need of the host that they run on. Where it is missing they fail and say so: none is left out.
import os

import pytest


def needs(condition, sentence):
    """Fails the test with a sentence where a condition does not hold."""
    if not condition:
        pytest.fail(sentence, pytrace=False)


def needs_root(what):
    """Fails the test where it does not run as root, which some things take: `what` is done here."""
    needs(os.geteuid() == 0, f"{what}, which only root may do: run the tests as root")
