//! Files, headers, and what the server refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use e2ee_sfu::{Running, Server, ServerOptions, StartError};
use support::http::{get, post, request};

/// A server with two directories, and a secret beside them.
fn site(name: &str) -> (Running, PathBuf) {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    for dir in ["page/sub", "sdk"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    for (path, text) in [
        ("page/index.html", "<!doctype html>"),
        ("page/main.mjs", "export {};"),
        ("page/main.js", "1;"),
        ("page/style.css", "p {}"),
        ("page/sub/index.html", "sub"),
        ("sdk/media.wasm", "\0asm"),
        ("secret.txt", "secret"),
    ] {
        fs::write(root.join(path), text).unwrap();
    }
    let dirs = vec![("/".to_owned(), root.join("page")), ("/sdk".to_owned(), root.join("sdk"))];
    let options = ServerOptions { static_dirs: dirs, ..ServerOptions::default() };
    (Server::start(options).unwrap(), root)
}

#[test]
fn files_come_with_their_types() {
    let (server, _) = site("types");
    for (path, kind) in [
        ("/", "text/html"),
        ("/index.html", "text/html"),
        ("/main.mjs", "text/javascript"),
        ("/main.js", "text/javascript"),
        ("/style.css", "text/css"),
        ("/sub/", "text/html"),
        ("/sdk/media.wasm", "application/wasm"),
        ("/main.mjs?v=1", "text/javascript"),
    ] {
        let answer = get(&server, path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").unwrap().starts_with(kind), "{path}: {}", answer.head);
    }
    assert_eq!(get(&server, "/nothing.js").status, 404);
    assert_eq!(get(&server, "/sdk/nothing.js").status, 404);
}

#[test]
fn every_answer_isolates_the_page() {
    let (server, _) = site("headers");
    for path in ["/", "/sdk/media.wasm", "/nothing", "/api/stats", "/api/nothing"] {
        let answer = get(&server, path);
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("cross-origin-embedder-policy"), Some("require-corp"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(
            answer.header("content-security-policy"),
            Some(
                "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
                 connect-src 'self' ws: wss:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
                 media-src 'self' blob:"
            ),
            "{path}"
        );
    }
}

#[test]
fn nothing_outside_the_directories_is_served() {
    let (server, _) = site("traversal");
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/sub/../../secret.txt",
        "/sdk/../secret.txt",
        "/sdk/..%5c..%5csecret.txt",
        "//secret.txt",
        "/sdk/%00",
        "/....//secret.txt",
    ] {
        let answer = get(&server, path);
        assert_ne!(answer.status, 200, "{path}");
        assert!(!answer.body.windows(6).any(|w| w == b"secret"), "{path}");
    }
}

#[test]
fn other_sites_are_kept_out_of_signalling_and_api() {
    let (server, _) = site("sites");
    let upgrade = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let evil = "Origin: http://evil.example";
    let foreign: Vec<&str> = upgrade.into_iter().chain([evil]).collect();
    assert_eq!(request(&server, "GET", "/ws", &foreign, "").status, 403);
    assert_eq!(request(&server, "GET", "/api/stats", &[evil], "").status, 403);
    assert_eq!(request(&server, "GET", "/api/stats", &["Host: rebound.example"], "").status, 403);
    let own = format!("Origin: http://{}", server.addr());
    assert_eq!(request(&server, "GET", "/api/stats", &[&own], "").status, 200);
}

#[test]
fn test_endpoints_are_shut_unless_asked_for() {
    let (server, _) = site("shut");
    let order = serde_json::json!({"mode": "flip"});
    for path in ["/api/hostile", "/api/plaintext"] {
        assert_eq!(post(&server, path, &order).status, 404, "{path}");
    }
    for path in ["/api/verdict", "/api/dump?room=r&id=a&mid=0", "/api/hostile"] {
        assert_eq!(get(&server, path).status, 404, "{path}");
    }
    let open = support::server();
    assert_eq!(get(&open, "/api/verdict").status, 200);
    assert_eq!(post(&open, "/api/hostile", &order).status, 200);
    assert_eq!(post(&open, "/api/hostile", &serde_json::json!({"mode": "kind"})).status, 422);
    assert_eq!(get(&open, "/api/dump?room=r&id=a&mid=0").status, 404);
    let evil = ["Origin: http://evil.example", "Content-Type: application/json"];
    assert_eq!(request(&open, "POST", "/api/hostile", &evil, &order.to_string()).status, 403);
}

#[test]
fn what_hinders_a_start_is_said_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Server::start(ServerOptions { port, ..ServerOptions::default() }).unwrap_err();
    assert!(matches!(error, StartError::PortInUse { protocol: "TCP", .. }));
    assert!(error.to_string().contains(&port.to_string()) && error.to_string().contains("another port"));

    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let media_port = taken.local_addr().unwrap().port();
    let error = Server::start(ServerOptions { media_port, ..ServerOptions::default() }).unwrap_err();
    assert!(matches!(error, StartError::PortInUse { protocol: "UDP", .. }));

    let dirs = |prefix: &str, path: &str| ServerOptions {
        static_dirs: vec![(prefix.to_owned(), path.into())],
        ..ServerOptions::default()
    };
    let error = Server::start(dirs("/", "no/such/directory")).unwrap_err();
    assert!(matches!(error, StartError::MissingDirectory { .. }));
    assert!(error.to_string().contains("no/such/directory"), "{error}");
    for prefix in ["", "x", "/a/b", "/api", "/ws", "/{x}", "/.."] {
        let error = Server::start(dirs(prefix, "src")).unwrap_err();
        assert!(matches!(error, StartError::BadPrefix { .. }), "{prefix:?}");
    }
    let far = ServerOptions { bind: "192.0.2.1".parse().unwrap(), ..ServerOptions::default() };
    assert!(matches!(Server::start(far).unwrap_err(), StartError::Bind { .. }));
}
