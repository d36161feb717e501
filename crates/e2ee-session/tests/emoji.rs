//! Seven emoji for a group: the honest agree, who cheats is named, and no value comes up more often than another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use e2ee_session::identity::verify::{Emoji, EmojiRound, RoundError};
use proptest::prelude::*;

type Key = [u8; 32];

struct Member {
    key: Key,
    round: EmojiRound,
}

fn draw(rng: &mut ChaCha20Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn group(count: usize, rng: &mut ChaCha20Rng) -> Vec<Member> {
    let keys: Vec<Key> = (0..count).map(|_| draw(rng)).collect();
    let authenticator = draw(rng);
    let mut member = |key: &Key| Member {
        key: *key,
        round: EmojiRound::new(&authenticator, &keys, key, draw(rng)).unwrap(),
    };
    keys.iter().map(&mut member).collect()
}

fn commit(members: &mut [Member]) {
    let said: Vec<_> = members.iter().map(|m| (m.key, m.round.own_commitment())).collect();
    for member in members {
        for (from, bytes) in said.iter().filter(|(from, _)| *from != member.key) {
            assert_eq!(member.round.own_reveal(), None);
            member.round.on_commitment(from, bytes).unwrap();
        }
    }
}

fn reveal(members: &mut [Member]) {
    let said: Vec<_> = members.iter().map(|m| (m.key, m.round.own_reveal().unwrap())).collect();
    for member in members {
        for (from, bytes) in said.iter().filter(|(from, _)| *from != member.key) {
            assert_eq!(member.round.code(), None);
            member.round.on_reveal(from, bytes).unwrap();
        }
    }
}

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

#[test]
fn the_honest_agree() {
    let mut rng = rng(1);
    for count in [2, 3, 7, 50] {
        let mut members = group(count, &mut rng);
        assert_eq!(members[0].round.awaited().count(), count - 1);
        commit(&mut members);
        assert_eq!(members[0].round.awaited().count(), count - 1);
        reveal(&mut members);
        assert_eq!(members[0].round.awaited().count(), 0);
        let code = members[0].round.code().unwrap();
        assert!(members.iter().all(|m| m.round.code() == Some(code)));
    }
}

#[test]
fn the_code_is_the_documented_hash() {
    use sha2::{Digest as _, Sha256};
    let (low, high, authenticator) = ([1; 32], [2; 32], b"authenticator");
    let mut members = [(low, [3; 32]), (high, [4; 32])].map(|(key, nonce)| Member {
        key,
        round: EmojiRound::new(authenticator, &[high, low], &key, nonce).unwrap(),
    });
    let hashed = Sha256::digest(authenticator);
    let commitment =
        Sha256::digest([b"frameseal emoji commit 1".as_slice(), &hashed, &low, &[3; 32]].concat());
    assert_eq!(members[0].round.own_commitment().as_slice(), [&[1, 1], commitment.as_slice()].concat());
    commit(&mut members);
    assert_eq!(members[0].round.own_reveal().unwrap().as_slice(), [&[1, 2], [3; 32].as_slice()].concat());
    reveal(&mut members);
    let parts =
        [b"frameseal emoji code 1".as_slice(), &hashed, &[0, 0, 0, 2], &low, &high, &[3; 32], &[4; 32]];
    let hash: [u8; 32] = Sha256::digest(parts.concat()).into();
    assert_eq!(members[0].round.code(), Some(Emoji::from_bits(hash.first_chunk().unwrap())));
}

#[test]
fn everything_that_goes_in_changes_the_code() {
    let code = |authenticator: &[u8], keys: [Key; 2], nonces: [[u8; 32]; 2]| {
        let mut members = [0, 1].map(|at| Member {
            key: keys[at],
            round: EmojiRound::new(authenticator, &keys, &keys[at], nonces[at]).unwrap(),
        });
        commit(&mut members);
        reveal(&mut members);
        members[0].round.code().unwrap()
    };
    let codes = [
        code(b"a", [[1; 32], [2; 32]], [[3; 32], [4; 32]]),
        code(b"b", [[1; 32], [2; 32]], [[3; 32], [4; 32]]),
        code(b"a", [[9; 32], [2; 32]], [[3; 32], [4; 32]]),
        code(b"a", [[1; 32], [9; 32]], [[3; 32], [4; 32]]),
        code(b"a", [[1; 32], [2; 32]], [[9; 32], [4; 32]]),
        code(b"a", [[1; 32], [2; 32]], [[3; 32], [9; 32]]),
        code(b"a", [[1; 32], [2; 32]], [[4; 32], [3; 32]]),
    ];
    let different: BTreeSet<_> = codes.iter().map(|code| code.map(Emoji::number)).collect();
    assert_eq!(different.len(), codes.len());
    // The order of the roster does not.
    assert_eq!(codes[0], code(b"a", [[2; 32], [1; 32]], [[4; 32], [3; 32]]));
}

/// A relay that gives Alice and Bob one false member each, whose nonces it chooses, has them see different emoji: whatever it
/// chooses it has to choose before it knows.
#[test]
fn who_stands_between_two_groups_is_seen() {
    let mut rng = rng(2);
    for _ in 0..500 {
        let (mut left, mut right) = (group(2, &mut rng), group(2, &mut rng));
        commit(&mut left);
        commit(&mut right);
        reveal(&mut left);
        reveal(&mut right);
        assert_ne!(left[0].round.code(), right[1].round.code());
    }
}

/// With the reveals of others at hand a member could try nonces until the emoji are what it wants: it gets none before it
/// is bound.
#[test]
fn who_waits_to_choose_learns_nothing_and_cannot_change() {
    let mut rng = rng(3);
    let mut members = group(3, &mut rng);
    let said: Vec<_> = members.iter().map(|m| (m.key, m.round.own_commitment())).collect();
    let (zoe, mallory) = (said[1].0, said[2].0);
    members[0].round.on_commitment(&zoe, &said[1].1).unwrap();
    assert_eq!(members[0].round.own_reveal(), None, "Mallory has not committed");
    assert_eq!(members[0].round.awaited().collect::<Vec<_>>(), [&mallory]);

    // It commits, sees the reveals, and would like another nonce.
    members[0].round.on_commitment(&mallory, &said[2].1).unwrap();
    assert!(members[0].round.own_reveal().is_some());
    let other = [&[1, 2], [0xbb; 32].as_slice()].concat();
    assert_eq!(members[0].round.on_reveal(&mallory, &other), Err(RoundError::Mismatch(mallory)));
    assert_eq!(members[0].round.code(), None);
    assert_eq!(members[0].round.own_reveal(), None);
    let honest = members[1].round.own_commitment();
    assert_eq!(members[0].round.on_commitment(&zoe, &honest), Err(RoundError::Over));
    assert_eq!(members[0].round.on_reveal(&zoe, &other), Err(RoundError::Over));
}

#[test]
fn a_second_commitment_ends_the_round_and_a_repeated_one_does_not() {
    let mut rng = rng(4);
    let mut members = group(2, &mut rng);
    let (zoe, good) = (members[1].key, members[1].round.own_commitment());
    members[0].round.on_commitment(&zoe, &good).unwrap();
    assert_eq!(members[0].round.on_commitment(&zoe, &good), Err(RoundError::Repeated(zoe)));
    let reveal_of_zoe = {
        let (from, bytes) = (members[0].key, members[0].round.own_commitment());
        members[1].round.on_commitment(&from, &bytes).unwrap();
        members[1].round.own_reveal().unwrap()
    };
    members[0].round.on_reveal(&zoe, &reveal_of_zoe).unwrap();
    assert_eq!(members[0].round.on_reveal(&zoe, &reveal_of_zoe), Err(RoundError::Repeated(zoe)));
    assert!(members[0].round.code().is_some());
    let other = [&[1, 1], [7; 32].as_slice()].concat();
    assert_eq!(members[0].round.on_commitment(&zoe, &other), Err(RoundError::Changed(zoe)));
    assert_eq!(members[0].round.code(), None);
}

#[test]
fn an_early_reveal_waits_and_strangers_have_no_say() {
    let mut rng = rng(5);
    let mut members = group(3, &mut rng);
    let said: Vec<_> = members.iter().map(|m| (m.key, m.round.own_commitment())).collect();
    for (at, from) in [(1, 0), (1, 2), (0, 1)] {
        members[at].round.on_commitment(&said[from].0, &said[from].1).unwrap();
    }
    let (zoe, early) = (members[1].key, members[1].round.own_reveal().unwrap());
    assert_eq!(members[0].round.on_reveal(&zoe, &early), Err(RoundError::Early(zoe)));
    members[0].round.on_commitment(&said[2].0, &said[2].1).unwrap();
    assert_eq!(members[0].round.on_reveal(&zoe, &early), Ok(()));
    let (stranger, own) = ([0xee; 32], members[0].key);
    for from in [stranger, own] {
        assert_eq!(members[0].round.on_reveal(&from, &early), Err(RoundError::Stranger(from)));
        assert_eq!(members[0].round.on_commitment(&from, &said[0].1), Err(RoundError::Stranger(from)));
    }
}

#[test]
fn rosters_are_whole() {
    let new = |roster: &[Key]| EmojiRound::new(b"a", roster, &[1; 32], [2; 32]).map(|_| ());
    for roster in
        [&[][..], &[[1; 32]], &[[3; 32], [4; 32]], &[[1; 32], [3; 32], [3; 32]], &[[1; 32], [1; 32]]]
    {
        assert_eq!(new(roster), Err(RoundError::BadRoster));
    }
    assert_eq!(new(&[[1; 32], [3; 32]]), Ok(()));
}

#[test]
fn no_emoji_comes_up_more_often() {
    const ROUNDS: usize = 10_000;
    let mut rng = rng(6);
    let mut counts = [[0_u32; 64]; 7];
    for _ in 0..ROUNDS {
        let mut members = group(2, &mut rng);
        commit(&mut members);
        reveal(&mut members);
        for (at, emoji) in members[0].round.code().unwrap().iter().enumerate() {
            counts[at][usize::from(emoji.number())] += 1;
        }
    }
    let chi_square = |counts: &[u32], expected: f64| {
        counts.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum::<f64>()
    };
    let expected = ROUNDS as f64 / 64.0;
    let places: Vec<_> = counts.iter().map(|place| chi_square(place, expected)).collect();
    let mut all = [0; 64];
    counts.iter().flatten().enumerate().for_each(|(at, n)| all[at % 64] += n);
    let total = chi_square(&all, 7.0 * expected);
    println!(
        "chi-square of {ROUNDS} rounds, 63 degrees of freedom: {total:.1} in all, by place {places:.1?}"
    );
    // Mean 63, standard deviation 11.2. Chance exceeds 120 once in some hundred thousand times.
    assert!(total < 120.0 && places.iter().all(|place| *place < 120.0));
}

#[test]
fn the_pictures_are_64_different_ones_with_names() {
    let all: Vec<_> = (0..64).map(|n| Emoji::new(n).unwrap()).collect();
    assert!(Emoji::new(64).is_none());
    for name in [Emoji::symbol, Emoji::english, Emoji::french] {
        assert_eq!(all.iter().map(|emoji| name(*emoji)).collect::<BTreeSet<_>>().len(), 64);
    }
    // As in the specification of Matrix.
    for (number, symbol, english, french) in [
        (0, "🐶", "Dog", "Chien"),
        (21, "☁\u{fe0f}", "Cloud", "Nuage"),
        (36, "👍", "Thumbs Up", "Pouce en l’air"),
        (49, "☎\u{fe0f}", "Telephone", "Téléphone"),
        (63, "📌", "Pin", "Punaise"),
    ] {
        let emoji = all[number];
        assert_eq!((emoji.symbol(), emoji.english(), emoji.french()), (symbol, english, french));
        assert_eq!(usize::from(emoji.number()), number);
    }
    let numbers = Emoji::from_bits(&[0b0000_0000, 0b0001_0000, 0b1000_0011, 0b1111_1100, 0b0000_0001, 0xff]);
    assert_eq!(numbers.map(Emoji::number), [0, 1, 2, 3, 63, 0, 7]);
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(bytes: Vec<u8>, from: [u8; 32], body: [u8; 32], version in 0..3_u8, kind in 0..4_u8) {
        let mut members = group(2, &mut rng(7));
        let zoe = members[1].key;
        let framed = [&[version, kind], body.as_slice()].concat();
        for bytes in [&bytes, &framed] {
            let round = &mut members[0].round;
            let (commitment, reveal) = (round.on_commitment(&from, bytes), round.on_reveal(&from, bytes));
            prop_assert!(commitment.is_err() && reveal.is_err());
            let taken = round.on_commitment(&zoe, bytes);
            let right = bytes.len() == 34 && bytes[..2] == [1, 1];
            prop_assert_eq!(taken.is_ok(), right);
            prop_assert!(round.on_reveal(&zoe, bytes).is_err());
            prop_assert_eq!(round.code(), None);
        }
    }
}
