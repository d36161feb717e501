//! Two implementations of RFC 9420 in one group: ours, and mls-rs. Whatever one does, the other follows, and both have
//! the same keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use e2ee_session::mls::{Group, Joiner, MlsError, ShowUnverified};
use mls_rs::client_builder::MlsConfig;
use mls_rs::group::{CommitEffect, ReceivedMessage};
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions};
use mls_rs::{CipherSuite, CipherSuiteProvider as _, Client, CryptoProvider as _, MlsMessage};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;

const ROOM: &[u8] = b"council-7";
const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;
/// `MLSMessage` header of a key package (RFC 9420 section 6): version mls10, wire format `mls_key_package`. Ours are bare.
const KEY_PACKAGE: [u8; 4] = [0, 1, 0, 5];

/// Which implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ours,
    Theirs,
}
use Kind::{Ours, Theirs};

#[derive(Debug, PartialEq, Eq)]
struct Refused;

/// Leaf, name and signature key.
type Roster = Vec<(u32, String, Vec<u8>)>;

/// A member of the group, of either implementation.
trait Member {
    fn epoch(&self) -> u64;
    fn index(&self) -> u32;
    /// `None`: there is none any more.
    fn secret(&self) -> Option<Vec<u8>>;
    fn authenticator(&self) -> Vec<u8>;
    fn roster(&self) -> Roster;
    fn info(&self) -> Vec<u8>;
    /// Commit, and welcome if somebody is added. It waits for [`Member::confirm`].
    fn propose(&mut self, add: &[Vec<u8>], remove: &[u32]) -> (Vec<u8>, Option<Vec<u8>>);
    fn confirm(&mut self);
    fn abort(&mut self);
    /// `true`: still a member.
    fn follow(&mut self, commit: &[u8]) -> Result<bool, Refused>;
    /// Tries to follow to what must not be followed.
    fn attempt(&mut self, bad: &[u8]) -> Result<bool, Refused>;
}

/// Who is to be a member.
trait Candidate {
    fn package(&self) -> Vec<u8>;
    fn found(self: Box<Self>) -> Box<dyn Member>;
    fn welcome(self: Box<Self>, welcome: &[u8]) -> Box<dyn Member>;
    fn enter(self: Box<Self>, info: &[u8]) -> (Box<dyn Member>, Vec<u8>);
}

impl Member for Group {
    fn epoch(&self) -> u64 {
        self.epoch().0
    }

    fn index(&self) -> u32 {
        self.index()
    }

