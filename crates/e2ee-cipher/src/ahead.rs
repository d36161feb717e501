//! AES for counter modes where there are no AES instructions.
//!
//! Such an AES (bitsliced, in constant time) computes several blocks at once for the price of one. `aes-gcm` and `ctr`
//! ask for whole batches while there are enough blocks, and then for what is left one by one: of the nine blocks that a
//! frame of 120 bytes needs, five cost a batch each. What [`run`] gives is that AES for one message. Counter blocks
//! follow each other, so when one is asked for it computes a batch from there, and answers from it until it is used up.
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

/// What is done with AES for one message.
pub(crate) trait Message {
    type Done;
    fn run<A: BlockCipherEncrypt<BlockSize = U16>>(self, aes: A) -> Self::Done;
}

/// Runs a message of `len` bytes. `zero`: what becomes of the block that ends with 0, where it is known: GCM's hash key.
///
/// All of it is within one use of the AES, which lays its round keys out anew for each.
#[inline]
pub(crate) fn run<C, M>(aes: &C, zero: Option<&[u8; 16]>, len: usize, message: M) -> Option<M::Done>
where
    C: BlockCipherEncrypt<BlockSize = U16>,
    M: Message,
{
    let mut done = None;
    aes.encrypt_with_backend(Closure { zero, short: len <= SHORT * 16, message, done: &mut done });
    done
}

struct Closure<'a, M: Message> {
    zero: Option<&'a [u8; 16]>,
    short: bool,
    message: M,
    done: &'a mut Option<M::Done>,
}

impl<M: Message> BlockSizeUser for Closure<'_, M> {
    type BlockSize = U16;
}

impl<M: Message> BlockCipherEncClosure for Closure<'_, M> {
    #[inline]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let (many, first) = (Cell::new(0), Cell::new(0));
        let kept = [const { Cell::new([0; 16]) }; KEPT];
        let aes = Ahead { backend, zero: self.zero, short: self.short, many, first, kept };
        *self.done = Some(self.message.run(aes));
    }
}

/// AES under one key for one message.
struct Ahead<'a, B> {
    backend: &'a B,
    zero: Option<&'a [u8; 16]>,
    short: bool,
    /// How many blocks are kept, and the counter of the first.
    many: Cell<usize>,
    first: Cell<u32>,
    kept: [Cell<[u8; 16]>; KEPT],
}

impl<B> BlockSizeUser for Ahead<'_, B> {
    type BlockSize = U16;
}

impl<B: BlockCipherEncBackend<BlockSize = U16>> BlockCipherEncrypt for Ahead<'_, B> {
    #[inline]
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = U16>) {
        f.call(self);
    }
}

impl<B: BlockCipherEncBackend<BlockSize = U16>> ParBlocksSizeUser for Ahead<'_, B> {
    type ParBlocksSize = B::ParBlocksSize;
}

impl<B: BlockCipherEncBackend<BlockSize = U16>> Ahead<'_, B> {
    #[inline(never)]
    fn block(&self, input: [u8; 16]) -> [u8; 16] {
        let [nonce @ .., a, b, c, d] = input;
        let counter = u32::from_be_bytes([a, b, c, d]);
        let Self { zero, many, first, kept, .. } = self;
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

impl<B: BlockCipherEncBackend<BlockSize = U16>> BlockCipherEncBackend for Ahead<'_, B> {
    #[inline(always)]
    fn encrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        *block.get_out() = self.block(block.clone_in().into()).into();
    }

    #[inline(always)]
    fn encrypt_par_blocks(&self, mut blocks: InOut<'_, '_, ParBlocks<Self>>) {
        if !self.short {
            return self.backend.encrypt_par_blocks(blocks);
        }
        for at in 0..B::ParBlocksSize::USIZE {
            BlockCipherEncBackend::encrypt_block(self, blocks.get(at));
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

    struct One<'a>(&'a mut Block<Aes128>);

    impl Message for One<'_> {
        type Done = ();
        fn run<A: BlockCipherEncrypt<BlockSize = U16>>(self, aes: A) {
            aes.encrypt_block(self.0);
        }
    }

    struct Gcm<'a>(&'a [u8; 12], &'a mut [u8], Option<Block<Aes128>>);

    impl Message for Gcm<'_> {
        type Done = Block<Aes128>;
        fn run<A: BlockCipherEncrypt<BlockSize = U16>>(self, aes: A) -> Self::Done {
            let Self(nonce, text, tag) = self;
            let gcm = AesGcm::<A, U12>::from(aes);
            let Some(tag) = tag else {
                return gcm.encrypt_inout_detached(nonce.into(), b"aad", text.into()).unwrap();
            };
            gcm.decrypt_inout_detached(nonce.into(), b"aad", text.into(), &tag).unwrap();
            tag
        }
    }

    fn gcm<C: KeyInit + BlockCipherEncrypt<BlockSize = U16>>(key: &[u8]) {
        let aes = C::new_from_slice(key).unwrap();
        let plain = AesGcm::<C, U12>::from(C::new_from_slice(key).unwrap());
        let mut zero = [0; 16].into();
        run(&aes, None, 0, One(&mut zero)).unwrap();
        let zero: [u8; 16] = zero.into();
        for len in lengths() {
            let nonce = [len as u8; 12];
            let text: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let (mut want, mut got) = (text.clone(), text.clone());
            let tag =
                plain.encrypt_inout_detached(&nonce.into(), b"aad", want.as_mut_slice().into()).unwrap();
            let ours = run(&aes, Some(&zero), len, Gcm(&nonce, &mut got, None)).unwrap();
            assert!(got == want && ours == tag, "{len} bytes");
            run(&aes, Some(&zero), len, Gcm(&nonce, &mut got, Some(tag))).unwrap();
            assert!(got == text, "{len} bytes");
        }
    }

    struct Ctr<'a>([u8; 16], &'a mut [u8]);

    impl Message for Ctr<'_> {
        type Done = ();
        fn run<A: BlockCipherEncrypt<BlockSize = U16>>(self, aes: A) {
            let core = CtrCore::<A, Ctr32BE>::inner_iv_init(aes, &self.0.into());
            StreamCipherCoreWrapper::from_core(core).apply_keystream(self.1);
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
            let mut got = vec![3; len];
            run(&aes, None, len, Ctr(block, &mut got)).unwrap();
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
