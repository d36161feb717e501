//! Rooms with a secret from outside: who has it is welcomed, and who has none or another one is not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use e2ee_session::mls::{Admit, Group, Joiner, MlsError, RoomPolicy, ShowUnverified, Wish};

const ROOM: &[u8] = b"council-7";
const SECRET: [u8; 32] = [9; 32];

fn joiner(name: &str, seed: u8, secret: Option<&[u8]>) -> Joiner {
    let mut joiner = Joiner::new(name, &[seed; 32]).unwrap();
    if let Some(secret) = secret {
        joiner.share_secret(secret).unwrap();
    }
    joiner
}

/// A room that nobody may enter without being let in, nor without the secret.
fn found() -> Group {
    let ada = joiner("ada", 1, Some(&SECRET));
    let secret = ada.name_secret().unwrap();
    ada.found(ROOM, &RoomPolicy { admit: Admit::Members, secret, ..RoomPolicy::default() }).unwrap()
}

fn welcome(ada: &mut Group, package: &[u8]) -> Vec<u8> {
    let wish = Wish { add: &[package], ..Wish::default() };
    let welcome = ada.propose(&wish, &ShowUnverified).unwrap().unwrap().welcome.unwrap();
    ada.confirm().unwrap();
    welcome
}

#[test]
fn who_has_the_secret_is_welcomed_and_follows() {
    let mut ada = found();
    let bob = joiner("bob", 2, Some(&SECRET));
    let letter = welcome(&mut ada, &bob.key_package().unwrap());
    let bob = bob.read_welcome(ROOM, &letter).map_err(|(_, error)| error).unwrap();
    let mut bob = bob.judge(&ShowUnverified).unwrap().enter().unwrap();
    for _ in 0..2 {
        assert_eq!(ada.base_key().unwrap().expose(), bob.base_key().unwrap().expose());
        let next = bob.propose(&Wish::default(), &ShowUnverified).unwrap().unwrap();
        bob.confirm().unwrap();
        let change = ada.read(&next.commit).unwrap().judge(&ShowUnverified).unwrap();
        assert!(ada.merge(change).unwrap());
    }
    assert_eq!(ada.authenticator(), bob.authenticator());
}

#[test]
fn who_has_none_or_another_one_cannot_read_the_welcome() {
    let mut ada = found();
    let eve = joiner("eve", 3, None);
    let letter = welcome(&mut ada, &eve.key_package().unwrap());
    assert!(matches!(eve.read_welcome(ROOM, &letter), Err((_, MlsError::NoSecret))));

    let mia = joiner("mia", 4, Some(&[8; 32]));
    let letter = welcome(&mut ada, &mia.key_package().unwrap());
    let (mut mia, error) = mia.read_welcome(ROOM, &letter).err().unwrap();
    assert_eq!(error, MlsError::Refused);
    // Corrected: the secret before is used no more. A key package works once, so it makes another one.
    assert_eq!(mia.share_secret(&[8; 15]), Err(MlsError::BadSecret));
    mia.share_secret(&SECRET).unwrap();
    let out: Vec<u32> = ada.members().unwrap().iter().skip(1).map(|member| member.index).collect();
    ada.propose(&Wish { remove: &out, ..Wish::default() }, &ShowUnverified).unwrap().unwrap();
    ada.confirm().unwrap();
    let letter = welcome(&mut ada, &mia.key_package().unwrap());
    assert!(mia.read_welcome(ROOM, &letter).is_ok());
}