    fn secret(&self) -> Option<Vec<u8>> {
        match self.base_key() {
            Ok(key) => Some(key.expose().to_vec()),
            Err(MlsError::Removed) => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn authenticator(&self) -> Vec<u8> {
        self.authenticator().to_vec()
    }

    fn roster(&self) -> Roster {
        let members = self.members().unwrap().into_iter();
        members.map(|member| (member.index, member.identity.name, member.identity.key)).collect()
    }

    fn info(&self) -> Vec<u8> {
        self.group_info().unwrap()
    }

    fn propose(&mut self, add: &[Vec<u8>], remove: &[u32]) -> (Vec<u8>, Option<Vec<u8>>) {
        let add: Vec<&[u8]> = add.iter().map(Vec::as_slice).collect();
        let proposed = self.propose(&add, remove, &ShowUnverified).unwrap().unwrap();
        (proposed.commit, proposed.welcome)
    }

    fn confirm(&mut self) {
        self.confirm().unwrap();
    }

    fn abort(&mut self) {
        self.abort().unwrap();
    }

    fn follow(&mut self, commit: &[u8]) -> Result<bool, Refused> {
        let change = self.read(commit).map_err(|_| Refused)?.judge(&ShowUnverified).unwrap();
        Ok(self.merge(change).unwrap())
    }

    fn attempt(&mut self, bad: &[u8]) -> Result<bool, Refused> {
        self.follow(bad)
    }
}

impl Candidate for Joiner {
    fn package(&self) -> Vec<u8> {
        self.key_package().unwrap()
    }

    fn found(self: Box<Self>) -> Box<dyn Member> {
        Box::new((*self).found(ROOM).unwrap())
    }

    fn welcome(self: Box<Self>, welcome: &[u8]) -> Box<dyn Member> {
        let welcomed = self.read_welcome(ROOM, welcome).ok().expect("a welcome that can be read");
        Box::new(welcomed.judge(&ShowUnverified).unwrap().enter().unwrap())
    }

    fn enter(self: Box<Self>, info: &[u8]) -> (Box<dyn Member>, Vec<u8>) {
        let (mut group, proposed) =
            (*self).enter(ROOM, info, &ShowUnverified).ok().expect("a group to enter");
        group.confirm().unwrap();
        (Box::new(group), proposed.commit)
    }
}

impl<C: MlsConfig> Member for mls_rs::Group<C> {
    fn epoch(&self) -> u64 {
        self.current_epoch()
    }

    fn index(&self) -> u32 {
        self.current_member_index()
    }

    fn secret(&self) -> Option<Vec<u8>> {
        Some(self.export_secret(b"SFrame 1.0 Base Key", b"", 32).unwrap().as_bytes().to_vec())
    }

    fn authenticator(&self) -> Vec<u8> {
        self.epoch_authenticator().unwrap().as_bytes().to_vec()
    }

    fn roster(&self) -> Roster {
        let member = |member: mls_rs::group::Member| {
            let identity = member.signing_identity;
            let name = identity.credential.as_basic().unwrap().identifier.clone();
            (member.index, String::from_utf8(name).unwrap(), identity.signature_key.as_bytes().to_vec())
        };
        mls_rs::Group::roster(self).members_iter().map(member).collect()
    }

    fn info(&self) -> Vec<u8> {
        self.group_info_message_allowing_ext_commit(true).unwrap().to_bytes().unwrap()
    }

    fn propose(&mut self, add: &[Vec<u8>], remove: &[u32]) -> (Vec<u8>, Option<Vec<u8>>) {
        let mut builder = self.commit_builder();
        for package in add {
            let package = [KEY_PACKAGE.as_slice(), package].concat();
            builder = builder.add_member(MlsMessage::from_bytes(&package).unwrap()).unwrap();
        }
        for index in remove {
            builder = builder.remove_member(*index).unwrap();
        }
        let made = builder.build().unwrap();
        let welcome = made.welcome_messages.first().map(|welcome| welcome.to_bytes().unwrap());
        (made.commit_message.to_bytes().unwrap(), welcome)
    }

    fn confirm(&mut self) {
        self.apply_pending_commit().unwrap();
    }

    fn abort(&mut self) {
        self.clear_pending_commit();
    }

    fn follow(&mut self, commit: &[u8]) -> Result<bool, Refused> {
        let message = MlsMessage::from_bytes(commit).map_err(|_| Refused)?;
        let ReceivedMessage::Commit(commit) = self.process_incoming_message(message).map_err(|_| Refused)?
        else {
            return Err(Refused);
        };
        Ok(!matches!(commit.effect, CommitEffect::Removed { .. }))
    }

    /// By a copy: mls-rs uses a message's key up even when the message does not authenticate.
    fn attempt(&mut self, bad: &[u8]) -> Result<bool, Refused> {
        self.clone().follow(bad)
    }
}

impl<C: MlsConfig + 'static> Candidate for Client<C> {
    fn package(&self) -> Vec<u8> {
        let package = self.generate_key_package_message(Default::default(), Default::default(), None);
        let package = package.unwrap().to_bytes().unwrap();
        package.strip_prefix(&KEY_PACKAGE).unwrap().to_vec()
    }

    fn found(self: Box<Self>) -> Box<dyn Member> {
        let group = self.group_builder().unwrap().with_group_id(ROOM.to_vec()).build();
        Box::new(group.unwrap())
    }

    fn welcome(self: Box<Self>, welcome: &[u8]) -> Box<dyn Member> {
        let welcome = MlsMessage::from_bytes(welcome).unwrap();
        Box::new(self.join_group(None, &welcome, None).unwrap().0)
    }

    fn enter(self: Box<Self>, info: &[u8]) -> (Box<dyn Member>, Vec<u8>) {
        let info = MlsMessage::from_bytes(info).unwrap();
        let (group, commit) = self.commit_external(info).unwrap();
        (Box::new(group), commit.to_bytes().unwrap())
    }
}

fn candidate(kind: Kind, name: &str, seed: u8) -> Box<dyn Candidate> {
    match kind {
        Ours => Box::new(Joiner::new(name, &[seed; 32]).unwrap()),
        Theirs => Box::new(theirs(name)),
    }
}

fn theirs(name: &str) -> Client<impl MlsConfig + use<>> {
    let crypto = RustCryptoProvider::default();
    let (secret, public) = crypto.cipher_suite_provider(SUITE).unwrap().signature_key_generate().unwrap();
    let credential = BasicCredential::new(name.as_bytes().to_vec()).into_credential();
    // As ours: commits are encrypted, have a path, and the tree goes with the welcome.
    let rules = DefaultMlsRules::new()
        .with_encryption_options(EncryptionOptions::new(true, Default::default()))
        .with_commit_options(CommitOptions::new().with_path_required(true));
    Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto)
        .mls_rules(rules)
        .signing_identity(SigningIdentity::new(credential, public), secret, SUITE)
        .build()
}

