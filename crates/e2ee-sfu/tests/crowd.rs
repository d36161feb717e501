//! A full room.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use str0m::format::Codec;
use support::{Client, pass, server, settle, until, vp8};

/// As many as the issue of this crate speaks of.
const CROWD: usize = 30;

#[test]
fn everybody_hears_and_sees_everybody_in_a_full_room() {
    let server = server();
    let mut crowd: Vec<Client> = (0..CROWD).map(|n| Client::join(&server, "r", &format!("p{n}"))).collect();
    let mids: Vec<_> = crowd.iter_mut().map(|c| c.publish(&["audio", "video"], &[])).collect();
    let mut all: Vec<&mut Client> = crowd.iter_mut().collect();
    settle(&server, &mut all, CROWD * (CROWD - 1) * 2);
    // One after the other, as thirty cameras are not in step either; the sockets of one thread hold little.
    for n in 0..3u16 {
        for (k, mids) in mids.iter().enumerate() {
            all[k].write(Codec::Opus, mids[0], None, u32::from(n) * 960, &[n as u8; 60]);
            all[k].write(Codec::Vp8, mids[1], None, u32::from(n) * 3000, &vp8(n == 0, n, &[n as u8; 900]));
            pass(&mut all, Duration::from_millis(4));
        }
    }
    let heard = |c: &Client| c.got.iter().map(|g| g.mid.clone()).collect::<BTreeSet<_>>().len();
    until(&mut all, |c| c.iter().all(|c| heard(c) == 2 * (CROWD - 1)));
    let packets: usize = all.iter().map(|c| c.got.len()).sum();
    let sent = CROWD * (CROWD - 1) * 2 * 3;
    // A busy machine's sockets overflow; whoever was left out altogether was noticed above.
    assert!(packets * 10 >= sent * 9, "{packets} of {sent} packets arrived");
    assert!(all.iter().all(|c| c.errors().is_empty()));

    // One leaves, and all are told and offered the rest.
    let mut last = crowd.pop().unwrap();
    last.send(serde_json::json!({"t": "leave"}));
    let mut all: Vec<&mut Client> = crowd.iter_mut().collect();
    until(&mut all, |c| {
        c.iter().all(|c| c.last("offer").unwrap()["tracks"].as_array().unwrap().len() == 2 * (CROWD - 2))
    });
}
