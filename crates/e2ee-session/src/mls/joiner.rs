//! Somebody who is in no group yet.
use openmls::credentials::{BasicCredential, CredentialWithKey};
use openmls::group::{GroupId, MlsGroup, MlsGroupJoinConfig, ProcessedWelcome, StagedWelcome};
use openmls::key_packages::{KeyPackage, Lifetime};
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY};
use openmls_traits::OpenMlsProvider as _;
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use tls_codec::{DeserializeBytes as _, Serialize as _};
use zeroize::Zeroizing;

use super::crypto::{SEED_LEN, SUITE, sign};
use super::error::MlsError;
use super::group::{Group, Proposed, Sent, identity_of};
use super::provider::Provider;
use super::verdict::{CredentialPolicy, Identity, Judged, Refusal, Trust, judge};

/// The signature key of one member in one call.
pub(super) struct Key(Zeroizing<Vec<u8>>);

impl Signer for Key {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        sign(&self.0, payload).map_err(SignerError::CryptoError)
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// A member before it is one: an identity, and what is needed to be taken in.
pub struct Joiner {
    pub(super) provider: Provider,
    pub(super) key: Key,
    pub(super) credential: CredentialWithKey,
    identity: Identity,
}

impl Joiner {
    /// A new identity under `name`, for one call. `seed` must be random and used once: all keys and randomness of this
    /// member come from it.
    ///
    /// # Errors
    /// [`MlsError::BadIdentity`].
    pub fn new(name: &str, seed: &[u8; SEED_LEN]) -> Result<Self, MlsError> {
        if name.is_empty() || name.len() > 512 {
            return Err(MlsError::BadIdentity);
        }
        let provider = Provider::new(seed);
        let (private, public) =
            provider.crypto().signature_key_gen(SignatureScheme::ED25519).map_err(|_| MlsError::Refused)?;
        let credential = CredentialWithKey {
            credential: BasicCredential::new(name.as_bytes().to_vec()).into(),
            signature_key: public.clone().into(),
        };
        let identity = Identity { name: name.to_owned(), key: public };
        Ok(Self { provider, key: Key(Zeroizing::new(private)), credential, identity })
    }

    /// Who this is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A key package for members to add this one with; it works once.
    ///
    /// # Errors
    /// [`MlsError::Refused`] when it cannot be made.
    pub fn key_package(&self) -> Result<Vec<u8>, MlsError> {
        let made = KeyPackage::builder()
            // A call is over before this matters, and the core has no clock.
            .key_package_lifetime(Lifetime::init(0, u64::MAX))
            .build(SUITE, &self.provider, &self.key, self.credential.clone())
            .map_err(|_| MlsError::Refused)?;
        made.key_package().tls_serialize_detached().map_err(|_| MlsError::Refused)
    }

    /// Founds a group. `room` is the same for everybody in it, and bound into everything.
    ///
    /// # Errors
    /// [`MlsError::Refused`] when it cannot be made.
    pub fn found(self, room: &[u8]) -> Result<Group, MlsError> {
        let made = MlsGroup::builder()
            .with_group_id(GroupId::from_slice(room))
            .ciphersuite(SUITE)
            .lifetime(Lifetime::init(0, u64::MAX))
            .with_wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .build(&self.provider, &self.key, self.credential.clone())
            .map_err(|_| MlsError::Refused)?;
        Ok(Group::new(self, made, vec![], None))
    }

    /// Reads a welcome: who is in the group that one would enter. Nothing is joined yet.
    ///
    /// # Errors
    /// The joiner again, for the next one, with [`MlsError::Malformed`] or [`MlsError::Refused`]: not for this member, or
    /// of a group that is not `room`.
    #[allow(clippy::result_large_err)]
    pub fn read_welcome(self, room: &[u8], welcome: &[u8]) -> Result<Welcomed, (Self, MlsError)> {
        match self.stage(room, welcome) {
            Ok((staged, members)) => Ok(Welcomed { joiner: self, staged, members }),
            Err(error) => Err((self, error)),
        }
    }

    fn stage(&self, room: &[u8], welcome: &[u8]) -> Result<(StagedWelcome, Vec<Identity>), MlsError> {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(welcome).map_err(|_| MlsError::Malformed)?;
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else { return Err(MlsError::Malformed) };
        let processed = ProcessedWelcome::new_from_welcome(&self.provider, &join_config(), welcome)
            .map_err(|_| MlsError::Refused)?;
        let staged = processed.into_staged_welcome(&self.provider, None).map_err(|_| MlsError::Refused)?;
        if staged.group_context().group_id().as_slice() != room {
            return Err(MlsError::Refused);
        }
        let members = staged
            .members()
            .map(|member| identity_of(&member.credential, &member.signature_key))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((staged, members))
    }

    /// Who is in a group that one could enter by a commit of one's own.
    ///
    /// # Errors
    /// [`MlsError::Malformed`], [`MlsError::Refused`].
    pub fn read_group(&self, room: &[u8], group_info: &[u8]) -> Result<Vec<Identity>, MlsError> {
        // By a member that is thrown away: what the joiner itself has is used once.
        let probe = Self::new(&self.identity.name, &[0; SEED_LEN])?;
        let (group, _) = probe.external(room, group_info)?;
        let others = group.members().filter(|member| member.index != group.own_leaf_index());
        others.map(|member| identity_of(&member.credential, &member.signature_key)).collect()
    }

    /// Enters by a commit of one's own, where nobody is there to welcome: the group as it would be, and the commit for
    /// the log. Once the log took it, [`Group::confirm`].
    ///
    /// # Errors
    /// The joiner again, with [`MlsError::Malformed`] or [`MlsError::Refused`], which is also for a group with somebody
    /// in it whom the policy refuses.
    #[allow(clippy::result_large_err)]
    pub fn enter(
        self,
        room: &[u8],
        group_info: &[u8],
        policy: &impl CredentialPolicy,
    ) -> Result<(Group, Proposed), (Self, MlsError)> {
        let made = self.external(room, group_info).and_then(|(group, proposed)| {
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

    fn external(&self, room: &[u8], group_info: &[u8]) -> Result<(MlsGroup, Proposed), MlsError> {
        let message =
            MlsMessageIn::tls_deserialize_exact_bytes(group_info).map_err(|_| MlsError::Malformed)?;
        let MlsMessageBodyIn::GroupInfo(info) = message.extract() else { return Err(MlsError::Malformed) };
        if group_id(&info) != room {
            return Err(MlsError::Refused);
        }
        let (made, bundle) = MlsGroup::external_commit_builder()
            .with_config(join_config())
            .build_group(&self.provider, info, self.credential.clone())
            .map_err(|_| MlsError::Refused)?
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

    /// The verdict on everybody in it.
    ///
    /// # Errors
    /// [`Refusal`]: somebody in it must not be.
    pub fn judge(self, policy: &impl CredentialPolicy) -> Result<Judged<Self>, Refusal> {
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
