//! Members, a log, and whoever carries the messages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use e2ee_core::{
    CallId, CipherSuite, CodecRule, Epoch, FrameBuf, FrameFormat, FrameInfo, KeyAt, KidScheme, OpenCause,
    Opener, ParticipantId, Profile, Provider, Sealer, TrackKind,
};
use e2ee_session::mls::{
    CredentialPolicy, Group, Identity, Joiner, MlsError, Proposed, RoomPolicy, ShowUnverified, Trust, Wish,
};

const ROOM: &[u8] = b"council-7";
const AUDIO: FrameInfo<'static> = FrameInfo::track(TrackKind::Audio, CodecRule::Opaque);

fn joiner(name: &str, seed: u8) -> Joiner {
    Joiner::new(name, &[seed; 32]).unwrap()
}

fn propose(group: &mut Group, add: &[&[u8]], remove: &[u32]) -> Proposed {
    let wish = Wish { add, remove, ..Wish::default() };
    group.propose(&wish, &ShowUnverified).unwrap().unwrap()
}

fn welcome(joiner: Joiner, bytes: &[u8]) -> Group {
    joiner.read_welcome(ROOM, bytes).ok().unwrap().judge(&ShowUnverified).unwrap().enter().unwrap()
}

/// `true`: still a member.
fn follow(group: &mut Group, commit: &[u8]) -> bool {
    let change = group.read(commit).unwrap().judge(&ShowUnverified).unwrap();
    group.merge(change).unwrap()
}

/// Ada, who founded it, with bob and cleo.
fn three() -> [Group; 3] {
    let (ada, bob, cleo) = (joiner("ada", 1), joiner("bob", 2), joiner("cleo", 3));
    let mut ada = ada.found(ROOM, &RoomPolicy::default()).unwrap();
    let packages = [bob.key_package().unwrap(), cleo.key_package().unwrap()];
    let proposed = propose(&mut ada, &[&packages[0], &packages[1]], &[]);
    ada.confirm().unwrap();
    let bytes = proposed.welcome.unwrap();
    [ada, welcome(bob, &bytes), welcome(cleo, &bytes)]
}

fn secret(group: &Group) -> Vec<u8> {
    group.base_key().unwrap().expose().to_vec()
}

fn agree(groups: &[&Group]) {
    for pair in groups.windows(2) {
        assert_eq!(secret(pair[0]), secret(pair[1]));
        assert_eq!(pair[0].authenticator(), pair[1].authenticator());
        assert_eq!(pair[0].members().unwrap(), pair[1].members().unwrap());
        assert_eq!(pair[0].epoch(), pair[1].epoch());
    }
}

fn names(group: &Group) -> Vec<String> {
    group.members().unwrap().into_iter().map(|member| member.identity.participant).collect()
}

fn profile() -> Profile {
    Profile {
        provider: Provider::best(),
        suite: CipherSuite::Aes128GcmSha256_128,
        format: FrameFormat::Frameseal { call: CallId::new("council-7").unwrap() },
        scheme: KidScheme::Mls { epoch_bits: 4, index_bits: 16 },
    }
}

fn sealer(group: &Group, who: &str) -> Sealer {
    let who = ParticipantId::new(who).unwrap();
    Sealer::from_epoch(profile(), who, group.epoch(), group.index(), 0, group.base_key().unwrap()).unwrap()
}

/// Opens a frame of `who` with what `group` has.
fn open(group: &Group, who: &str, frame: &[u8]) -> Result<Vec<u8>, OpenCause> {
    let member =
        group.members().unwrap().into_iter().find(|member| member.identity.participant == who).unwrap();
    let mut opener = Opener::new(profile(), ParticipantId::new(who).unwrap());
    opener.install(KeyAt::Mls(group.epoch(), member.index), group.base_key().unwrap());
    let mut buf = FrameBuf::new();
    buf.fill(frame);
    opener.open(&AUDIO, &mut buf).map(<[u8]>::to_vec).map_err(|error| error.cause)
}

fn seal(sealer: &mut Sealer, frame: &[u8]) -> Vec<u8> {
    let mut buf = FrameBuf::new();
    buf.fill(frame);
    sealer.seal(&AUDIO, &mut buf).unwrap().to_vec()
}

