//! What OpenMLS keeps for us: for one call, in memory, wiped when it goes.
//!
//! The state of the group itself lives in the group; it is never loaded again, so of that nothing is kept. What OpenMLS
//! does read back are the private keys of the own key packages and of the own path in each epoch, and secrets from outside.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

/// What a kept value belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shelf {
    KeyPackage,
    KeyPair,
    EpochKeyPairs,
    Psk,
}

type Kept = BTreeMap<(Shelf, Vec<u8>), Zeroizing<Vec<u8>>>;

/// See the file's comment.
#[derive(Default)]
pub(crate) struct CallStorage {
    kept: Mutex<Kept>,
}

/// A value could not be written down, or what was written could not be read.
#[derive(Debug)]
pub(crate) struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a kept value cannot be read")
    }
}

impl std::error::Error for Unreadable {}

impl CallStorage {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Values are put in and taken out whole, so a panic elsewhere leaves none in pieces.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(
        &self,
        shelf: Shelf,
        key: &impl Serialize,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), Unreadable> {
        let value = Zeroizing::new(bytes(value)?);
        self.kept().insert((shelf, bytes(key)?), value);
        Ok(())
    }

    fn get<T: DeserializeOwned>(&self, shelf: Shelf, key: &impl Serialize) -> Result<Option<T>, Unreadable> {
        let name = (shelf, bytes(key)?);
        let kept = self.kept();
        kept.get(&name).map(|value| postcard::from_bytes(value).map_err(|_| Unreadable)).transpose()
    }

    /// Forgets the secret from outside, of which there is one.
    pub(crate) fn forget_secret(&self) {
        self.kept().retain(|(shelf, _), _| *shelf != Shelf::Psk);
    }

    fn drop(&self, shelf: Shelf, key: &impl Serialize) -> Result<(), Unreadable> {
        self.kept().remove(&(shelf, bytes(key)?));
        Ok(())
    }
}

