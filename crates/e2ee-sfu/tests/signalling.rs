//! What the server says to clients that do the wrong thing, and how it carries what is none of its business.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use e2ee_sfu::{Server, ServerOptions};
use serde_json::{Value, json};
use support::{Client, pass, server, until};

/// Sends, and gives the code of the error that comes back.
fn refused(client: &mut Client, message: &str) -> String {
    let before = client.errors().len();
    client.send_text(message);
    until(&mut [client], |c| c[0].errors().len() > before);
    assert!(!client.last("error").unwrap()["message"].as_str().unwrap().is_empty());
    client.errors().last().unwrap().to_string()
}

#[test]
fn join_comes_first_and_once() {
    let server = server();
    let mut ada = Client::connect(&server);
    assert_eq!(refused(&mut ada, r#"{"t":"leave"}"#), "not-joined");
    assert_eq!(refused(&mut ada, r#"{"t":"join","room":"r","id":"not an id"}"#), "bad-id");
    ada.send(json!({"t": "join", "room": "r", "id": "ada"}));
    until(&mut [&mut ada], |c| c[0].last("welcome").is_some());
    assert_eq!(refused(&mut ada, r#"{"t":"join","room":"r","id":"ada"}"#), "already-joined");

    let mut twin = Client::connect(&server);
    assert_eq!(refused(&mut twin, r#"{"t":"join","room":"r","id":"ada"}"#), "id-taken");
    twin.send(json!({"t": "join", "room": "other", "id": "ada"}));
    until(&mut [&mut twin], |c| c[0].last("welcome").is_some());
}

#[test]
fn nonsense_gets_an_error_and_the_connection_stays() {
    let server = server();
    let mut ada = Client::join(&server, "r", "ada");
    for (message, code) in [
        ("{", "bad-message"),
        ("null", "bad-message"),
        (r#"{"t":"fly"}"#, "bad-message"),
        (r#"{"t":"offer","pc":"sub","sdp":""}"#, "bad-message"),
        (r#"{"t":"answer","pc":"pub","sdp":""}"#, "bad-message"),
        (r#"{"t":"offer","pc":"pub","sdp":"v=0"}"#, "bad-sdp"),
        (r#"{"t":"offer","pc":"pub","sdp":"","tracks":[]}"#, "bad-sdp"),
        (r#"{"t":"answer","pc":"sub","sdp":"v=0\r\n"}"#, "bad-sdp"),
        (r#"{"t":"candidate","pc":"pub","candidate":"candidate:nonsense"}"#, "bad-candidate"),
        (r#"{"t":"mute","mid":"0","muted":true}"#, "unknown-track"),
        (r#"{"t":"app","to":"nobody","data":1}"#, "unknown-participant"),
        (r#"{"t":"layer","of":"nobody","mid":"0","rid":"q"}"#, "unknown-participant"),
        (r#"{"t":"eye","of":"nobody"}"#, "unknown-participant"),
        (r#"{"t":"eye","of":"ada"}"#, "unknown-track"),
        (r#"{"t":"keyframe","of":"nobody","mid":"0"}"#, "unknown-participant"),
    ] {
        assert_eq!(refused(&mut ada, message), code, "{message}");
    }
    assert_eq!(refused(&mut ada, &" ".repeat(1_100_000)), "too-large");
    let data = "x".repeat(70_000);
    assert_eq!(refused(&mut ada, &json!({"t": "app", "data": data}).to_string()), "too-large");
    ada.send_binary(b"binary");
    until(&mut [&mut ada], |c| c[0].errors().len() == 18);
    assert!(!ada.closed);
    let mids = ada.publish(&["audio"], &[]);
    until(&mut [&mut ada], |c| c[0].pub_connected());
    assert_eq!(mids.len(), 1);
}

#[test]
fn answers_and_offers_must_fit() {
    let server = server();
    let mut ada = Client::join(&server, "r", "ada");
    ada.publish(&["audio"], &[]);
    until(&mut [&mut ada], |c| c[0].pub_connected());
    let answer = ada.last("answer").unwrap()["sdp"].as_str().unwrap().to_owned();
    let late = json!({"t": "answer", "pc": "sub", "sdp": answer}).to_string();
    assert_eq!(refused(&mut ada, &late), "no-pending-offer");

    let mut bob = Client::join(&server, "r", "bob");
    bob.kinds.push(("nope".into(), "audio"));
    bob.publish(&["video"], &[]);
    until(&mut [&mut ada, &mut bob], |c| c[1].errors() == ["unknown-track"]);
    assert!(bob.last("error").unwrap()["message"].as_str().unwrap().contains("nope"));
    assert!(!ada.closed && !bob.closed);
}

#[test]
fn a_hostile_sdp_never_ends_the_server() {
    let server = server();
    let mut ada = Client::join(&server, "r", "ada");
    ada.publish(&["audio", "video"], &[]);
    until(&mut [&mut ada], |c| c[0].pub_connected());
    let good = ada.last("answer").unwrap()["sdp"].as_str().unwrap().to_owned();
    for n in 0..60 {
        let mut eve = Client::join(&server, "r2", &format!("eve-{n}"));
        // Each time another line is missing, doubled or spoilt.
        let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
        let at = n % lines.len();
        match n % 3 {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            _ => lines[at] = lines[at].replace(['1', '9'], "99999999999"),
        }
        let sdp = lines.join("\r\n") + "\r\n";
        eve.send(json!({"t": "offer", "pc": "pub", "sdp": sdp, "tracks": []}));
        eve.send(json!({"t": "app", "data": n}));
        pass(&mut [&mut eve], Duration::from_millis(20));
    }
    let mut bob = Client::join(&server, "r", "bob");
    until(&mut [&mut ada, &mut bob], |c| c[1].sub_connected());
}

#[test]
fn application_data_and_announcements_pass_untouched() {
    let server = server();
    let mut ada = Client::join(&server, "r", "ada");
    let mut bob = Client::join(&server, "r", "bob");
    let mut cleo = Client::join(&server, "r", "cleo");
    let data = json!({"any": ["thing", 1, null], "nested": {"t": "leave"}});
    ada.send(json!({"t": "app", "to": "bob", "data": data}));
    ada.send(json!({"t": "app", "data": "to all"}));
    until(&mut [&mut ada, &mut bob, &mut cleo], |c| {
        c[2].last("app").is_some() && c[1].last("app").is_some_and(|m| m["data"] == "to all")
    });
    let apps = |c: &Client| c.inbox.iter().filter(|m| m["t"] == "app").cloned().collect::<Vec<Value>>();
    assert_eq!(apps(&bob)[0], json!({"t": "app", "from": "ada", "data": data}));
    assert_eq!(apps(&cleo), [json!({"t": "app", "from": "ada", "data": "to all"})]);
    assert_eq!(apps(&ada), [] as [Value; 0]);

    ada.send(json!({"t": "announce", "announcement": "new words"}));
    until(&mut [&mut ada, &mut bob, &mut cleo], |c| {
        c[1].last("member").is_some_and(|m| m["id"] == "ada" && m["announcement"] == "new words")
    });
    let mut dora = Client::join(&server, "r", "dora");
    let members = dora.last("welcome").unwrap()["members"].clone();
    assert_eq!(members[0]["announcement"], "new words");
    pass(&mut [&mut dora], Duration::from_millis(10));
}

#[test]
fn muting_is_made_known_and_outlives_an_offer() {
    let server = server();
    let mut ada = Client::join(&server, "r", "ada");
    let mut bob = Client::join(&server, "r", "bob");
    let mids = ada.publish(&["audio"], &[]);
    until(&mut [&mut ada, &mut bob], |c| c[0].pub_connected());
    ada.send(json!({"t": "mute", "mid": mids[0].to_string(), "muted": true}));
    let muted = |c: &Client| c.last("member").map(|m| m["tracks"][0]["muted"].clone());
    until(&mut [&mut ada, &mut bob], |c| muted(c[1]) == Some(true.into()));
    ada.publish(&["video"], &[]);
    until(&mut [&mut ada, &mut bob], |c| {
        c[1].last("member").unwrap()["tracks"].as_array().unwrap().len() == 2
    });
    assert_eq!(muted(&bob), Some(true.into()));
}

#[test]
fn rooms_have_limits() {
    let options = ServerOptions { max_participants: 2, max_rooms: 2, ..ServerOptions::default() };
    let server = Server::start(options).unwrap();
    let _one = Client::join(&server, "r", "one");
    let mut two = Client::join(&server, "r", "two");
    let mut three = Client::connect(&server);
    assert_eq!(refused(&mut three, r#"{"t":"join","room":"r","id":"three"}"#), "room-full");
    let _four = Client::join(&server, "r2", "four");
    assert_eq!(refused(&mut three, r#"{"t":"join","room":"r3","id":"three"}"#), "server-full");
    two.send(json!({"t": "leave"}));
    until(&mut [&mut two], |c| c[0].closed);
    three.send(json!({"t": "join", "room": "r", "id": "three"}));
    until(&mut [&mut three], |c| c[0].last("welcome").is_some());
}

#[test]
fn stopping_ends_the_connections_and_frees_the_port() {
    let server = server();
    let addr = server.addr();
    let mut ada = Client::join(&server, "r", "ada");
    server.stop();
    until(&mut [&mut ada], |c| c[0].closed);
    let again = Server::start(ServerOptions { port: addr.port(), ..ServerOptions::default() }).unwrap();
    assert_eq!(again.addr(), addr);
}
