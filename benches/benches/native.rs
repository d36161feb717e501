//! What a C caller pays above a Rust caller: the same frames through the C interface, from a loop compiled by the C
//! compiler, and through the crate's fastest calls for them, `seal_into` and `open_into`. Both take a frame out of the
//! caller's memory and put it into the caller's. Turns are interleaved, and the median of the difference within a round
//! counts.

use std::hint::black_box;
use std::ptr::null_mut;

use e2ee_core::{
    CallId, CipherSuite, CodecRule, FrameBuf, FrameFormat, FrameInfo, KeyAt, KidScheme, Opener, ParticipantId, Profile,
    Provider, Sealer, Straight, TrackKind,
};
use frameseal::{frameseal_config, frameseal_frame_info, frameseal_opener, frameseal_sealer, frameseal_status};
use frameseal_benches::{batch, median, time};

const INFO: FrameInfo<'static> = FrameInfo::track(TrackKind::Video, CodecRule::Opaque);
const BAR: f64 = 30.0;

type Seal = unsafe extern "C" fn(
    *mut frameseal_sealer,
    *const frameseal_frame_info,
    *const u8,
    usize,
    *mut u8,
    usize,
    *mut usize,
) -> frameseal_status;
type Open = unsafe extern "C" fn(
    *mut frameseal_opener,
    *const frameseal_frame_info,
    *const u8,
    usize,
    *mut u8,
    usize,
    *mut usize,
) -> frameseal_status;

// Handles are opaque to C, and passed on.
#[allow(improper_ctypes)]
unsafe extern "C" {
    fn bench_seal(f: Seal, s: *mut frameseal_sealer, frame: *const u8, len: usize, out: *mut u8, cap: usize, n: usize)
    -> usize;
    fn bench_open(
        f: Open,
        o: *mut frameseal_opener,
        frames: *const *const u8,
        len: usize,
        out: *mut u8,
        cap: usize,
        n: usize,
    ) -> usize;
}

fn main() {
    let rounds = if std::env::args().any(|a| a == "--test") { 3 } else { 301 };
    println!("AES_128_GCM_SHA256_128, ns per frame, median of {rounds} interleaved rounds");
    println!("{:>7} | {:>9} {:>9} {:>8} | {:>9} {:>9} {:>8}", "bytes", "Rust seal", "C seal", "+ns", "Rust open", "C open", "+ns");
    let (mut met, mut missed, mut bars) = (0, 0, Vec::new());
    for size in [120, 1200] {
        let [rust_seal, c_seal, seal_more, rust_open, c_open, open_more] = measure(size, rounds);
        println!(
            "{size:>7} | {rust_seal:>9.1} {c_seal:>9.1} {seal_more:>8.1} | {rust_open:>9.1} {c_open:>9.1} {open_more:>8.1}"
        );
        bars.push((format!("{size} B: seal within Rust + {BAR} ns"), seal_more));
        bars.push((format!("{size} B: open within Rust + {BAR} ns"), open_more));
    }
    println!();
    for (what, value) in bars {
        let ok = value <= BAR;
        *(if ok { &mut met } else { &mut missed }) += 1;
        println!("{} {what}: {value:.2}", if ok { "met   " } else { "MISSED" });
    }
    println!("\nbars: {met} met, {missed} missed");
}

fn measure(size: usize, rounds: usize) -> [f64; 6] {
    let who = ParticipantId::new("ada").expect("a name");
    let profile = Profile {
        provider: Provider::best(),
        suite: CipherSuite::Aes128GcmSha256_128,
        format: FrameFormat::Frameseal { call: CallId::new("bench").expect("a name") },
        scheme: KidScheme::default(),
    };
    let mut sealer = Sealer::generate(profile.clone(), who.clone(), &[7; 32]);
    let mut opener = Opener::new(profile, who);
    let key = sealer.sender_key().expect("sender keys");
    let config = frameseal_config {
        size: size_of::<frameseal_config>(),
        call: c"bench".as_ptr(),
        participant: c"ada".as_ptr(),
        format: 0,
        suite: 0,
        ratchet_bits: 0,
        slots: 0,
        ratchet_window: 0,
    };
    let (mut c_sealer, mut c_opener) = (null_mut(), null_mut());
    // SAFETY: the config, the key and both outputs are as the header asks; the handles are freed below.
    let made = unsafe {
        [
            frameseal::frameseal_sealer_new(&config, [7; 32].as_ptr(), 32, &mut c_sealer),
            frameseal::frameseal_opener_new(&config, &mut c_opener),
            frameseal::frameseal_opener_install_key(c_opener, 0, 0, key.base.expose().as_ptr(), 32),
        ]
    };
    assert_eq!(made, [frameseal_status::Ok; 3]);
    opener.install(KeyAt::Sender(key.generation, key.step), key.base);

    let n = batch(size).min(400);
    let frame = vec![0x5a; size];
    let (mut ahead, mut out) = (FrameBuf::new(), vec![0; size + 256]);
    let mut rows: Vec<[f64; 4]> = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let wires: Vec<Vec<u8>> = (0..n)
            .map(|_| {
                ahead.fill(&frame);
                sealer.seal(&INFO, &mut ahead).expect("sealed").to_vec()
            })
            .collect();
        let pointers: Vec<*const u8> = wires.iter().map(Vec::as_ptr).collect();
        // Headers grow with counters; frames of one length are what C is given.
        let len = wires[0].len();
        let same = wires.iter().take_while(|wire| wire.len() == len).count();
        let mut row = [0.0; 4];
        for turn in 0..4 {
            let who = (turn + round) % 4;
            row[who] = match who {
                0 => time(n, || {
                    straight(sealer.seal_into(black_box(&INFO), black_box(&frame), black_box(&mut out)))
                }),
                // SAFETY: everything lives; `out` has room.
                1 => per(n, || unsafe {
                    bench_seal(frameseal::frameseal_seal, c_sealer, frame.as_ptr(), size, out.as_mut_ptr(), out.len(), n)
                }),
                2 => {
                    let mut next = 0;
                    time(same, || {
                        let wire = black_box(&wires[next]);
                        next += 1;
                        straight(opener.open_into(black_box(&INFO), wire, black_box(&mut out)))
                    })
                }
                // SAFETY: everything lives; `out` has room.
                _ => per(same, || unsafe {
                    bench_open(frameseal::frameseal_open, c_opener, pointers.as_ptr(), len, out.as_mut_ptr(), out.len(), same)
                }),
            };
        }
        rows.push(row);
    }
    // SAFETY: made above, and used by nobody.
    unsafe {
        frameseal::frameseal_sealer_free(c_sealer);
        frameseal::frameseal_opener_free(c_opener);
    }
    let of = |f: &dyn Fn(&[f64; 4]) -> f64| median(rows.iter().map(f).collect());
    [of(&|r| r[0]), of(&|r| r[1]), of(&|r| r[1] - r[0]), of(&|r| r[2]), of(&|r| r[3]), of(&|r| r[3] - r[2])]
}

fn straight<E>(done: Result<Straight, E>) -> usize {
    match done {
        Ok(Straight::Done(len)) => len,
        _ => panic!("a frame did not go straight"),
    }
}

/// One call that does `n` frames.
fn per(n: usize, mut all: impl FnMut() -> usize) -> f64 {
    let start = std::time::Instant::now();
    let done = black_box(all());
    let took = start.elapsed();
    assert_eq!(done, n, "every frame was sealed or opened");
    took.as_nanos() as f64 / n as f64
}
