//! LiveKit's format against the raw cipher of the same backend on the same bytes, in one run: `cargo xtask bench --bars`
//! runs it behind the bars of Frameseal's own format. Opus frames; the ratchet window on and off.

use e2ee_core::livekit::{Codec, Frame, FrameType, Kdf, Opener, Options, RATCHET_SALT, Sealer, SlotKey};
use e2ee_core::{CipherSuite, FrameBuf, ParticipantId, Provider, TrackKind, crypto};
use frameseal_benches::{Raw, batch, median, time};

const SIZES: [usize; 5] = [40, 120, 1200, 10_000, 50_000];
/// At most so many times the raw call.
const BAR: f64 = 1.3;

const fn frame(timestamp: u32) -> Frame {
    Frame {
        kind: TrackKind::Audio,
        codec: Codec::Audio,
        frame_type: FrameType::Key,
        ssrc: Some(7),
        timestamp,
    }
}

struct Ours {
    sealer: Sealer,
    opener: Opener,
    wires: Vec<Vec<u8>>,
    next: usize,
    clock: u32,
    size: usize,
    buf: FrameBuf,
}

impl Ours {
    fn new(provider: &'static Provider, size: usize, ratchet_window: u8) -> Self {
        let options = Options { provider, ratchet_window, ..Options::default() };
        let who = ParticipantId::new("ada").expect("a name");
        let key = || SlotKey::derive(Kdf::Hkdf, &[7; 32], RATCHET_SALT);
        let (mut sealer, mut opener) = (Sealer::new(options, who.clone(), [7; 8]), Opener::new(options, who));
        sealer.set_key(0, key()).expect("AES-GCM");
        opener.set_key(0, key()).expect("AES-GCM");
        Self {
            sealer,
            opener,
            wires: Vec::new(),
            next: 0,
            clock: 0,
            size,
            buf: FrameBuf::with_capacity(size),
        }
    }

    /// Seals the next batch. Not part of what is measured.
    fn refill(&mut self) {
        self.wires.clear();
        self.next = 0;
        for _ in 0..batch(self.size) {
            self.seal();
            self.wires.push(self.buf.bytes().to_vec());
        }
    }

    fn seal(&mut self) -> usize {
        self.clock += 960;
        self.buf.reset(self.size);
        self.sealer.seal(&frame(self.clock), &mut self.buf).expect("sealed").len()
    }

    fn open(&mut self) -> usize {
        let wire = &self.wires[self.next];
        self.next += 1;
        self.buf.fill(wire);
        self.opener.open(&frame(0), &mut self.buf).expect("opened").bytes().len()
    }
}

fn main() {
    let rounds = if std::env::args().any(|a| a == "--test") { 3 } else { 301 };
    let suite = CipherSuite::Aes128GcmSha256_128;
    let (mut met, mut missed) = (0, 0);
    println!("LiveKit's format, AES-128-GCM, ns per frame, median of {rounds} interleaved rounds");
    for provider in [&crypto::RING, &crypto::AWS_LC] {
        for size in SIZES {
            let mut raw = Raw::new(provider, suite, size);
            let (mut plain, mut ratchets) = (Ours::new(provider, size, 0), Ours::new(provider, size, 8));
            let n = batch(size).min(200_000 / size + 20);
            let mut rows = Vec::with_capacity(rounds);
            for round in 0..rounds {
                plain.refill();
                ratchets.refill();
                let mut row = [0.0; 5];
                for turn in 0..row.len() {
                    let who = (turn + round) % row.len();
                    row[who] = match who {
                        0 => time(n, || raw.seal()),
                        1 => time(n, || raw.open()),
                        2 => time(n, || plain.seal()),
                        3 => time(n, || plain.open()),
                        _ => time(n, || ratchets.open()),
                    };
                }
                // Sealing has overwritten nothing that is opened later: batches are refilled each round.
                rows.push(row);
            }
            let of = |f: &dyn Fn(&[f64; 5]) -> f64| median(rows.iter().map(f).collect());
            let (seal, open, step) = (of(&|r| r[2] / r[0]), of(&|r| r[3] / r[1]), of(&|r| r[4] / r[1]));
            println!(
                "{:<10} {size:>6} B  raw seal {:>8.1} seal {:>8.1} x{seal:.3}   raw open {:>8.1} open {:>8.1} x{open:.3}   with ratchet x{step:.3}",
                provider.name(),
                of(&|r| r[0]),
                of(&|r| r[2]),
                of(&|r| r[1]),
                of(&|r| r[3])
            );
            for value in [seal, open, step] {
                *(if value <= BAR { &mut met } else { &mut missed }) += 1;
            }
        }
    }
    println!("\nwithin {BAR} of raw: {met} met, {missed} missed");
}
