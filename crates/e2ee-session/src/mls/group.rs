//! A group that one is in.
use e2ee_core::{BaseKey, Epoch, SecretBytes};

use openmls::group::{MlsGroup, StagedCommit};
use openmls::key_packages::KeyPackageIn;
use openmls::prelude::{
    LeafNodeIndex, MlsMessageIn, ProcessedMessageContent, Proposal, ProtocolMessage, ProtocolVersion, Sender,
};
use openmls_traits::OpenMlsProvider as _;
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::random::OpenMlsRand as _;
use openmls_traits::types::SignatureScheme;
use tls_codec::{DeserializeBytes as _, Serialize as _};
use zeroize::Zeroizing;

use super::crypto::sign;
use super::error::MlsError;
use super::identity::{Identity, identity_in, identity_of};
use super::joiner::{Joiner, Signed, to_sign};
use super::policy::{Admit, RoomPolicy, SecretId};
use super::suite::{Place, Suite};
use super::verdict::{CredentialPolicy, Judged, Refusal, Trust, judge};

/// RFC 9605 section 5.2.
const EXPORTER_LABEL: &str = "SFrame 1.0 Base Key";
/// Bytes of the exported secret. Fixed, so that members may seal with different suites.
const EXPORTED_LEN: usize = 32;

/// Somebody in the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Leaf of the tree: the sender index in KIDs.
    pub index: u32,
    /// Who it is.
    pub identity: Identity,
    /// How it is known.
    pub trust: Trust,
}

/// Authenticated data of a commit (RFC 9420 section 6.1): `version (1) | flags (1)`.
const NOTE_VERSION: u8 = 1;
/// Flag: fresh keys are used at once, because somebody was put out.
const AT_ONCE: u8 = 1;

/// What a commit shall change. Nothing of it: it makes fresh keys all the same.
#[derive(Default)]
pub struct Wish<'a> {
    /// Key packages of those who shall be in.
    pub add: &'a [&'a [u8]],
    /// Leaves of those who shall be out.
    pub remove: &'a [u32],
    /// Another room policy.
    pub policy: Option<RoomPolicy>,
    /// Tells the others to use the fresh keys at once.
    pub at_once: bool,
}

/// What goes out for a change.
pub struct Proposed {
    /// For the log, to be appended if it is still in the group's epoch.
    pub commit: Vec<u8>,
    /// For those who are added.
    pub welcome: Option<Vec<u8>>,
    /// The group of the epoch behind it, for those who enter by a commit of their own. Public.
    pub group_info: Vec<u8>,
}

/// A commit of somebody else, read and checked, and not merged.
pub struct Change {
    staged: Box<StagedCommit>,
    entering: Vec<Identity>,
    leaving: Vec<u32>,
    at_once: bool,
}

impl Change {
    /// Who would enter, and who would have another key.
    #[must_use]
    pub fn entering(&self) -> &[Identity] {
        &self.entering
    }

    /// Leaves of those who would be out.
    #[must_use]
    pub fn leaving(&self) -> &[u32] {
        &self.leaving
    }

    /// Fresh keys shall be used at once, because somebody was put out.
    #[must_use]
    pub fn at_once(&self) -> bool {
        self.at_once
    }

    /// The verdict on everybody who would enter.
    ///
    /// # Errors
    /// [`Refusal`]: somebody must not be in the group.
    pub fn judge(self, policy: &impl CredentialPolicy) -> Result<Judged<Self>, Refusal<Self>> {
        let entering = self.entering.clone();
        judge(self, &entering, policy)
    }
}

/// An own commit that waits for the log.
pub(super) enum Sent {
    /// By which this member enters: its group is of the epoch behind it already, and void without it.
    Entry { commit: Vec<u8> },
    /// Of a member; the group is of the epoch before it.
    Change { commit: Vec<u8>, verdicts: Vec<(Identity, Trust)> },
}

/// One member's view of the group. A commit of one's own changes it only when the log took it.
pub struct Group {
    me: Joiner,
    mls: MlsGroup,
    verdicts: Vec<(Identity, Trust)>,
    sent: Option<Sent>,
}

impl Group {
    pub(super) fn new(
        me: Joiner,
        mls: MlsGroup,
        verdicts: Vec<(Identity, Trust)>,
        sent: Option<Sent>,
    ) -> Self {
        Self { me, mls, verdicts, sent }
    }