#[test]
fn members_of_an_epoch_share_its_keys_and_each_seals_under_its_own() {
    let [ada, bob, cleo] = three();
    agree(&[&ada, &bob, &cleo]);
    assert_eq!(names(&ada), ["ada", "bob", "cleo"]);
    for (group, who) in [(&ada, "ada"), (&bob, "bob"), (&cleo, "cleo")] {
        let frame = seal(&mut sealer(group, who), b"hello");
        for other in [&ada, &bob, &cleo] {
            assert_eq!(open(other, who, &frame).unwrap(), b"hello");
        }
        // Under another's name it does not open.
        let other = if who == "ada" { "bob" } else { "ada" };
        assert!(open(&ada, other, &frame).is_err());
    }
}

#[test]
fn who_is_removed_opens_nothing_after_it_and_who_comes_nothing_before() {
    let [mut ada, mut bob, mut cleo] = three();
    let before = seal(&mut sealer(&ada, "ada"), b"before");
    let old = secret(&cleo);

    let removal = propose(&mut ada, &[], &[cleo.index()]);
    ada.confirm().unwrap();
    assert!(follow(&mut bob, &removal.commit));
    assert!(!follow(&mut cleo, &removal.commit), "cleo is told that it is out");
    assert!(matches!(cleo.base_key(), Err(MlsError::Removed)));
    agree(&[&ada, &bob]);
    assert_ne!(secret(&ada), old);

    let dora = joiner("dora", 4);
    let package = dora.key_package().unwrap();
    let addition = propose(&mut bob, &[&package], &[]);
    bob.confirm().unwrap();
    assert!(follow(&mut ada, &addition.commit));
    let dora = welcome(dora, &addition.welcome.unwrap());
    agree(&[&ada, &bob, &dora]);
    let after = seal(&mut sealer(&ada, "ada"), b"after");
    assert_eq!(open(&dora, "ada", &after).unwrap(), b"after");
    assert!(open(&dora, "ada", &before).is_err());
    assert_eq!(dora.epoch(), Epoch(3));
}

#[test]
fn of_two_commits_of_one_epoch_one_counts_and_the_other_is_proposed_again() {
    let [mut ada, mut bob, mut cleo] = three();
    let won = propose(&mut ada, &[], &[]);
    let lost = propose(&mut bob, &[], &[cleo.index()]);
    assert!(matches!(bob.propose(&Wish::default(), &ShowUnverified), Err(MlsError::Pending)));
    ada.confirm().unwrap();
    bob.abort().unwrap();
    for group in [&mut bob, &mut cleo] {
        assert!(follow(group, &won.commit));
    }
    agree(&[&ada, &bob, &cleo]);
    // The log would not have taken it; who gets it all the same refuses it.
    assert!(matches!(ada.read(&lost.commit), Err(MlsError::WrongEpoch)));
    let again = propose(&mut bob, &[], &[cleo.index()]);
    bob.confirm().unwrap();
    assert!(follow(&mut ada, &again.commit));
    agree(&[&ada, &bob]);
}

#[test]
fn who_finds_nobody_to_let_it_in_enters_by_itself() {
    let [mut ada, mut bob, mut cleo] = three();
    let info = ada.group_info().unwrap();
    let dora = joiner("dora", 4);
    let there: Vec<_> =
        dora.read_group(ROOM, &info).unwrap().0.into_iter().map(|who| who.participant).collect();
    assert_eq!(there, ["ada", "bob", "cleo"]);
    let (mut dora, Proposed { commit, .. }) = dora.enter(ROOM, &info, &ShowUnverified).ok().unwrap();
    // Until the log took the commit there is no such epoch.
    assert!(matches!(dora.base_key(), Err(MlsError::Pending)));
    assert!(matches!(dora.read(&commit), Err(MlsError::OwnCommit)));
    for group in [&mut ada, &mut bob, &mut cleo] {
        let change = group.read(&commit).unwrap();
        assert_eq!(
            change.entering().iter().map(|who| who.participant.as_str()).collect::<Vec<_>>(),
            ["dora"]
        );
        assert!(group.merge(change.judge(&ShowUnverified).unwrap()).unwrap());
    }
    dora.confirm().unwrap();
    agree(&[&ada, &bob, &cleo, &dora]);
    assert_eq!(names(&dora), ["ada", "bob", "cleo", "dora"]);
    // In another room, and of an epoch that is gone, it is of no use.
    let other = joiner("eve", 5).enter(b"other", &info, &ShowUnverified);
    assert!(matches!(other, Err((_, MlsError::Refused))));
    let (_, late) = joiner("eve", 5).enter(ROOM, &info, &ShowUnverified).ok().unwrap();
    assert!(matches!(ada.read(&late.commit), Err(MlsError::WrongEpoch)));
}

/// Refuses one name, and vouches for another.
struct Picky;

