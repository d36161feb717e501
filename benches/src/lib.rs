//! What is measured: Frameseal, the raw cipher of the same backend, and the `sframe` crate.
//!
//! Every subject seals or opens one frame of a given size per call, on warm keys and warm buffers.

use e2ee_core::{
    CallId, CipherSuite, CodecRule, FrameBuf, FrameFormat, FrameInfo, KeyAt, KidScheme, Opener,
    ParticipantId, Profile, Provider, Sealer, TrackKind, crypto,
};
use sframe::frame::validation::{ReplayAttackProtection, Tolerance};
use sframe::frame::{EncryptedFrameView, MediaFrameView, MonotonicCounter};
use sframe::key::{DecryptionKey, EncryptionKey};

/// Payload sizes, bytes: three of audio and small video, three of large video.
pub const SIZES: [usize; 6] = [40, 120, 1200, 10_000, 50_000, 200_000];
/// Frames sealed ahead for the openers. More than any replay window, so that counters advance as in a call.
const AHEAD: usize = 4096;
/// Memory that the frames sealed ahead may take, bytes: they should stay in the cache like fresh frames do.
const AHEAD_BYTES: usize = 1 << 20;

const INFO: FrameInfo<'static> = FrameInfo::track(TrackKind::Video, CodecRule::Opaque);

/// The AES-GCM backends that were compiled in.
pub fn providers() -> [&'static Provider; 3] {
    [&crypto::RING, &crypto::AWS_LC, &crypto::RUSTCRYPTO]
}

pub fn profile(provider: &'static Provider, suite: CipherSuite) -> Profile {
    Profile {
        provider,
        suite,
        format: FrameFormat::Frameseal { call: CallId::new("bench").expect("a name") },
        scheme: KidScheme::default(),
    }
}

/// Frameseal, sealing in place.
pub struct OurSeal {
    sealer: Sealer,
    buf: FrameBuf,
    size: usize,
}

impl OurSeal {
    pub fn new(provider: &'static Provider, suite: CipherSuite, size: usize) -> Self {
        let who = ParticipantId::new("ada").expect("a name");
        let sealer = Sealer::generate(profile(provider, suite), who, &[7; 32]);
        let mut buf = FrameBuf::with_capacity(size);
        buf.reset(size).fill(0x5a);
        Self { sealer, buf, size }
    }

    #[inline]
    pub fn run(&mut self) -> usize {
        self.buf.reset(self.size);
        self.sealer.seal(&INFO, &mut self.buf).map_or(0, <[u8]>::len)
    }
}

/// Frameseal, opening in place, replay window included. Filling the buffer is the caller's copy and not ours; the raw
/// cipher is given the same one.
pub struct OurOpen {
    sealer: Sealer,
    opener: Opener,
    wires: Vec<Vec<u8>>,
    next: usize,
    buf: FrameBuf,
    size: usize,
}

impl OurOpen {
    pub fn new(provider: &'static Provider, suite: CipherSuite, size: usize) -> Self {
        let who = ParticipantId::new("ada").expect("a name");
        let sealer = Sealer::generate(profile(provider, suite), who.clone(), &[7; 32]);
        let mut opener = Opener::new(profile(provider, suite), who);
        let key = sealer.sender_key().expect("sender keys");
        opener.install(KeyAt::Sender(key.generation, key.step), key.base);
        let mut this =
            Self { sealer, opener, wires: Vec::new(), next: 0, buf: FrameBuf::with_capacity(size), size };
        this.refill();
        this
    }

    /// Seals the next batch. Not part of what is measured.
    pub fn refill(&mut self) {
        self.wires.clear();
        self.next = 0;
        let mut buf = FrameBuf::with_capacity(self.size);
        for _ in 0..batch(self.size) {
            buf.reset(self.size).fill(0x5a);
            self.wires.push(self.sealer.seal(&INFO, &mut buf).expect("sealed").to_vec());
        }
    }

    pub fn batch(&self) -> usize {
        self.wires.len()
    }

    #[inline]
    pub fn run(&mut self) -> usize {
        let wire = &self.wires[self.next];
        self.next += 1;
        self.buf.fill(wire);
        self.opener.open(&INFO, &mut self.buf).expect("opened").len()
    }
}

pub fn batch(size: usize) -> usize {
    (AHEAD_BYTES / (size + 40)).clamp(4, AHEAD)
}

/// The raw AEAD, with a nonce, an AAD as long as ours and the same layout: the floor.
pub struct Raw {
    aead: RawKey,
    /// As many copies as the other subjects have frames, so that all read from equally warm memory.
    sealed: Vec<Vec<u8>>,
    next: usize,
    buf: Vec<u8>,
    size: usize,
    ctr: u64,
}

// Inline on purpose: a box would add a pointer chase to what everything is measured against.
#[allow(clippy::large_enum_variant)]
enum RawKey {
    Ring(ring::aead::LessSafeKey),
    AwsLc(aws_lc_rs::aead::LessSafeKey),
    RustCrypto(Box<dyn crypto::Aead>),
}

impl Raw {
    /// The cipher itself. For suites or backends without a call of their own, the backend object below the frames.
    pub fn new(provider: &'static Provider, suite: CipherSuite, size: usize) -> Self {
        let key = vec![7; suite.key_len()];
        let aead = match (provider.name(), suite) {
            ("ring", CipherSuite::Aes128GcmSha256_128) => ring_key(&ring::aead::AES_128_GCM, &key),
            ("ring", CipherSuite::Aes256GcmSha512_128) => ring_key(&ring::aead::AES_256_GCM, &key),
            ("aws-lc-rs", CipherSuite::Aes128GcmSha256_128) => aws_key(&aws_lc_rs::aead::AES_128_GCM, &key),
            ("aws-lc-rs", CipherSuite::Aes256GcmSha512_128) => aws_key(&aws_lc_rs::aead::AES_256_GCM, &key),
            _ => RawKey::RustCrypto(provider.aead(suite, &key).expect("suite")),
        };
        let mut this =
            Self { aead, sealed: Vec::new(), next: 0, buf: vec![0x5a; size + suite.tag_len()], size, ctr: 0 };
        this.seal();
        this.ctr = 0;
        this.sealed = vec![this.buf.clone(); batch(size)];
        this
    }

