# Members change to another version of the program one after the other, on their directories, and back. What members of
# two versions do with each other besides is shown by the ordinary tests, whose members run both in turn.
import pytest

from agents import PROGRAMS, wait_equal
from needs import needs

pytestmark = pytest.mark.versions


@pytest.mark.parametrize("order", [[0, 1, 0], [1, 0, 1]], ids=["other-between", "this-between"])
def test_a_directory_goes_to_another_version_and_back(cluster, order):
    needs(len(PROGRAMS) == 2, "only one version is given: say make versions OTHER=/path/of/another/fastx-agent")
    members = cluster.star(2, program=PROGRAMS[order[0]])
    near, far = members
    ids = [member.server_id for member in members]
    expected = {}
    for turn, number in enumerate(order):
        for member in members:
            keys = near.ok("key", "list")
            member.stop()
            member.program = PROGRAMS[number]
            member.start()
            far.wait_linked(near)
            assert near.ok("key", "list") == keys
            wait_equal(members, "config/")
            assert near.entries("config/") == expected
            expected |= {f"config/{turn}/{member.name}/{index:04}": "1" for index in range(500)}
            expected["config/last"] = f"{turn} {member.name}"
            member.load(expected)
            wait_equal(members, "config/")
        near.ok("key", "new")
    assert [member.status()["serverId"] for member in members] == ids
