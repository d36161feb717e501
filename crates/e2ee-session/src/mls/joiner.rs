//! Somebody who is in no group yet.
use e2ee_core::SecretBytes;
use openmls::credentials::{BasicCredential, CredentialWithKey};
use openmls::group::{GroupId, MlsGroup, MlsGroupJoinConfig, ProcessedWelcome, StagedWelcome, WelcomeError};
use openmls::key_packages::{KeyPackage, KeyPackageIn, Lifetime};
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::messages::proposals::PreSharedKeyProposal;
use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, ProtocolVersion};
use openmls::schedule::errors::PskError;
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
use openmls::treesync::LeafNodeParameters;
use openmls_traits::OpenMlsProvider as _;
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::random::OpenMlsRand as _;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use tls_codec::{DeserializeBytes as _, Serialize as _};
use zeroize::Zeroizing;

use super::crypto::{SEED_LEN, sign};
use super::error::MlsError;
use super::group::{Group, Proposed, Sent};
use super::identity::{Identity, identity_in, identity_of};
use super::policy::{RoomPolicy, SecretId, capabilities};
use super::provider::Provider;
use super::suite::{Place, Suite};
use super::verdict::{CredentialPolicy, Judged, Refusal, Trust, judge};

/// The signature key of one member in one call.
pub(super) struct Key(Zeroizing<Vec<u8>>);

impl Key {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Signer for Key {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        sign(&self.0, payload).map_err(SignerError::CryptoError)
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// A message that its sender signed, outside of MLS: `key (32) | signature (64) | body`. Ed25519 over
/// `"Frameseal 1.0 " | kind (1) | room length (4, big-endian) | room | body`, which no message of MLS begins with
/// (RFC 9420 section 5.1.2).
pub struct Signed<'a> {
    /// Whose it is.
    pub from: Identity,
    /// What it says.
    pub body: &'a [u8],
}

pub(super) fn to_sign(room: &[u8], kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(room.len()).unwrap_or(u32::MAX).to_be_bytes();
    [b"Frameseal 1.0 ", [kind].as_slice(), &len, room, body].concat()
}

/// A member before it is one: an identity, and what is needed to be taken in.
pub struct Joiner {
    pub(super) provider: Provider,
    pub(super) key: Key,
    identity: Identity,
    /// From outside.
    secret: Option<SecretBytes>,
}

impl Joiner {
    /// A new identity of `participant`, for one call, that speaks [`Suite::Classic`]. `seed` must be random and used once: all keys and randomness of this
    /// member come from it.
    ///
    /// # Errors
    /// [`MlsError::BadIdentity`].
    pub fn new(participant: &str, seed: &[u8; SEED_LEN]) -> Result<Self, MlsError> {
        Self::with_suite(participant, seed, Suite::Classic)
    }

    /// The same, of another suite: that of a group that it founds, and the only one that it enters.
    ///
    /// # Errors
    /// [`MlsError::BadIdentity`], [`MlsError::NoSuite`].
    pub fn with_suite(participant: &str, seed: &[u8; SEED_LEN], suite: Suite) -> Result<Self, MlsError> {
        suite.of_mls()?;
        let provider = Provider::new(seed, suite);
        let (private, public) =
            provider.crypto().signature_key_gen(SignatureScheme::ED25519).map_err(|_| MlsError::Refused)?;
        let identity =
            Identity { participant: participant.to_owned(), name: String::new(), key: public, proof: vec![] };
        identity.write()?;
        Ok(Self { provider, key: Key(Zeroizing::new(private)), identity, secret: None })
    }

    /// How it is shown, and what proves it. A proof commits to the key, so it is made when [`Joiner::identity`] is known.
    ///
    /// # Errors
    /// [`MlsError::BadIdentity`]; nothing changed.
    pub fn introduce(&mut self, name: &str, proof: &[u8]) -> Result<(), MlsError> {
        let identity = Identity { name: name.to_owned(), proof: proof.to_vec(), ..self.identity.clone() };
        identity.write()?;
        self.identity = identity;
        Ok(())
    }