    fn nonce(&self) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.ctr.to_be_bytes());
        nonce
    }

    #[inline]
    pub fn seal(&mut self) -> usize {
        let nonce = self.nonce();
        self.ctr += 1;
        let aad = [0x98u8, 1, 2];
        match &self.aead {
            RawKey::Ring(key) => {
                let (text, tag) = self.buf.split_at_mut(self.size);
                let nonce = ring::aead::Nonce::assume_unique_for_key(nonce);
                let made = key.seal_in_place_separate_tag(nonce, ring::aead::Aad::from(&aad), text);
                tag.copy_from_slice(made.expect("sealed").as_ref());
            }
            RawKey::AwsLc(key) => {
                let (text, tag) = self.buf.split_at_mut(self.size);
                let nonce = aws_lc_rs::aead::Nonce::assume_unique_for_key(nonce);
                let made = key.seal_in_place_separate_tag(nonce, aws_lc_rs::aead::Aad::from(&aad), text);
                tag.copy_from_slice(made.expect("sealed").as_ref());
            }
            RawKey::RustCrypto(key) => key.seal(&nonce, &aad, &mut self.buf).expect("sealed"),
        }
        self.buf.len()
    }

    #[inline]
    pub fn open(&mut self) -> usize {
        self.next = (self.next + 1) % self.sealed.len();
        self.buf.copy_from_slice(&self.sealed[self.next]);
        let aad = [0x98u8, 1, 2];
        let nonce = [0; 12];
        match &self.aead {
            RawKey::Ring(key) => {
                let nonce = ring::aead::Nonce::assume_unique_for_key(nonce);
                key.open_in_place(nonce, ring::aead::Aad::from(&aad), &mut self.buf).expect("opened").len()
            }
            RawKey::AwsLc(key) => {
                let nonce = aws_lc_rs::aead::Nonce::assume_unique_for_key(nonce);
                key.open_in_place(nonce, aws_lc_rs::aead::Aad::from(&aad), &mut self.buf)
                    .expect("opened")
                    .len()
            }
            RawKey::RustCrypto(key) => {
                key.open(&nonce, &aad, &mut self.buf).expect("opened");
                self.size
            }
        }
    }
}

fn ring_key(algorithm: &'static ring::aead::Algorithm, key: &[u8]) -> RawKey {
    let key = ring::aead::UnboundKey::new(algorithm, key).expect("key");
    RawKey::Ring(ring::aead::LessSafeKey::new(key))
}

fn aws_key(algorithm: &'static aws_lc_rs::aead::Algorithm, key: &[u8]) -> RawKey {
    let key = aws_lc_rs::aead::UnboundKey::new(algorithm, key).expect("key");
    RawKey::AwsLc(aws_lc_rs::aead::LessSafeKey::new(key))
}

/// The `sframe` crate on ring, with its own replay protection when opening.
pub struct Peer {
    seal: EncryptionKey,
    open: DecryptionKey,
    counter: MonotonicCounter,
    replay: ReplayAttackProtection,
    payload: Vec<u8>,
    out: Vec<u8>,
    wires: Vec<Vec<u8>>,
    next: usize,
}

impl Peer {
    /// `None` where the crate has no such suite.
    pub fn new(suite: CipherSuite, size: usize) -> Option<Self> {
        let suite = match suite {
            CipherSuite::Aes128GcmSha256_128 => sframe::CipherSuite::AesGcm128Sha256,
            CipherSuite::Aes256GcmSha512_128 => sframe::CipherSuite::AesGcm256Sha512,
            _ => return None,
        };
        let material = [7u8; 32];
        let mut this = Self {
            seal: EncryptionKey::derive_from(suite, 0u64, material).ok()?,
            open: DecryptionKey::derive_from(suite, 0u64, material).ok()?,
            counter: MonotonicCounter::default(),
            replay: ReplayAttackProtection::new(0u64, Tolerance::new(1024)),
            payload: vec![0x5a; size],
            out: Vec::with_capacity(size + 128),
            wires: Vec::new(),
            next: 0,
        };
        this.refill();
        Some(this)
    }

    pub fn refill(&mut self) {
        self.wires.clear();
        self.next = 0;
        for _ in 0..batch(self.payload.len()) {
            self.seal();
            self.wires.push(self.out.clone());
        }
    }

    #[inline]
    pub fn seal(&mut self) -> usize {
        let frame = MediaFrameView::try_new(&mut self.counter, &self.payload).expect("counter");
        frame.encrypt_into(&self.seal, &mut self.out).expect("sealed");
        self.out.len()
    }

    #[inline]
    pub fn open(&mut self) -> usize {
        let wire = &self.wires[self.next];
        self.next += 1;
        let frame = EncryptedFrameView::try_new(wire).expect("frame");
        let opened = frame.validated_decrypt_into(&self.open, &mut self.out, &mut self.replay);
        opened.expect("opened").payload().len()
    }
}

/// Nanoseconds a call, over `n` calls.
pub fn time(n: usize, mut run: impl FnMut() -> usize) -> f64 {
    let start = std::time::Instant::now();
    for _ in 0..n {
        std::hint::black_box(run());
    }
    start.elapsed().as_nanos() as f64 / n as f64
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