    /// The epoch: one more for each commit.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.mls.epoch().as_u64())
    }

    /// The own leaf.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.mls.own_leaf_index().u32()
    }

    /// Everybody in the group, the own member included: what the tree says, never what a server says.
    ///
    /// # Errors
    /// [`MlsError::Refused`] for a member whose identity cannot be read.
    pub fn members(&self) -> Result<Vec<Member>, MlsError> {
        let member = |member: openmls::group::Member| {
            let identity = identity_of(&member.credential, &member.signature_key)?;
            let known = self.verdicts.iter().rev().find(|(who, _)| *who == identity);
            let trust = known.map_or(Trust::Unverified, |(_, trust)| *trust);
            Ok(Member { index: member.index.u32(), identity, trust })
        };
        self.mls.members().map(member).collect()
    }

    /// What the members agreed on.
    ///
    /// # Errors
    /// [`MlsError::NoPolicy`].
    pub fn policy(&self) -> Result<RoomPolicy, MlsError> {
        RoomPolicy::of(self.mls.extensions())
    }

    /// The own identity.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        self.me.identity()
    }

    /// 32 random bytes.
    ///
    /// # Errors
    /// [`MlsError::Refused`].
    pub fn random(&self) -> Result<[u8; 32], MlsError> {
        self.me.provider.rand().random_array().map_err(|_| MlsError::Refused)
    }

    /// A message that the others can tell to be this member's; not encrypted. See [`Signed`].
    ///
    /// # Errors
    /// [`MlsError::Refused`].
    pub fn sign(&self, kind: u8, body: &[u8]) -> Result<Vec<u8>, MlsError> {
        let signature = sign(self.me.key.bytes(), &to_sign(self.mls.group_id().as_slice(), kind, body));
        let signature = signature.map_err(|_| MlsError::Refused)?;
        Ok([self.identity().key.as_slice(), &signature, body].concat())
    }

    /// Reads what somebody who is in the group now signed.
    ///
    /// # Errors
    /// [`MlsError::Malformed`]; [`MlsError::Refused`]: a bad signature, or of somebody who is not in the group.
    pub fn verify<'a>(&self, kind: u8, message: &'a [u8]) -> Result<Signed<'a>, MlsError> {
        let (key, rest) = message.split_first_chunk::<32>().ok_or(MlsError::Malformed)?;
        let (signature, body) = rest.split_first_chunk::<64>().ok_or(MlsError::Malformed)?;
        let from = self.mls.members().find(|member| member.signature_key == key);
        let from = from.ok_or(MlsError::Refused)?;
        let signed = to_sign(self.mls.group_id().as_slice(), kind, body);
        self.me
            .provider
            .crypto()
            .verify_signature(SignatureScheme::ED25519, &signed, key, signature)
            .map_err(|_| MlsError::Refused)?;
        Ok(Signed { from: identity_of(&from.credential, &from.signature_key)?, body })
    }

    /// The secret that every member's frame keys of this epoch come from (RFC 9605 section 5.2).
    ///
    /// # Errors
    /// [`MlsError::Removed`]; [`MlsError::Pending`] while the commit by which this member enters waits for the log.
    pub fn base_key(&self) -> Result<BaseKey, MlsError> {
        if matches!(self.sent, Some(Sent::Entry { .. })) {
            return Err(MlsError::Pending);
        }
        let exported = self.mls.export_secret(self.me.provider.crypto(), EXPORTER_LABEL, b"", EXPORTED_LEN);
        let exported = Zeroizing::new(exported.map_err(|_| MlsError::Removed)?);
        BaseKey::new(SecretBytes::copy_of(&exported)).map_err(|_| MlsError::Refused)
    }

    /// What members compare: the same for all of one epoch, 32 bytes.
    #[must_use]
    pub fn authenticator(&self) -> &[u8] {
        self.mls.epoch_authenticator().as_slice()
    }

    /// The group for somebody who enters by a commit of its own. Public.
    ///
    /// # Errors
    /// [`MlsError::Removed`].
    pub fn group_info(&self) -> Result<Vec<u8>, MlsError> {
        let info = self.mls.export_group_info(self.me.provider.crypto(), &self.me.key, true);
        info.map_err(|_| MlsError::Removed)?.tls_serialize_detached().map_err(|_| MlsError::Refused)
    }

    /// What its members speak.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.me.suite()
    }

    /// Whom a key package would add.
    ///
    /// # Errors
    /// [`MlsError::Malformed`], [`MlsError::OtherSuite`], [`MlsError::Refused`].
    pub fn read_key_package(&self, package: &[u8]) -> Result<Identity, MlsError> {
        self.me.read_key_package(package)
    }

    /// The epoch that the log must be in to take the own commit that waits for it; `None`: none waits.
    #[must_use]
    pub fn expects(&self) -> Option<Epoch> {
        match self.sent {
            None => None,
            Some(Sent::Change { .. }) => Some(self.epoch()),
            Some(Sent::Entry { .. }) => Some(Epoch(self.epoch().0.saturating_sub(1))),
        }
    }

    /// Gives the group up, to enter another one: when the commit by which it was founded or entered came too late.
    #[must_use]
    pub fn into_joiner(self) -> Joiner {
        self.me
    }

    /// Proposes a change. Nothing changes before [`Group::confirm`].
    ///
    /// # Errors
    /// [`MlsError::Pending`]: one waits for the log already. [`MlsError::Malformed`], [`MlsError::OtherSuite`],
    /// [`MlsError::Refused`]; a policy's refusal is the inner one.
    pub fn propose(
        &mut self,
        wish: &Wish<'_>,
        policy: &impl CredentialPolicy,
    ) -> Result<Result<Proposed, Refusal<()>>, MlsError> {
        if self.sent.is_some() {
            return Err(MlsError::Pending);
        }
        let provider = &self.me.provider;
        let mut packages = Vec::new();
        for bytes in wish.add {
            self.me.suite().expect(Place::KeyPackage, bytes)?;
            let read = KeyPackageIn::tls_deserialize_exact_bytes(bytes).map_err(|_| MlsError::Malformed)?;
            packages.push(
                read.validate(provider.crypto(), ProtocolVersion::Mls10).map_err(|_| MlsError::Refused)?,
            );
        }
        let entering = packages
            .iter()
            .map(|package| identity_in(package.leaf_node()))
            .collect::<Result<Vec<_>, MlsError>>()?;
        let Judged { verdicts, .. } = match judge((), &entering, policy) {
            Ok(judged) => judged,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let now = self.policy()?;
        let secret = now.secret.map(|id| self.me.secret_proposal(id)).transpose()?;
        // Taken by the next message, which this is.
        self.mls.set_aad(vec![NOTE_VERSION, if wish.at_once { AT_ONCE } else { 0 }]);
        let builder = self
            .mls
            .commit_builder()
            .propose_adds(packages)
            .propose_removals(wish.remove.iter().map(|index| LeafNodeIndex::new(*index)))
            .force_self_update(true);
        let builder = match secret {
            None => builder,
            Some(secret) => builder.add_proposal(Proposal::PreSharedKey(Box::new(secret))),
        };
        let builder = match wish.policy {
            None => builder,
            Some(policy) => builder
                // The secret stays what it is: members who do not have another one could not follow.
                .propose_group_context_extensions(RoomPolicy { secret: now.secret, ..policy }.extensions()?)
                .map_err(|_| MlsError::Refused)?,
        };
        let bundle = builder
            .load_psks(provider.storage())
            .map_err(|_| MlsError::Refused)?
            .create_group_info(true)
            .use_ratchet_tree_extension(true)
            .build(provider.rand(), provider.crypto(), &self.me.key, |_| true)
            .map_err(|_| MlsError::Refused)?
            .stage_commit(provider)
            .map_err(|_| MlsError::Refused)?;
        let (commit, welcome, group_info) = bundle.into_messages();
        let group_info = group_info.ok_or(MlsError::Refused)?;
        let bytes = |message: openmls::prelude::MlsMessageOut| {
            message.tls_serialize_detached().map_err(|_| MlsError::Refused)
        };
        let (commit, welcome) = (bytes(commit)?, welcome.map(bytes).transpose()?);
        let group_info = bytes(group_info)?;
        self.sent = Some(Sent::Change { commit: commit.clone(), verdicts });
        Ok(Ok(Proposed { commit, welcome, group_info }))
    }

    /// The log took the own commit.
    ///
    /// # Errors
    /// [`MlsError::Pending`]: none was sent.
    pub fn confirm(&mut self) -> Result<(), MlsError> {
        match self.sent.take() {
            None => return Err(MlsError::Pending),
            Some(Sent::Entry { .. }) => {}
            Some(Sent::Change { verdicts, .. }) => {
                self.mls.merge_pending_commit(&self.me.provider).map_err(|_| MlsError::Refused)?;
                self.verdicts.extend(verdicts);
            }
        }
        self.forget_strangers()
    }

    /// Another commit came first: the own one is void, and its wishes must be proposed again.
    ///
    /// # Errors
    /// [`MlsError::Pending`]: none was sent, or it is the one by which this member enters, which cannot be taken back.
    pub fn abort(&mut self) -> Result<(), MlsError> {
        if !matches!(self.sent, Some(Sent::Change { .. })) {
            return Err(MlsError::Pending);
        }
        self.sent = None;
        self.mls.clear_pending_commit(self.me.provider.storage()).map_err(|_| MlsError::Refused)
    }

    /// Reads a commit out of the log. Nothing changes before [`Group::merge`].
    ///
    /// # Errors
    /// [`MlsError::OwnCommit`]. What no member may follow, and all refuse alike: [`MlsError::Malformed`],
    /// [`MlsError::WrongEpoch`], [`MlsError::Refused`], [`MlsError::BadIdentity`], [`MlsError::NoPolicy`],
    /// [`MlsError::NotAdmitted`].
    pub fn read(&mut self, commit: &[u8]) -> Result<Change, MlsError> {
        if let Some(Sent::Entry { commit: own } | Sent::Change { commit: own, .. }) = &self.sent
            && own == commit
        {
            return Err(MlsError::OwnCommit);
        }
        let message = MlsMessageIn::tls_deserialize_exact_bytes(commit).map_err(|_| MlsError::Malformed)?;
        let message: ProtocolMessage =
            message.try_into_protocol_message().map_err(|_| MlsError::Malformed)?;
        if message.group_id() != self.mls.group_id() || message.epoch() != self.mls.epoch() {
            return Err(MlsError::WrongEpoch);
        }
        let read = self.mls.process_message(&self.me.provider, message).map_err(|_| MlsError::Refused)?;
        let from_outside = matches!(read.sender(), Sender::NewMemberCommit);
        let at_once = matches!(read.aad(), [NOTE_VERSION, flags] if flags & AT_ONCE != 0);
        let ProcessedMessageContent::StagedCommitMessage(staged) = read.into_content() else {
            return Err(MlsError::Malformed);
        };
        let known: Vec<Identity> = self.members()?.into_iter().map(|member| member.identity).collect();
        let leaves = staged
            .add_proposals()
            .map(|add| identity_in(add.add_proposal().key_package().leaf_node()))
            .chain(staged.update_proposals().map(|update| identity_in(update.update_proposal().leaf_node())))
            .chain(staged.update_path_leaf_node().map(identity_in))
            .collect::<Result<Vec<_>, MlsError>>()?;
        let entering: Vec<Identity> = leaves.into_iter().filter(|who| !known.contains(who)).collect();
        let (now, then) = (self.policy()?, RoomPolicy::of(staged.group_context().extensions())?);
        // RFC 9420 section 8.4: type 1 (external), and the id behind its length.
        let carried = |SecretId(id): SecretId| {
            let wanted = [[1, 8].as_slice(), &id].concat();
            let carries = |bytes: Vec<u8>| bytes.starts_with(&wanted);
            staged.psk_proposals().any(|psk| psk.psk_proposal().tls_serialize_detached().is_ok_and(carries))
        };
        if now.secret != then.secret || !now.secret.is_none_or(carried) {
            return Err(MlsError::NoSecret);
        }
        // Who is in may come in again, after it missed too much.
        if from_outside && !entering.is_empty() && now.admit == Admit::Members {
            return Err(MlsError::NotAdmitted);
        }
        let leaving =
            staged.remove_proposals().map(|remove| remove.remove_proposal().removed().u32()).collect();
        Ok(Change { staged, entering, leaving, at_once })
    }

    /// Takes over a change that was judged. `false`: this member is out, and gets no more keys.
    ///
    /// # Errors
    /// [`MlsError::Refused`].
    pub fn merge(&mut self, change: Judged<Change>) -> Result<bool, MlsError> {
        let Judged { staged: Change { staged, .. }, verdicts } = change;
        self.mls.merge_staged_commit(&self.me.provider, *staged).map_err(|_| MlsError::Refused)?;
        // An own commit of the epoch before is void.
        self.sent = None;
        self.verdicts.extend(verdicts);
        if self.mls.is_active() {
            self.forget_strangers()?;
        }
        Ok(self.mls.is_active())
    }

    fn forget_strangers(&mut self) -> Result<(), MlsError> {
        let members: Vec<Identity> = self.members()?.into_iter().map(|member| member.identity).collect();
        self.verdicts.retain(|(who, _)| members.contains(who));
        Ok(())
    }
}
