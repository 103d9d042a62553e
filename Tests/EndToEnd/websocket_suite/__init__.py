# The cases of Autobahn|Testsuite, and a client that they are run by.
#
# What the package calls its fuzzing client needs Python 2 and the libraries of its time, and is not used. The cases are
# what counts: what is sent, what has to come back, and the verdict are theirs.