fn bytes(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, Unreadable> {
    postcard::to_allocvec(value).map_err(|_| Unreadable)
}

/// Methods that keep nothing, or have nothing to give.
macro_rules! nothing {
    (forget: $($name:ident[$($g:ident: $t:ident),*]($($arg:ident: $ty:ty),*);)*) => {$(
        fn $name<$($g: traits::$t<CURRENT_VERSION>),*>(&self, $($arg: $ty),*) -> Result<(), Self::Error> {
            let _ = ($($arg,)*);
            Ok(())
        }
    )*};
    (absent: $($name:ident[$($g:ident: $t:ident),*]($($arg:ident: $ty:ty),*) -> $out:ty;)*) => {$(
        fn $name<$($g: traits::$t<CURRENT_VERSION>),*>(&self, $($arg: $ty),*) -> Result<Option<$out>, Self::Error> {
            let _ = ($($arg,)*);
            Ok(None)
        }
    )*};
    (empty: $($name:ident[$($g:ident: $t:ident),*]($($arg:ident: $ty:ty),*) -> $out:ty;)*) => {$(
        fn $name<$($g: traits::$t<CURRENT_VERSION>),*>(&self, $($arg: $ty),*) -> Result<Vec<$out>, Self::Error> {
            let _ = ($($arg,)*);
            Ok(Vec::new())
        }
    )*};
}

impl StorageProvider<CURRENT_VERSION> for CallStorage {
    type Error = Unreadable;

    nothing! { forget:
        write_mls_join_config[GroupId: GroupId, MlsGroupJoinConfig: MlsGroupJoinConfig](group_id: &GroupId, config: &MlsGroupJoinConfig);
        append_own_leaf_node[GroupId: GroupId, LeafNode: LeafNode](group_id: &GroupId, leaf_node: &LeafNode);
        queue_proposal[GroupId: GroupId, ProposalRef: ProposalRef, QueuedProposal: QueuedProposal](group_id: &GroupId, proposal_ref: &ProposalRef, proposal: &QueuedProposal);
        write_tree[GroupId: GroupId, TreeSync: TreeSync](group_id: &GroupId, tree: &TreeSync);
        write_interim_transcript_hash[GroupId: GroupId, InterimTranscriptHash: InterimTranscriptHash](group_id: &GroupId, interim_transcript_hash: &InterimTranscriptHash);
        write_context[GroupId: GroupId, GroupContext: GroupContext](group_id: &GroupId, group_context: &GroupContext);
        write_confirmation_tag[GroupId: GroupId, ConfirmationTag: ConfirmationTag](group_id: &GroupId, confirmation_tag: &ConfirmationTag);
        write_group_state[GroupState: GroupState, GroupId: GroupId](group_id: &GroupId, group_state: &GroupState);
        write_message_secrets[GroupId: GroupId, MessageSecrets: MessageSecrets](group_id: &GroupId, message_secrets: &MessageSecrets);
        write_resumption_psk_store[GroupId: GroupId, ResumptionPskStore: ResumptionPskStore](group_id: &GroupId, resumption_psk_store: &ResumptionPskStore);
        write_own_leaf_index[GroupId: GroupId, LeafNodeIndex: LeafNodeIndex](group_id: &GroupId, own_leaf_index: &LeafNodeIndex);
        write_group_epoch_secrets[GroupId: GroupId, GroupEpochSecrets: GroupEpochSecrets](group_id: &GroupId, group_epoch_secrets: &GroupEpochSecrets);
        write_signature_key_pair[SignaturePublicKey: SignaturePublicKey, SignatureKeyPair: SignatureKeyPair](public_key: &SignaturePublicKey, signature_key_pair: &SignatureKeyPair);
        remove_proposal[GroupId: GroupId, ProposalRef: ProposalRef](group_id: &GroupId, proposal_ref: &ProposalRef);
        delete_own_leaf_nodes[GroupId: GroupId](group_id: &GroupId);
        delete_group_config[GroupId: GroupId](group_id: &GroupId);
        delete_tree[GroupId: GroupId](group_id: &GroupId);
        delete_confirmation_tag[GroupId: GroupId](group_id: &GroupId);
        delete_group_state[GroupId: GroupId](group_id: &GroupId);
        delete_context[GroupId: GroupId](group_id: &GroupId);
        delete_interim_transcript_hash[GroupId: GroupId](group_id: &GroupId);
        delete_message_secrets[GroupId: GroupId](group_id: &GroupId);
        delete_all_resumption_psk_secrets[GroupId: GroupId](group_id: &GroupId);
        delete_own_leaf_index[GroupId: GroupId](group_id: &GroupId);
        delete_group_epoch_secrets[GroupId: GroupId](group_id: &GroupId);
        clear_proposal_queue[GroupId: GroupId, ProposalRef: ProposalRef](group_id: &GroupId);
        delete_signature_key_pair[SignaturePublicKey: SignaturePublicKey](public_key: &SignaturePublicKey);
    }

    nothing! { absent:
        mls_group_join_config[GroupId: GroupId, MlsGroupJoinConfig: MlsGroupJoinConfig](group_id: &GroupId) -> MlsGroupJoinConfig;
        tree[GroupId: GroupId, TreeSync: TreeSync](group_id: &GroupId) -> TreeSync;
        group_context[GroupId: GroupId, GroupContext: GroupContext](group_id: &GroupId) -> GroupContext;
        interim_transcript_hash[GroupId: GroupId, InterimTranscriptHash: InterimTranscriptHash](group_id: &GroupId) -> InterimTranscriptHash;
        confirmation_tag[GroupId: GroupId, ConfirmationTag: ConfirmationTag](group_id: &GroupId) -> ConfirmationTag;
        group_state[GroupState: GroupState, GroupId: GroupId](group_id: &GroupId) -> GroupState;
        message_secrets[GroupId: GroupId, MessageSecrets: MessageSecrets](group_id: &GroupId) -> MessageSecrets;
        resumption_psk_store[GroupId: GroupId, ResumptionPskStore: ResumptionPskStore](group_id: &GroupId) -> ResumptionPskStore;
        own_leaf_index[GroupId: GroupId, LeafNodeIndex: LeafNodeIndex](group_id: &GroupId) -> LeafNodeIndex;
        group_epoch_secrets[GroupId: GroupId, GroupEpochSecrets: GroupEpochSecrets](group_id: &GroupId) -> GroupEpochSecrets;
        signature_key_pair[SignaturePublicKey: SignaturePublicKey, SignatureKeyPair: SignatureKeyPair](public_key: &SignaturePublicKey) -> SignatureKeyPair;
    }

    nothing! { empty:
        own_leaf_nodes[GroupId: GroupId, LeafNode: LeafNode](group_id: &GroupId) -> LeafNode;
        queued_proposal_refs[GroupId: GroupId, ProposalRef: ProposalRef](group_id: &GroupId) -> ProposalRef;
        queued_proposals[GroupId: GroupId, ProposalRef: ProposalRef, QueuedProposal: QueuedProposal](group_id: &GroupId) -> (ProposalRef, QueuedProposal);
    }

    fn write_encryption_key_pair<
        EncryptionKey: traits::EncryptionKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        public_key: &EncryptionKey,
        key_pair: &HpkeKeyPair,
    ) -> Result<(), Self::Error> {
        self.put(Shelf::KeyPair, public_key, key_pair)
    }

    fn write_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
        key_pairs: &[HpkeKeyPair],
    ) -> Result<(), Self::Error> {
        self.put(Shelf::EpochKeyPairs, &(group_id, epoch, leaf_index), key_pairs)
    }

    fn write_key_package<
        HashReference: traits::HashReference<CURRENT_VERSION>,
        KeyPackage: traits::KeyPackage<CURRENT_VERSION>,
    >(
        &self,
        hash_ref: &HashReference,
        key_package: &KeyPackage,
    ) -> Result<(), Self::Error> {
        self.put(Shelf::KeyPackage, hash_ref, key_package)
    }

    fn write_psk<PskId: traits::PskId<CURRENT_VERSION>, PskBundle: traits::PskBundle<CURRENT_VERSION>>(
        &self,
        psk_id: &PskId,
        psk: &PskBundle,
    ) -> Result<(), Self::Error> {
        self.put(Shelf::Psk, psk_id, psk)
    }

    fn encryption_key_pair<
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
        EncryptionKey: traits::EncryptionKey<CURRENT_VERSION>,
    >(
        &self,
        public_key: &EncryptionKey,
    ) -> Result<Option<HpkeKeyPair>, Self::Error> {
        self.get(Shelf::KeyPair, public_key)
    }

    fn encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<Vec<HpkeKeyPair>, Self::Error> {
        Ok(self.get(Shelf::EpochKeyPairs, &(group_id, epoch, leaf_index))?.unwrap_or_default())
    }

    fn key_package<
        KeyPackageRef: traits::HashReference<CURRENT_VERSION>,
        KeyPackage: traits::KeyPackage<CURRENT_VERSION>,
    >(
        &self,
        hash_ref: &KeyPackageRef,
    ) -> Result<Option<KeyPackage>, Self::Error> {
        self.get(Shelf::KeyPackage, hash_ref)
    }

    fn psk<PskBundle: traits::PskBundle<CURRENT_VERSION>, PskId: traits::PskId<CURRENT_VERSION>>(
        &self,
        _: &PskId,
    ) -> Result<Option<PskBundle>, Self::Error> {
        // Whatever it is called: who is welcomed learns the name only from what is encrypted with the secret.
        let kept = self.kept();
        let secret = kept.iter().find(|((shelf, _), _)| *shelf == Shelf::Psk);
        secret.map(|(_, value)| postcard::from_bytes(value).map_err(|_| Unreadable)).transpose()
    }

    fn delete_encryption_key_pair<EncryptionKey: traits::EncryptionKey<CURRENT_VERSION>>(
        &self,
        public_key: &EncryptionKey,
    ) -> Result<(), Self::Error> {
        self.drop(Shelf::KeyPair, public_key)
    }

    fn delete_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<(), Self::Error> {
        self.drop(Shelf::EpochKeyPairs, &(group_id, epoch, leaf_index))
    }

    fn delete_key_package<KeyPackageRef: traits::HashReference<CURRENT_VERSION>>(
        &self,
        hash_ref: &KeyPackageRef,
    ) -> Result<(), Self::Error> {
        self.drop(Shelf::KeyPackage, hash_ref)
    }

    fn delete_psk<PskKey: traits::PskId<CURRENT_VERSION>>(&self, psk_id: &PskKey) -> Result<(), Self::Error> {
        self.drop(Shelf::Psk, psk_id)
    }
}
