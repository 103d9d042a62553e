# Coded symbols: which items they sum up, their wire form and their decoding (docs/protocol.md, sections 8.2 to 8.5).
import math
from functools import cache

MASK = (1 << 64) - 1


def check_of(item):
    x = item
    x = ((x ^ x >> 33) * 0xFF51AFD7ED558CCD) & MASK
    x = ((x ^ x >> 33) * 0xC4CEB9FE1A85EC53) & MASK
    return (x ^ x >> 33) >> 32


def indices(item, end):
    """The indices below `end` of the symbols that an item is part of."""
    index, state = 0, item
    while index < end:
        yield index
        state = (state + 0x9E3779B97F4A7C15) & MASK
        r = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & MASK
        r = ((r ^ r >> 27) * 0x94D049BB133111EB) & MASK
        r ^= r >> 31
        inverse = 4294967296.0 / math.sqrt(float(r) + 1.0)
        index += max(math.ceil((float(index) + 1.5) * (inverse - 1.0)), 1)


def signed32(number):
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


def sketch(items, end):
    """The symbols 0 to `end` - 1 of a map, as lists of ids, checks and count."""
    symbols = [[0, 0, 0] for _ in range(end)]
    for item in items:
        _add(symbols, item, 1)
    return symbols


def _add(symbols, item, count):
    item_check = check_of(item)
    for index in indices(item, len(symbols)):
        symbol = symbols[index]
        symbol[0] ^= item
        symbol[1] ^= item_check
        symbol[2] = signed32(symbol[2] + count)


def _expected(entries, index):
    quotient = entries / (1 + index / 2)
    whole = math.floor(quotient)
    return whole + (quotient - whole >= 0.5)


def to_wire(symbols, start, entries):
    """The symbols from index `start` on, with zigzag-coded deviations of their counts (8.3)."""
    wire = []
    for index, (ids, checks, count) in enumerate(symbols, start):
        deviation = count - _expected(entries, index)
        wire.append({"ids": ids, "checks": checks, "deviation": ((deviation << 1) ^ (deviation >> 63)) & MASK})
    return wire


def from_wire(wire, start, entries):
    symbols = []
    for index, symbol in enumerate(wire, start):
        deviation = (symbol.deviation >> 1) ^ -(symbol.deviation & 1)
        symbols.append([symbol.ids, symbol.checks, signed32(_expected(entries, index) + deviation)])
    return symbols


class Difference:
    """The difference of two sketches, decoded as far as it can be (8.4)."""

    def __init__(self, remote, local):
        self.counts = [signed32(a[2] - b[2]) for a, b in zip(remote, local)]
        self.remote_only, self.local_only = [], []
        self.contradicts = False
        rest = [[a[0] ^ b[0], a[1] ^ b[1], count] for a, b, count in zip(remote, local, self.counts)]
        self._peel(rest)
        self.complete = not self.contradicts and bool(rest) and not any(any(symbol) for symbol in rest)

    @property
    def found(self):
        return len(self.remote_only) + len(self.local_only)

    def _peel(self, symbols):
        candidates = list(range(len(symbols)))
        while candidates and not self.contradicts:
            item, item_check, count = symbols[candidates.pop()]
            if count in (1, -1) and item_check == check_of(item):
                (self.remote_only if count == 1 else self.local_only).append(item)
                _add(symbols, item, -count)
                candidates += indices(item, len(symbols))
                self.contradicts = self.found > 2 * len(symbols) + 16

    def next_end(self, own_entries, remote_entries):
        """Up to which symbol to ask next; None if a stream is cheaper (8.5)."""
        received = len(self.counts)
        used = min(received, 512)
        first = self.counts[0]
        squares = sum(
            (self.counts[i] - first * _p(i)) ** 2 / (_p(i) * (1 - _p(i))) for i in range(1, used)) / (used - 1)
        estimate = max(math.ceil(squares), abs(first), self.found)
        margin = 2.0 if received < 64 else 1.35 if received < 512 else 1.15
        common = max(0, (own_entries + remote_entries - estimate) // 2)
        if estimate > 1000 and common < estimate / 4:
            return None
        return max(math.floor(max(estimate, 8) * 1.45 * margin), received + max(16, received // 2))


@cache
def _p(i):
    """The correlation of the counts of the symbols 0 and i."""
    if i == 0:
        return 1.0
    return sum(_p(j) * (((j + 1.5) / (i + 0.5)) ** 2 - ((j + 1.5) / (i + 1.5)) ** 2) for j in range(i))
