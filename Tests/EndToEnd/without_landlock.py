# Runs a program where Landlock is not there, as on a host that has switched it off at boot.
import ctypes
import os
import struct
import sys

CREATE_RULESET, NO_SUCH_CALL = 444, 38
SET_NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER_MODE = 38, 22, 2
# Of a filter in the kernel's own language: load a word, compare it, return.
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000

rules = [(LOAD, 0, 0, 0), (EQUAL, 0, 1, CREATE_RULESET), (RETURN, 0, 0, ERROR | NO_SUCH_CALL), (RETURN, 0, 0, ALLOW)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
header = struct.pack("HP", len(rules), ctypes.addressof(program))
for words in ((SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (SET_SECCOMP, FILTER_MODE, header, 0, 0)):
    if ctypes.CDLL(None, use_errno=True).prctl(*words):
        raise OSError(ctypes.get_errno(), "prctl")
os.execv(sys.argv[1], sys.argv[1:])