    /// The secret of the room, from outside: 16 to 256 bytes that cannot be guessed.
    ///
    /// # Errors
    /// [`MlsError::BadSecret`].
    pub fn share_secret(&mut self, secret: &[u8]) -> Result<(), MlsError> {
        if !(16..=256).contains(&secret.len()) {
            return Err(MlsError::BadSecret);
        }
        self.secret = Some(SecretBytes::copy_of(secret));
        self.provider.storage().forget_secret();
        self.secret_proposal(SecretId([0; 8]))?;
        Ok(())
    }

    /// A new name for the secret, where one was given.
    ///
    /// # Errors
    /// [`MlsError::Refused`] without randomness.
    pub fn name_secret(&self) -> Result<Option<SecretId>, MlsError> {
        let name = || self.provider.rand().random_array().map(SecretId).map_err(|_| MlsError::Refused);
        self.secret.is_some().then(name).transpose()
    }

    /// What brings the secret into a commit.
    pub(super) fn secret_proposal(&self, SecretId(id): SecretId) -> Result<PreSharedKeyProposal, MlsError> {
        let psk = Psk::External(ExternalPsk::new(id.to_vec()));
        let id = PreSharedKeyId::new(self.suite().of_mls()?, self.provider.rand(), psk)
            .map_err(|_| MlsError::Refused)?;
        self.keep_secret(&id)?;
        Ok(PreSharedKeyProposal::new(id))
    }

    /// Puts the secret where it is looked for under this name.
    pub(super) fn keep_secret(&self, id: &PreSharedKeyId) -> Result<(), MlsError> {
        let secret = self.secret.as_ref().ok_or(MlsError::NoSecret)?;
        id.store(&self.provider, secret.expose()).map_err(|_| MlsError::Refused)
    }

    pub(super) fn credential(&self) -> Result<CredentialWithKey, MlsError> {
        Ok(CredentialWithKey {
            credential: BasicCredential::new(self.identity.write()?).into(),
            signature_key: self.identity.key.clone().into(),
        })
    }

    /// Who this is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it speaks.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.provider.suite()
    }

    /// A key package for members to add this one with; it works once.
    ///
    /// # Errors
    /// [`MlsError::Refused`] when it cannot be made.
    pub fn key_package(&self) -> Result<Vec<u8>, MlsError> {
        let suite = self.suite().of_mls()?;
        let made = KeyPackage::builder()
            // A call is over before this matters, and the core has no clock.
            .key_package_lifetime(Lifetime::init(0, u64::MAX))
            .leaf_node_capabilities(capabilities(suite))
            .build(suite, &self.provider, &self.key, self.credential()?)
            .map_err(|_| MlsError::Refused)?;
        made.key_package().tls_serialize_detached().map_err(|_| MlsError::Refused)
    }

    /// Whom a key package would add.
    ///
    /// # Errors
    /// [`MlsError::Malformed`], [`MlsError::OtherSuite`], [`MlsError::Refused`], [`MlsError::BadIdentity`].
    pub fn read_key_package(&self, package: &[u8]) -> Result<Identity, MlsError> {
        self.suite().expect(Place::KeyPackage, package)?;
        let read = KeyPackageIn::tls_deserialize_exact_bytes(package).map_err(|_| MlsError::Malformed)?;
        let package = read.validate(self.provider.crypto(), ProtocolVersion::Mls10);
        identity_in(package.map_err(|_| MlsError::Refused)?.leaf_node())
    }

