//! AES for counter modes where there are no AES instructions.
//!
//! Such an AES (bitsliced, in constant time) computes several blocks at once for the price of one. `aes-gcm` and `ctr`
//! ask for whole batches while there are enough blocks, and then for what is left one by one: of the nine blocks that a
//! frame of 120 bytes needs, five cost a batch each. [`Ahead`] is that AES for one message. Counter blocks follow each
//! other, so when one is asked for it computes a batch from there, and answers from it until it is used up.
//!
//! Which block comes from where depends on lengths and counters alone, which are no secrets. It serves one message under
//! one nonce: whatever it is asked for differs in its last 32 bits only.

use core::cell::Cell;

use aes::cipher::consts::U16;
use aes::cipher::inout::InOut;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    Block, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, ParBlocks,
    ParBlocksSizeUser,
};

/// Blocks that are kept: a batch of the AES that this is for.
const KEPT: usize = 4;
/// With so many blocks and fewer, whole batches come out of what is kept too: none is computed twice. Above, moving them
/// costs more.
const SHORT: usize = 16;

/// AES under one key for one message.
pub(crate) struct Ahead<'a, C> {
    aes: &'a C,
    /// What becomes of the block that ends with 0, where it is known: GCM's hash key.
    zero: Option<&'a [u8; 16]>,
    short: bool,
    /// How many blocks are kept, and the counter of the first.
    many: Cell<usize>,
    first: Cell<u32>,
    kept: [Cell<[u8; 16]>; KEPT],
}

impl<'a, C> Ahead<'a, C> {
    /// For a message of `len` bytes.
    pub(crate) fn new(aes: &'a C, zero: Option<&'a [u8; 16]>, len: usize) -> Self {
        let (many, first) = (Cell::new(0), Cell::new(0));
        let kept = [const { Cell::new([0; 16]) }; KEPT];
        Self { aes, zero, short: len <= SHORT * 16, many, first, kept }
    }
}

impl<C> BlockSizeUser for Ahead<'_, C> {
    type BlockSize = U16;
}

impl<C: BlockCipherEncrypt<BlockSize = U16>> BlockCipherEncrypt for Ahead<'_, C> {
    #[inline]
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = U16>) {
        self.aes.encrypt_with_backend(Closure { ahead: self, f });
    }
}

struct Closure<'m, 'a, C, F> {
    ahead: &'m Ahead<'a, C>,
    f: F,
}

impl<C, F> BlockSizeUser for Closure<'_, '_, C, F> {
    type BlockSize = U16;
}

impl<C, F: BlockCipherEncClosure<BlockSize = U16>> BlockCipherEncClosure for Closure<'_, '_, C, F> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        self.f.call(&Backend { ahead: self.ahead, backend });
    }
}

struct Backend<'m, 'a, C, B> {
    ahead: &'m Ahead<'a, C>,
    backend: &'m B,
}

impl<C, B> BlockSizeUser for Backend<'_, '_, C, B> {
    type BlockSize = U16;
}

impl<C, B: BlockCipherEncBackend<BlockSize = U16>> ParBlocksSizeUser for Backend<'_, '_, C, B> {
    type ParBlocksSize = B::ParBlocksSize;
}

impl<C, B: BlockCipherEncBackend<BlockSize = U16>> Backend<'_, '_, C, B> {
    #[inline(always)]
    fn block(&self, input: [u8; 16]) -> [u8; 16] {
        let [nonce @ .., a, b, c, d] = input;
        let counter = u32::from_be_bytes([a, b, c, d]);
        let Ahead { zero, many, first, kept, .. } = self.ahead;
        if let (0, Some(zero)) = (counter, zero) {
            return **zero;
        }
        let ahead = counter.wrapping_sub(first.get()) as usize;
        if let Some(block) = kept.get(ahead).filter(|_| ahead < many.get()) {
            return block.get();
        }
        let mut batch = ParBlocks::<B>::default();
        for (at, block) in (0..).zip(batch.iter_mut()) {
            let (start, end) = block.split_at_mut(nonce.len());
            start.copy_from_slice(&nonce);
            end.copy_from_slice(&counter.wrapping_add(at).to_be_bytes());
        }
        self.backend.encrypt_par_blocks((&mut batch).into());
        for (keep, block) in kept.iter().zip(&batch) {
            keep.set((*block).into());
        }
        many.set(batch.len().min(KEPT));
        first.set(counter);
        kept.first().map(Cell::get).unwrap_or_default()
    }
}

