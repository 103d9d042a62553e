# The cases of Autobahn|Testsuite, out of its package. They are written in Python 2, of which they use little.
import importlib.abc
import importlib.util
import re
import sys
from pathlib import Path

FOLDER = Path(importlib.util.find_spec("autobahntestsuite").submodule_search_locations[0]) / "case"
# What is written otherwise in Python 3, but for the texts: those are bytes, which `octets` makes of them.
TRANSLATIONS = {
    "from autobahn.websocket.protocol import WebSocketProtocol\n": "",
    "xrange(": "range(",
    "(object, Case, )": "(Case, )",
    "len(self.payload) / ": "len(self.payload) // ",
    "binascii.b2a_hex(": "repr(",
}


class Translator(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of the cases, which import each other by their bare names."""

    def find_spec(self, name, path=None, target=None):
        if re.fullmatch(r"case([0-9]+_\w+)?", name):
            return importlib.util.spec_from_loader(name, self)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        path = FOLDER / f"{module.__name__}.py"
        # Of every byte one character, whatever the file says of its encoding: that is what a text was.
        source = path.read_text("latin-1")
        for old, new in TRANSLATIONS.items():
            source = source.replace(old, new)
        exec(compile(source, str(path), "exec"), vars(module))


def octets(value):
    """Texts as the bytes that they were, within whatever there is."""
    if isinstance(value, str):
        return value.encode("latin-1")
    if isinstance(value, (list, tuple)):
        return [octets(part) for part in value]
    return value


def number_of(case):
    """What the suite calls a case, such as 7.7.13."""
    return case.__name__.removeprefix("Case").replace("_", ".")


def load(excluded):
    """All cases by their numbers, but for those in modules that begin in certain ways."""
    sys.meta_path.append(Translator())
    base = importlib.import_module("case").Case
    # They were compared as pickles, which may differ where values do not.
    base.compare = lambda self, left, right: octets(left) == octets(right)
    cases = {}
    for path in FOLDER.glob("case*_*.py"):
        if path.stem.startswith(excluded):
            continue
        for case in vars(importlib.import_module(path.stem)).values():
            for case in case if isinstance(case, list) else [case]:
                if isinstance(case, type) and issubclass(case, base) and case is not base:
                    cases[number_of(case)] = case
    return dict(sorted(cases.items(), key=lambda item: [int(part) for part in item[0].split(".")]))