    /// Founds a group. `room` is the same for everybody in it, and bound into everything.
    ///
    /// # Errors
    /// [`MlsError::Refused`] when it cannot be made.
    pub fn found(self, room: &[u8], policy: &RoomPolicy) -> Result<Group, MlsError> {
        let suite = self.suite().of_mls()?;
        let made = MlsGroup::builder()
            .with_group_id(GroupId::from_slice(room))
            .ciphersuite(suite)
            .lifetime(Lifetime::init(0, u64::MAX))
            .with_wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .with_capabilities(capabilities(suite))
            .with_group_context_extensions(policy.extensions()?)
            .build(&self.provider, &self.key, self.credential()?)
            .map_err(|_| MlsError::Refused)?;
        Ok(Group::new(self, made, vec![], None))
    }

    /// Reads a welcome: who is in the group that one would enter. Nothing is joined yet.
    ///
    /// # Errors
    /// The joiner again, for the next one, with [`MlsError::Malformed`], [`MlsError::OtherSuite`],
    /// [`MlsError::NoSecret`] or [`MlsError::Refused`]: not for this member, or of a group that is not `room`.
    #[allow(clippy::result_large_err)]
    pub fn read_welcome(self, room: &[u8], welcome: &[u8]) -> Result<Welcomed, (Self, MlsError)> {
        match self.stage(room, welcome) {
            Ok((staged, members)) => Ok(Welcomed { joiner: self, staged, members }),
            Err(error) => Err((self, error)),
        }
    }

    fn stage(&self, room: &[u8], welcome: &[u8]) -> Result<(StagedWelcome, Vec<Identity>), MlsError> {
        self.suite().expect(Place::Welcome, welcome)?;
        let message = MlsMessageIn::tls_deserialize_exact_bytes(welcome).map_err(|_| MlsError::Malformed)?;
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else { return Err(MlsError::Malformed) };
        let processed = ProcessedWelcome::new_from_welcome(&self.provider, &join_config(), welcome);
        let processed = processed.map_err(|error| match error {
            WelcomeError::Psk(PskError::KeyNotFound) => MlsError::NoSecret,
            _ => MlsError::Refused,
        })?;
        let staged = processed.into_staged_welcome(&self.provider, None).map_err(|_| MlsError::Refused)?;
        RoomPolicy::of(staged.group_context().extensions())?;
        if staged.group_context().group_id().as_slice() != room {
            return Err(MlsError::Refused);
        }
        let members = staged
            .members()
            .map(|member| identity_of(&member.credential, &member.signature_key))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((staged, members))
    }

    /// Who is in a group that one could enter by a commit of one's own, and what they agreed on.
    ///
    /// # Errors
    /// [`MlsError::Malformed`], [`MlsError::OtherSuite`], [`MlsError::Refused`], [`MlsError::NoPolicy`].
    pub fn read_group(
        &self,
        room: &[u8],
        group_info: &[u8],
    ) -> Result<(Vec<Identity>, RoomPolicy), MlsError> {
        // By a member that is thrown away: what the joiner itself has is used once.
        let probe = Self::with_suite("probe", &[0; SEED_LEN], self.suite())?;
        let (group, _) = probe.external(room, group_info, false)?;
        let others = group.members().filter(|member| member.index != group.own_leaf_index());
        let others = others.map(|member| identity_of(&member.credential, &member.signature_key));
        Ok((others.collect::<Result<_, _>>()?, RoomPolicy::of(group.extensions())?))
    }

    /// Enters by a commit of one's own, where nobody is there to welcome: the group as it would be, and the commit for
    /// the log. Once the log took it, [`Group::confirm`].
    ///
    /// # Errors
    /// The joiner again, with [`MlsError::Malformed`], [`MlsError::OtherSuite`] or [`MlsError::Refused`], which is also for
    /// a group with somebody in it whom the policy refuses.
    #[allow(clippy::result_large_err)]
    pub fn enter(
        self,
        room: &[u8],
        group_info: &[u8],
        policy: &impl CredentialPolicy,
    ) -> Result<(Group, Proposed), (Self, MlsError)> {
        let made = self.external(room, group_info, true).and_then(|(group, proposed)| {
            RoomPolicy::of(group.extensions())?;
            let members = group
                .members()
                .map(|member| identity_of(&member.credential, &member.signature_key))
                .collect::<Result<Vec<_>, _>>()?;
            let judged = judge(group, &members, policy).map_err(|_| MlsError::Refused)?;
            Ok((judged, proposed))
        });
        match made {
            Ok((Judged { staged, verdicts }, proposed)) => {
                let entry = Some(Sent::Entry { commit: proposed.commit.clone() });
                Ok((Group::new(self, staged, verdicts, entry), proposed))
            }
            Err(error) => Err((self, error)),
        }
    }

