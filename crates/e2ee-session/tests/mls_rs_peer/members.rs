//! Members of both implementations, by one interface.
use e2ee_session::mls::{Admit, Group, Joiner, MlsError, Mode, RoomPolicy, SecretId, ShowUnverified, Wish};
use mls_rs::client_builder::MlsConfig;
use mls_rs::extension::built_in::RequiredCapabilitiesExt;
use mls_rs::extension::{ExtensionType, MlsExtension as _};
use mls_rs::group::{CommitEffect, ReceivedMessage};
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions};
use mls_rs::psk::{ExternalPskId, PreSharedKey};
use mls_rs::{
    CipherSuite, CipherSuiteProvider as _, Client, CryptoProvider as _, Extension, ExtensionList, MlsMessage,
};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;

pub(crate) const ROOM: &[u8] = b"council-7";
const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;
/// `MLSMessage` header of a key package (RFC 9420 section 6): version mls10, wire format `mls_key_package`. Ours are bare.
const KEY_PACKAGE: [u8; 4] = [0, 1, 0, 5];
/// Extension of a group's context with the room policy.
pub(crate) const POLICY: ExtensionType = ExtensionType::new(0xf5ea);

/// From outside, for rooms that have one, and its name.
const SECRET: [u8; 32] = [9; 32];
pub(crate) const SECRET_ID: [u8; 8] = [7; 8];

/// Which implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ours,
    Theirs,
}
pub(crate) use Kind::{Ours, Theirs};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// Leaf, name and signature key.
pub(crate) type Roster = Vec<(u32, String, Vec<u8>)>;

/// A member of the group, of either implementation.
pub(crate) trait Member {
    fn epoch(&self) -> u64;
    fn index(&self) -> u32;
    /// As it stands in the group's context.
    fn policy(&self) -> Vec<u8>;
    /// `None`: there is none any more.
    fn secret(&self) -> Option<Vec<u8>>;
    fn authenticator(&self) -> Vec<u8>;
    fn roster(&self) -> Roster;
    fn info(&self) -> Vec<u8>;
    /// Commit, and welcome if somebody is added. It waits for [`Member::confirm`].
    fn propose(&mut self, add: &[Vec<u8>], remove: &[u32]) -> (Vec<u8>, Option<Vec<u8>>);
    /// Commit of another room policy.
    fn repolicy(&mut self, policy: RoomPolicy) -> Vec<u8>;
    fn confirm(&mut self);
    fn abort(&mut self);
    /// `true`: still a member.
    fn follow(&mut self, commit: &[u8]) -> Result<bool, Refused>;
    /// Tries to follow to what must not be followed.
    fn attempt(&mut self, bad: &[u8]) -> Result<bool, Refused>;
}

/// Who is to be a member.
pub(crate) trait Candidate {
    fn package(&self) -> Vec<u8>;
    fn found(self: Box<Self>, policy: &RoomPolicy) -> Box<dyn Member>;
    fn welcome(self: Box<Self>, welcome: &[u8]) -> Box<dyn Member>;
    /// `secret`: the room's secret is brought.
    fn enter(self: Box<Self>, info: &[u8], secret: bool) -> (Box<dyn Member>, Vec<u8>);
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

    fn policy(&self) -> Vec<u8> {
        written(self.policy().unwrap())
    }

    fn authenticator(&self) -> Vec<u8> {
        self.authenticator().to_vec()
    }

    fn roster(&self) -> Roster {
        let members = self.members().unwrap().into_iter();
        members.map(|member| (member.index, member.identity.participant, member.identity.key)).collect()
    }

    fn info(&self) -> Vec<u8> {
        self.group_info().unwrap()
    }

    fn propose(&mut self, add: &[Vec<u8>], remove: &[u32]) -> (Vec<u8>, Option<Vec<u8>>) {
        let add: Vec<&[u8]> = add.iter().map(Vec::as_slice).collect();
        let wish = Wish { add: &add, remove, ..Wish::default() };
        let proposed = self.propose(&wish, &ShowUnverified).unwrap().unwrap();
        (proposed.commit, proposed.welcome)
    }