/// A group, and who is in it.
struct Call {
    members: Vec<Box<dyn Member>>,
    seed: u8,
    secrets: Vec<Vec<u8>>,
}

impl Call {
    fn found(kind: Kind) -> Self {
        let members = vec![candidate(kind, "founder", 1).found()];
        Self { members, seed: 1, secrets: vec![] }
    }

    fn candidate(&mut self, kind: Kind) -> Box<dyn Candidate> {
        self.seed += 1;
        candidate(kind, &format!("{kind:?} {}", self.seed), self.seed)
    }

    /// All have the same, and another than in every epoch before.
    fn agree(&mut self) {
        let (first, others) = self.members.split_first().unwrap();
        let secret = first.secret().unwrap();
        for other in others {
            assert_eq!(other.epoch(), first.epoch());
            assert_eq!(other.secret().unwrap(), secret);
            assert_eq!(other.authenticator(), first.authenticator());
            assert_eq!(other.roster(), first.roster());
        }
        assert_eq!(first.roster().len(), self.members.len());
        assert!(!self.secrets.contains(&secret), "an epoch's secret came again");
        self.secrets.push(secret);
    }

    /// `at` commits, everybody else follows.
    fn commit(&mut self, at: usize, add: &[Vec<u8>], remove: &[u32]) -> (Vec<u8>, Option<Vec<u8>>) {
        let (commit, welcome) = self.members[at].propose(add, remove);
        self.members[at].confirm();
        for (other, member) in self.members.iter_mut().enumerate() {
            if other != at {
                assert_eq!(member.follow(&commit), Ok(!remove.contains(&member.index())));
            }
        }
        (commit, welcome)
    }

    fn rotate(&mut self, at: usize) {
        self.commit(at, &[], &[]);
        self.agree();
    }

    fn add(&mut self, at: usize, kind: Kind) {
        let candidate = self.candidate(kind);
        let (_, welcome) = self.commit(at, &[candidate.package()], &[]);
        self.members.push(candidate.welcome(&welcome.unwrap()));
        self.agree();
    }

    fn enter(&mut self, at: usize, kind: Kind) {
        let info = self.members[at].info();
        let (member, commit) = self.candidate(kind).enter(&info);
        for other in &mut self.members {
            assert_eq!(other.follow(&commit), Ok(true));
        }
        self.members.push(member);
        self.agree();
    }

    fn remove(&mut self, at: usize, who: usize) {
        let index = self.members[who].index();
        let (commit, _) = self.commit(at, &[], &[index]);
        let mut gone = self.members.remove(who);
        self.agree();
        // It has no key of this epoch, and follows to none that comes.
        assert_ne!(gone.secret().as_ref(), self.secrets.last());
        let at = if who < at { at - 1 } else { at };
        let (next, _) = self.commit(at, &[], &[]);
        self.agree();
        assert_eq!(gone.follow(&commit), Err(Refused));
        assert_eq!(gone.follow(&next), Err(Refused));
        assert_ne!(gone.secret().as_ref(), self.secrets.last());
    }
}

