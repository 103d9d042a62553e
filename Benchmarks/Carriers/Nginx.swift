// nginx as a peer: one worker.
import Foundation

enum Nginx: ReverseProxyKind {
    static let name = "nginx"
    static let versionOption = "-v"

    static func arguments(_ plan: PeerPlan, configuration: String) -> [String] {
        ["-p", plan.directory, "-c", configuration, "-e", "stderr"]
    }

    /// It logs each request, as the agent does. Buffers are large where much goes through, and nothing goes to a file on
    /// the way: its best.
    static func configuration(_ plan: PeerPlan, port: Int) -> String {
        """
        daemon off;
        \(geteuid() == 0 ? "user root;" : "")
        worker_processes 1;
        worker_rlimit_nofile \(2 * plan.connectionCountMax + 200);
        pid \(plan.directory)/nginx.pid;
        error_log stderr error;
        events { worker_connections \(2 * plan.connectionCountMax + 100); }
        http {
            access_log \(plan.directory)/access.log;
            client_body_temp_path \(plan.directory)/body;
            proxy_temp_path \(plan.directory)/proxy;
            fastcgi_temp_path \(plan.directory)/fastcgi;
            uwsgi_temp_path \(plan.directory)/uwsgi;
            scgi_temp_path \(plan.directory)/scgi;
            map $http_upgrade $connection_field { default upgrade; '' ''; }
            upstream member {
                server \(Route.host):\(plan.memberPort);
                keepalive 64;
                keepalive_requests 1000000000;
                keepalive_timeout 3600s;
            }
            server {
                listen \(Route.host):\(port) ssl backlog=4096;
                keepalive_requests 1000000000;
                keepalive_timeout 3600s;
                send_timeout 3600s;
                ssl_certificate \(plan.certificate);
                ssl_certificate_key \(plan.key);
                ssl_protocols TLSv1.2 TLSv1.3;
                ssl_prefer_server_ciphers on;
                ssl_conf_command Ciphersuites \(PeerPlan.cipherSuites);
                proxy_ssl_conf_command Ciphersuites \(PeerPlan.cipherSuites);
                proxy_http_version 1.1;
                proxy_set_header Host $http_host;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection $connection_field;
                proxy_set_header X-Forwarded-For $remote_addr;
                proxy_ssl_verify on;
                proxy_ssl_trusted_certificate \(plan.memberCertificate);
                proxy_ssl_name localhost;
                proxy_buffers 16 64k;
                proxy_busy_buffers_size 128k;
                proxy_max_temp_file_size 0;
                proxy_read_timeout 3600s;
                proxy_send_timeout 3600s;
                location / { proxy_pass https://member; }
                # Members upgrade none but the first request of a connection.
                location ~ /display$ {
                    proxy_pass https://\(Route.host):\(plan.memberPort);
                    proxy_buffer_size 64k;
                }
            }
        }

        """
    }
}
