# Somebody between two members who ends TLS with a certificate of their own.
from waiting import eventually


def test_a_man_in_the_middle_is_refused_as_certificate_mismatch_at_both_ends(cluster, interceptors):
    target = cluster.agent().start()
    target.put("config/secret-plan", "MARKED-VALUE")
    middle = interceptors(target)
    dialler = cluster.agent(middle.url).start()
    eventually(lambda: "certificate mismatch" in dialler.last_error(), "the dialling end names it", within=5)
    assert "unbound" in dialler.last_error() and target.server_id in dialler.last_error()
    for member in (dialler, target):
        line = member.wait_logged("certificate mismatch", within=5)[0]
        assert "something between them ends TLS" in line, line
    assert not dialler.links() and not target.links()
    assert dialler.get("config/secret-plan") is None
    assert b"MARKED-VALUE" not in middle.seen and b"secret-plan" not in middle.seen


def test_an_authority_that_is_demanded_must_have_signed(cluster):
    target = cluster.agent().start()
    dialler = cluster.agent()
    dialler.edit("cluster.json", lambda content: content.update(
        databaseConnections=[{"url": target.url, "options": {"rejectUnauthorized": True}}]))
    dialler.start()
    eventually(lambda: "certificate" in dialler.last_error(), "the certificate is named", within=5)
    error = dialler.last_error()
    assert len(error) < 200 and "0x" not in error and "NIOSSL" not in error, error
    # With the target's own certificate as the authority the link comes up, without a restart.
    authority = target.path("certificate.pem").read_text()
    dialler.write("authority.pem", authority)
    dialler.edit("cluster.json", lambda content: content.update(
        databaseConnections=[{"url": target.url, "options": {"ca": "authority.pem", "rejectUnauthorized": True}}]))
    dialler.wait_linked(target)
