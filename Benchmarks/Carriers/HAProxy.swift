// HAProxy as a peer: one thread.
import Foundation

enum HAProxy: ReverseProxyKind {
    static let name = "haproxy"
    static let versionOption = "-v"

    static func arguments(_ plan: PeerPlan, configuration: String) -> [String] { ["-db", "-f", configuration] }

    /// It has certificate and key in one file. Returns its path.
    private static func writePair(_ plan: PeerPlan) throws -> String {
        let path = "\(plan.directory)/pair.pem"
        let certificate = try Data(contentsOf: URL(fileURLWithPath: plan.certificate))
        let key = try Data(contentsOf: URL(fileURLWithPath: plan.key))
        try (certificate + Data("\n".utf8) + key).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// It logs each request, as the agent does. Buffers are large; it has them only while something goes through. Without the
    /// ratios it gave up kept connections when many streams had been open.
    static func configuration(_ plan: PeerPlan, port: Int) throws -> String {
        let pair = try writePair(plan)
        let server =
            "server member \(Route.host):\(plan.memberPort) ssl verify required ca-file \(plan.memberCertificate) "
            + "verifyhost localhost sni str(localhost)"
        return """
            global
                nbthread 1
                maxconn \(plan.connectionCountMax + 100)
                log stdout format raw daemon
                tune.bufsize 65536
                tune.pool-low-fd-ratio 100
                tune.pool-high-fd-ratio 100
                ssl-default-bind-options ssl-min-ver TLSv1.2
                ssl-default-bind-ciphersuites \(PeerPlan.cipherSuites)
                ssl-default-server-ciphersuites \(PeerPlan.cipherSuites)
            defaults
                mode http
                log global
                option httplog
                timeout connect 10s
                timeout client 1h
                timeout server 1h
                timeout tunnel 1h
            frontend users
                bind \(Route.host):\(port) ssl crt \(pair) alpn http/1.1
                option forwardfor
                # Members upgrade none but the first request of a connection.
                use_backend displays if { path_end /display }
                default_backend member
            backend member
                http-reuse always
                \(server)
            backend displays
                http-reuse never
                \(server)

            """
    }
}