#[test]
fn whoever_founds_members_of_both_are_added_rotate_enter_and_are_removed() {
    for founder in [Ours, Theirs] {
        for other in [Ours, Theirs] {
            let mut call = Call::found(founder);
            call.add(0, other);
            call.add(1, Ours);
            call.add(1, Theirs);
            for at in 0..4 {
                call.rotate(at);
            }
            // By a commit of its own, into a group that each of the two describes.
            for (at, kind) in [(0, Ours), (0, Theirs), (1, Ours), (1, Theirs)] {
                call.enter(at, kind);
                call.rotate(call.members.len() - 1);
            }
            // Each removes each, the founder at last.
            for (at, who) in [(0, 2), (0, 2), (1, 2), (1, 2), (1, 0)] {
                call.remove(at, who);
            }
            assert_eq!(call.members.len(), 3);
        }
    }
}

#[test]
fn several_changes_in_one_commit() {
    for (founder, other) in [(Ours, Theirs), (Theirs, Ours)] {
        let mut call = Call::found(founder);
        call.add(0, other);
        call.add(0, other);
        for at in [0, 1] {
            let candidates = [call.candidate(Ours), call.candidate(Theirs), call.candidate(other)];
            let packages: Vec<_> = candidates.iter().map(|who| who.package()).collect();
            let out = call.members[2].index();
            let (_, welcome) = call.commit(at, &packages, &[out]);
            call.members.remove(2);
            let welcome = welcome.unwrap();
            call.members.extend(candidates.into_iter().map(|who| who.welcome(&welcome)));
            call.agree();
        }
    }
}

#[test]
fn of_two_commits_of_one_epoch_the_log_takes_one_and_the_other_is_made_again() {
    for (winner, loser) in [(Ours, Theirs), (Theirs, Ours)] {
        let mut call = Call::found(winner);
        call.add(0, loser);
        call.add(0, winner);
        let out = call.members[2].index();
        let (lost, _) = call.members[1].propose(&[], &[out]);
        call.members[1].abort();
        call.rotate(0);
        assert_eq!(call.members[0].follow(&lost), Err(Refused));
        call.remove(1, 2);
    }
}

#[test]
fn what_was_tampered_with_is_refused_by_the_other_and_changes_nothing() {
    for (committer, reader) in [(Ours, Theirs), (Theirs, Ours)] {
        let mut call = Call::found(committer);
        call.add(0, reader);
        // A commit of a member (a private message), and one of somebody who enters (a public one).
        for external in [false, true] {
            let (entering, commit) = if external {
                let (member, commit) = call.candidate(committer).enter(&call.members[0].info());
                (Some(member), commit)
            } else {
                (None, call.members[0].propose(&[], &[]).0)
            };
            let before = call.members[1].authenticator();
            for at in 0..commit.len() {
                let mut bad = commit.clone();
                bad[at] ^= 1 << (at % 8);
                assert_eq!(
                    call.members[1].attempt(&bad),
                    Err(Refused),
                    "byte {at} of a commit of {committer:?}"
                );
            }
            for len in 0..commit.len() {
                assert_eq!(call.members[1].attempt(&commit[..len]), Err(Refused), "length {len}");
            }
            assert_eq!(call.members[1].authenticator(), before);
            // What was not tampered with is still good, and once.
            assert_eq!(call.members[1].follow(&commit), Ok(true));
            assert_eq!(call.members[1].follow(&commit), Err(Refused));
            match entering {
                None => call.members[0].confirm(),
                Some(member) => {
                    assert_eq!(call.members[0].follow(&commit), Ok(true));
                    call.members.push(member);
                }
            }
            call.agree();
        }
    }
}

#[test]
fn a_long_walk_of_changes_by_both() {
    // Pseudo-random and the same in every run: Knuth's MMIX generator.
    let mut state = 2026_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut call = Call::found(Ours);
    call.add(0, Theirs);
    let mut done = [0; 4];
    for _ in 0..80 {
        let (count, what) = (call.members.len(), draw(4));
        let (at, kind) = (draw(count), if draw(2) == 0 { Ours } else { Theirs });
        match what {
            0 if count < 9 => call.add(at, kind),
            1 if count < 9 => call.enter(at, kind),
            2 if count > 3 => call.remove(at, (at + 1 + draw(count - 1)) % count),
            3 => call.rotate(at),
            _ => continue,
        }
        done[what] += 1;
    }
    assert!(done.iter().all(|times| *times >= 8), "{done:?}");
}