impl<C, B: BlockCipherEncBackend<BlockSize = U16>> BlockCipherEncBackend for Backend<'_, '_, C, B> {
    #[inline(always)]
    fn encrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        *block.get_out() = self.block(block.clone_in().into()).into();
    }

    #[inline(always)]
    fn encrypt_par_blocks(&self, mut blocks: InOut<'_, '_, ParBlocks<Self>>) {
        if !self.ahead.short {
            return self.backend.encrypt_par_blocks(blocks);
        }
        for at in 0..B::ParBlocksSize::USIZE {
            self.encrypt_block(blocks.get(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
    use aes::{Aes128, Aes256};
    use aes_gcm::AesGcm;
    use aes_gcm::aead::AeadInOut;
    use aes_gcm::aead::consts::U12;
    use alloc::vec;
    use alloc::vec::Vec;
    use ctr::{CtrCore, flavors::Ctr32BE};

    fn lengths() -> impl Iterator<Item = usize> {
        (0..600).chain([1023, 1024, 1025, 4300, 65_537])
    }

    fn gcm<C: KeyInit + BlockCipherEncrypt<BlockSize = U16>>(key: &[u8]) {
        let aes = C::new_from_slice(key).unwrap();
        let plain = AesGcm::<C, U12>::from(C::new_from_slice(key).unwrap());
        let mut zero = [[0; 16].into()];
        Ahead::new(&aes, None, 0).encrypt_block(&mut zero[0]);
        let zero: [u8; 16] = zero[0].into();
        for len in lengths() {
            let nonce = [len as u8; 12];
            let text: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let (mut want, mut got) = (text.clone(), text.clone());
            let tag =
                plain.encrypt_inout_detached(&nonce.into(), b"aad", want.as_mut_slice().into()).unwrap();
            let one = || AesGcm::<_, U12>::from(Ahead::new(&aes, Some(&zero), len));
            let ours =
                one().encrypt_inout_detached(&nonce.into(), b"aad", got.as_mut_slice().into()).unwrap();
            assert!(got == want && ours == tag, "{len} bytes");
            one().decrypt_inout_detached(&nonce.into(), b"aad", got.as_mut_slice().into(), &tag).unwrap();
            assert!(got == text, "{len} bytes");
        }
    }

    fn ctr<C: KeyInit + BlockCipherEncrypt<BlockSize = U16>>(key: &[u8]) {
        let aes = C::new_from_slice(key).unwrap();
        for (len, start) in lengths().flat_map(|len| [0, 1, 7].map(|start| (len, start))) {
            let mut block = [len as u8; 16];
            block[12..].copy_from_slice(&[0, 0, 0, start]);
            let core = CtrCore::<&C, Ctr32BE>::inner_iv_init(&aes, &block.into());
            let mut want = vec![3; len];
            StreamCipherCoreWrapper::from_core(core).apply_keystream(&mut want);
            let core = CtrCore::<_, Ctr32BE>::inner_iv_init(Ahead::new(&aes, None, len), &block.into());
            let mut got = vec![3; len];
            StreamCipherCoreWrapper::from_core(core).apply_keystream(&mut got);
            assert!(got == want, "{len} bytes from {start}");
        }
    }

    #[test]
    fn it_is_aes() {
        gcm::<Aes128>(&[1; 16]);
        gcm::<Aes256>(&[1; 32]);
        ctr::<Aes128>(&[1; 16]);
        ctr::<Aes256>(&[1; 32]);
    }
}
