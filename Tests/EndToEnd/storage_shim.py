# The storage shim in tests: its library, and the file by which a test makes the calls of a process fail.
import ctypes
import errno
import mmap
import subprocess

from agents import ROOT

LIBRARY = ROOT / ".build/storage-shim.so"
CONTROL_BYTES = 4096

# Kinds of calls, as the shim numbers them.
OPEN, WRITE, SYNC, TRUNCATE, RENAME, UNLINK, LINK, MKDIR, DIRECTORY_SYNC = range(1, 10)
# A write over a synchronous descriptor, as LMDB writes its meta page: only in what failed.
META_WRITE = 0

# Ways to fail. A short write writes half of its bytes, and says so.
DISK_FULL, DISK_ERROR, SHORT_WRITE = errno.ENOSPC, errno.EIO, 0
# A count of calls that no test gets to the end of.
FOR_GOOD = 1 << 40


def build_shim():
    subprocess.run([ROOT / "scripts/build-storage-shim"], check=True)


class _Layout(ctypes.Structure):
    """The control file, as the head of the shim's source gives it. Each field is stored in one step."""

    _fields_ = [
        ("call_count", ctypes.c_uint64), ("fail_from", ctypes.c_uint64), ("fail_count", ctypes.c_uint64),
        ("fail_errno", ctypes.c_uint32), ("kind_mask", ctypes.c_uint32), ("failed_count", ctypes.c_uint64),
        ("failed_kinds", ctypes.c_uint64)]


class Control:
    """Rules over the calls of the processes that run with its `environment`, on files below one directory."""

    def __init__(self, path, followed):
        path.write_bytes(bytes(CONTROL_BYTES))
        with open(path, "r+b") as file:
            self._layout = _Layout.from_buffer(mmap.mmap(file.fileno(), CONTROL_BYTES))
        self._failed_before = 0
        self.environment = {
            "LD_PRELOAD": str(LIBRARY), "FASTX_SHIM_DIRECTORY": str(followed), "FASTX_SHIM_CONTROL": str(path)}

    def fail(self, code, *kinds, nth=1, count=1):
        """From now on the nth call of some kinds fails, and those after it, `count` in all."""
        self.stop()
        self._failed_before = self._layout.failed_count
        self._layout.failed_kinds = 0
        self._layout.fail_errno, self._layout.fail_count = code, count
        self._layout.kind_mask = sum(1 << kind for kind in kinds)
        self._layout.fail_from = self._layout.call_count + nth

    def stop(self):
        """Nothing fails any more."""
        self._layout.fail_from = 0

    @property
    def failed(self):
        """How many calls have really failed since `fail`."""
        return self._layout.failed_count - self._failed_before

    @property
    def failed_kinds(self):
        """Which kinds of calls have failed since `fail`."""
        return {kind for kind in range(10) if self._layout.failed_kinds >> kind & 1}

    def each_call(self, code, *kinds, count=1, patience=3):
        """Makes each call of an operation fail in its turn: the caller carries out the operation after each of these,
        until there is no further call to fail. Gives the number of the call.

        An operation makes now more calls and now fewer, so it is over with only when it has done without a call of some
        number as often as `patience` says."""
        number, misses = 1, 0
        while misses < patience:
            self.fail(code, *kinds, nth=number, count=count)
            yield number
            self.stop()
            number, misses = (number + 1, 0) if self.failed else (number, misses + 1)
