# The one way in which tests wait: for a condition, with a deadline.
import time


class NotInTime(AssertionError):
    """What was waited for did not happen."""


def eventually(check, what, within=10.0, every=0.05):
    """Calls `check` until its result is true, and returns that. An assertion that fails in it counts as not yet."""
    deadline = time.monotonic() + within
    last = None
    while True:
        try:
            last = check()
            if last:
                return last
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise NotInTime(f"not within {within} s: {what}; at last: {str(last)[:2000]}")
        time.sleep(every)