    fn external(
        &self,
        room: &[u8],
        group_info: &[u8],
        earnest: bool,
    ) -> Result<(MlsGroup, Proposed), MlsError> {
        self.suite().expect(Place::GroupInfo, group_info)?;
        let suite = self.suite().of_mls()?;
        let message =
            MlsMessageIn::tls_deserialize_exact_bytes(group_info).map_err(|_| MlsError::Malformed)?;
        let MlsMessageBodyIn::GroupInfo(info) = message.extract() else { return Err(MlsError::Malformed) };
        if group_id(&info) != room {
            return Err(MlsError::Refused);
        }
        let policy = RoomPolicy::of(info.group_context().extensions())?;
        let secret = policy.secret.filter(|_| earnest).map(|id| self.secret_proposal(id)).transpose()?;
        let (made, bundle) = MlsGroup::external_commit_builder()
            .with_config(join_config())
            .build_group(&self.provider, info, self.credential()?)
            .map_err(|_| MlsError::Refused)?
            .leaf_node_parameters(
                LeafNodeParameters::builder().with_capabilities(capabilities(suite)).build(),
            )
            .add_psk_proposals(secret)
            .load_psks(self.provider.storage())
            .map_err(|_| MlsError::Refused)?
            .build(self.provider.rand(), self.provider.crypto(), &self.key, |_| true)
            .map_err(|_| MlsError::Refused)?
            .finalize(&self.provider)
            .map_err(|_| MlsError::Refused)?;
        let commit = bundle.into_commit().tls_serialize_detached().map_err(|_| MlsError::Refused)?;
        let info = made.export_group_info(self.provider.crypto(), &self.key, true);
        let group_info = info.map_err(|_| MlsError::Refused)?.tls_serialize_detached();
        let group_info = group_info.map_err(|_| MlsError::Refused)?;
        Ok((made, Proposed { commit, welcome: None, group_info }))
    }
}

fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .build()
}

fn group_id(info: &VerifiableGroupInfo) -> &[u8] {
    info.group_id().as_slice()
}

/// A welcome that was read.
pub struct Welcomed {
    joiner: Joiner,
    staged: StagedWelcome,
    members: Vec<Identity>,
}

impl Welcomed {
    /// Who is in the group, this member included.
    #[must_use]
    pub fn members(&self) -> &[Identity] {
        &self.members
    }

    /// Gives it up, to enter otherwise.
    #[must_use]
    pub fn into_joiner(self) -> Joiner {
        self.joiner
    }

    /// The verdict on everybody in it.
    ///
    /// # Errors
    /// [`Refusal`]: somebody in it must not be.
    #[allow(clippy::result_large_err)]
    pub fn judge(self, policy: &impl CredentialPolicy) -> Result<Judged<Self>, Refusal<Self>> {
        let members = self.members.clone();
        judge(self, &members, policy)
    }
}

impl Judged<Welcomed> {
    /// Enters the group.
    ///
    /// # Errors
    /// [`MlsError::Refused`].
    pub fn enter(self) -> Result<Group, MlsError> {
        let Welcomed { joiner, staged, .. } = self.staged;
        let made = staged.into_group(&joiner.provider).map_err(|_| MlsError::Refused)?;
        Ok(Group::new(joiner, made, self.verdicts, None))
    }

    /// How everybody is known.
    #[must_use]
    pub fn verdicts(&self) -> &[(Identity, Trust)] {
        &self.verdicts
    }
}