impl CredentialPolicy for Picky {
    fn trust(&self, who: &Identity) -> Trust {
        match who.participant.as_str() {
            "eve" => Trust::Refused,
            "zoe" => Trust::Verified,
            _ => Trust::Unverified,
        }
    }
}

#[test]
fn nobody_enters_without_a_verdict_by_whatever_door() {
    let [mut ada, mut bob, _cleo] = three();
    let eve = joiner("eve", 5);
    let package = eve.key_package().unwrap();
    let refusal = ada.propose(&Wish { add: &[&package], ..Wish::default() }, &Picky).unwrap().err().unwrap();
    assert_eq!(refusal.refused()[0].participant, "eve");
    // A refused proposal leaves nothing behind: the next one works.
    let zoe = joiner("zoe", 6);
    let fine = ada
        .propose(&Wish { add: &[&zoe.key_package().unwrap()], ..Wish::default() }, &Picky)
        .unwrap()
        .unwrap();
    ada.confirm().unwrap();
    assert!(follow(&mut bob, &fine.commit));
    let trust = |group: &Group| group.members().unwrap().into_iter().last().unwrap().trust;
    assert_eq!((trust(&ada), trust(&bob)), (Trust::Verified, Trust::Unverified));

    // Bob lets eve in; ada does not follow, and is where it was.
    let addition = propose(&mut bob, &[&package], &[]);
    let epoch = ada.epoch();
    assert!(ada.read(&addition.commit).unwrap().judge(&Picky).is_err());
    assert_eq!(ada.epoch(), epoch);
    // Nor does zoe enter a group that eve is in, by either door.
    bob.confirm().unwrap();
    let info = bob.group_info().unwrap();
    assert!(matches!(joiner("zoe", 8).enter(ROOM, &info, &Picky), Err((_, MlsError::Refused))));
    let guest = joiner("guest", 9);
    let letter = propose(&mut bob, &[&guest.key_package().unwrap()], &[]).welcome.unwrap();
    assert!(guest.read_welcome(ROOM, &letter).ok().unwrap().judge(&Picky).is_err());
}

#[test]
fn what_was_changed_or_comes_again_is_refused_and_changes_nothing() {
    let [mut ada, mut bob, cleo] = three();
    let rotation = propose(&mut ada, &[], &[]);
    ada.confirm().unwrap();
    let epoch = bob.epoch();
    for at in 0..rotation.commit.len() {
        let mut bad = rotation.commit.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(bob.read(&bad).is_err(), "byte {at}");
    }
    for len in 0..rotation.commit.len() {
        assert!(bob.read(&rotation.commit[..len]).is_err(), "length {len}");
    }
    assert_eq!(bob.epoch(), epoch);
    assert!(follow(&mut bob, &rotation.commit));
    agree(&[&ada, &bob]);
    assert!(matches!(bob.read(&rotation.commit), Err(MlsError::WrongEpoch)));
    assert!(matches!(ada.read(&rotation.commit), Err(MlsError::WrongEpoch)));

    // The same for what a joiner reads.
    let dora = joiner("dora", 4);
    let package = dora.key_package().unwrap();
    for at in 0..package.len() {
        let mut bad = package.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(
            ada.propose(&Wish { add: &[&bad], ..Wish::default() }, &ShowUnverified).is_err(),
            "byte {at} of a key package"
        );
    }
    let letter = propose(&mut ada, &[&package], &[]).welcome.unwrap();
    assert!(matches!(joiner("eve", 5).read_welcome(ROOM, &letter), Err((_, MlsError::Refused))));
    assert!(matches!(dora.read_welcome(b"other", &letter), Err((_, MlsError::Refused))));
    drop(cleo);
}

#[test]
fn the_own_commit_out_of_the_log_is_known() {
    let [mut ada, ..] = three();
    let rotation = propose(&mut ada, &[], &[]);
    assert!(matches!(ada.read(&rotation.commit), Err(MlsError::OwnCommit)));
    ada.confirm().unwrap();
    assert!(matches!(ada.confirm(), Err(MlsError::Pending)));
    assert!(matches!(ada.abort(), Err(MlsError::Pending)));
}

#[test]
fn a_run_replays_from_its_seeds() {
    let run = || {
        let [mut ada, ..] = three();
        (propose(&mut ada, &[], &[]).commit, secret(&ada))
    };
    assert_eq!(run(), run());
    assert!(matches!(Joiner::new("", &[0; 32]), Err(MlsError::BadIdentity)));
    assert!(matches!(Joiner::new(&"x".repeat(513), &[0; 32]), Err(MlsError::BadIdentity)));
}