    fn repolicy(&mut self, policy: RoomPolicy) -> Vec<u8> {
        let wish = Wish { policy: Some(policy), ..Wish::default() };
        self.propose(&wish, &ShowUnverified).unwrap().unwrap().commit
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

    fn found(self: Box<Self>, policy: &RoomPolicy) -> Box<dyn Member> {
        Box::new((*self).found(ROOM, policy).unwrap())
    }

    fn welcome(self: Box<Self>, welcome: &[u8]) -> Box<dyn Member> {
        let welcomed = self.read_welcome(ROOM, welcome).map_err(|(_, error)| error).expect("a welcome");
        Box::new(welcomed.judge(&ShowUnverified).unwrap().enter().unwrap())
    }

    fn enter(self: Box<Self>, info: &[u8], _: bool) -> (Box<dyn Member>, Vec<u8>) {
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

    fn policy(&self) -> Vec<u8> {
        self.context().extensions.get(POLICY).unwrap().extension_data
    }

    fn authenticator(&self) -> Vec<u8> {
        self.epoch_authenticator().unwrap().as_bytes().to_vec()
    }

    fn roster(&self) -> Roster {
        let member = |member: mls_rs::group::Member| {
            let identity = member.signing_identity;
            let (name, key) = (&identity.credential.as_basic().unwrap().identifier, identity.signature_key);
            let name = name[3..3 + usize::from(name[2])].to_vec();
            (member.index, String::from_utf8(name).unwrap(), key.as_bytes().to_vec())
        };
        mls_rs::Group::roster(self).members_iter().map(member).collect()
    }

    fn info(&self) -> Vec<u8> {
        self.group_info_message_allowing_ext_commit(true).unwrap().to_bytes().unwrap()
    }

    fn propose(&mut self, add: &[Vec<u8>], remove: &[u32]) -> (Vec<u8>, Option<Vec<u8>>) {
        let secret = Member::policy(self).ends_with(&SECRET_ID);
        let mut builder = self.commit_builder();
        for package in add {
            let package = [KEY_PACKAGE.as_slice(), package].concat();
            builder = builder.add_member(MlsMessage::from_bytes(&package).unwrap()).unwrap();
        }
        for index in remove {
            builder = builder.remove_member(*index).unwrap();
        }
        if secret {
            builder = builder.add_external_psk(ExternalPskId::new(SECRET_ID.to_vec())).unwrap();
        }
        let made = builder.build().unwrap();
        let welcome = made.welcome_messages.first().map(|welcome| welcome.to_bytes().unwrap());
        (made.commit_message.to_bytes().unwrap(), welcome)
    }

    fn repolicy(&mut self, policy: RoomPolicy) -> Vec<u8> {
        let builder = self.commit_builder().set_group_context_ext(context(policy)).unwrap();
        builder.build().unwrap().commit_message.to_bytes().unwrap()
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

    fn found(self: Box<Self>, policy: &RoomPolicy) -> Box<dyn Member> {
        let group = self.group_builder().unwrap().with_group_id(ROOM.to_vec());
        Box::new(group.with_group_context_extensions(context(*policy)).build().unwrap())
    }

    fn welcome(self: Box<Self>, welcome: &[u8]) -> Box<dyn Member> {
        let welcome = MlsMessage::from_bytes(welcome).unwrap();
        Box::new(self.join_group(None, &welcome, None).unwrap().0)
    }

    fn enter(self: Box<Self>, info: &[u8], secret: bool) -> (Box<dyn Member>, Vec<u8>) {
        let info = MlsMessage::from_bytes(info).unwrap();
        let mut builder = self.external_commit_builder().unwrap();
        if secret {
            builder = builder.with_external_psk(ExternalPskId::new(SECRET_ID.to_vec()));
        }
        let (group, commit) = builder.build(info).unwrap();
        (Box::new(group), commit.to_bytes().unwrap())
    }
}

pub(crate) fn candidate(kind: Kind, name: &str, seed: u8) -> Box<dyn Candidate> {
    match kind {
        Ours => {
            let mut joiner = Joiner::new(name, &[seed; 32]).unwrap();
            joiner.share_secret(&SECRET).unwrap();
            Box::new(joiner)
        }
        Theirs => Box::new(theirs(name)),
    }
}

/// As a group's context has it.
pub(crate) fn written(policy: RoomPolicy) -> Vec<u8> {
    let mode = [Mode::Required, Mode::Preferred, Mode::Off].iter().position(|mode| *mode == policy.mode);
    let admit = [Admit::Anyone, Admit::Members].iter().position(|admit| *admit == policy.admit);
    let [high, low] = policy.suite.to_be_bytes();
    let secret = policy.secret.map_or(vec![0], |SecretId(id)| [&[8], id.as_slice()].concat());
    [&[1, mode.unwrap() as u8 + 1, admit.unwrap() as u8 + 1, high, low], secret.as_slice()].concat()
}

fn context(policy: RoomPolicy) -> ExtensionList {
    let required = RequiredCapabilitiesExt { extensions: vec![POLICY], ..Default::default() };
    vec![required.into_extension().unwrap(), Extension::new(POLICY, written(policy))].into()
}

fn theirs(name: &str) -> Client<impl MlsConfig + use<>> {
    let crypto = RustCryptoProvider::default();
    let (secret, public) = crypto.cipher_suite_provider(SUITE).unwrap().signature_key_generate().unwrap();
    // Version, the participant and its length, no name, no proof.
    let identity = [&[1, 0, name.len() as u8], name.as_bytes(), &[0, 0]].concat();
    let credential = BasicCredential::new(identity).into_credential();
    // As ours: commits are encrypted, have a path, and the tree goes with the welcome.
    let rules = DefaultMlsRules::new()
        .with_encryption_options(EncryptionOptions::new(true, Default::default()))
        .with_commit_options(CommitOptions::new().with_path_required(true));
    Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto)
        .extension_type(POLICY)
        .psk(ExternalPskId::new(SECRET_ID.to_vec()), PreSharedKey::from(SECRET.to_vec()))
        .mls_rules(rules)
        .signing_identity(SigningIdentity::new(credential, public), secret, SUITE)
        .build()
}
