//! MatrixRTC's keys: the rules in virtual time, and the same against matrix-js-sdk's own classes in Node.
#![cfg(feature = "matrixrtc")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod rules;
mod sdk;

use e2ee_session::matrixrtc::{Device, Membership, ROTATION_GRACE_MS, Settings, Shape, USE_DELAY_MS};

const ROOM: &str = "!town-hall:example.org";

fn member(name: &str, created_ts: u64) -> Membership {
    let device = Device::new(&format!("@{name}:example.org"), &name.to_uppercase());
    Membership { member_id: device.to_string(), device, created_ts }
}

fn settings(name: &str) -> Settings {
    Settings {
        room: ROOM.to_owned(),
        me: member(name, 0),
        shape: Shape::ElementCall,
        use_delay_ms: USE_DELAY_MS,
        rotation_grace_ms: ROTATION_GRACE_MS,
    }
}
