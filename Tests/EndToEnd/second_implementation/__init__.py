# A second implementation of the gossip protocol, written from docs/protocol.md alone, as the test of that document.
#
# Left out, because the tests need none of it: gateways, unbound links, admission of entries (2.7), keys left out of
# rounds (9.3), rivals and duplicate links (5.6, 5.8), removal of expired entries, and the outbox (9.2).
