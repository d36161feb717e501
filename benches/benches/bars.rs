//! The bars, measured as ratios and differences in one run: subjects take turns in short rounds, and the median over
//! rounds of the difference within a round is what counts, so that a drifting machine cancels out.
//!
//! Prints a table and a line per bar. A bar that is missed is said; nothing is asserted (machines differ).

use e2ee_core::{CipherSuite, Provider, crypto};
use frameseal_benches::{OurOpen, OurSeal, Peer, Raw, SIZES, batch, median, time};

const SUITE: CipherSuite = CipherSuite::Aes128GcmSha256_128;

fn main() {
    // `cargo test` and `cargo bench -- --test` run this too: then one short round is enough to see it work.
    let rounds = if std::env::args().any(|a| a == "--test") { 3 } else { 301 };
    let (mut met, mut missed) = (0, 0);
    println!("{SUITE}, ns per frame, median of {rounds} interleaved rounds");
    println!(
        "{:<10} {:>7} | {:>9} {:>9} {:>8} {:>7} | {:>9} {:>9} {:>8} {:>7} | {:>9} {:>9}",
        "backend",
        "bytes",
        "raw seal",
        "seal",
        "+ns",
        "ratio",
        "raw open",
        "open",
        "+ns",
        "ratio",
        "sframe s",
        "sframe o"
    );
    let mut bars = Vec::new();
    for provider in [&crypto::RING, &crypto::AWS_LC, &crypto::RUSTCRYPTO] {
        for size in SIZES {
            let m = measure(provider, size, rounds);
            println!(
                "{:<10} {:>7} | {:>9.1} {:>9.1} {:>8.1} {:>7.3} | {:>9.1} {:>9.1} {:>8.1} {:>7.3} | {:>9.1} {:>9.1}",
                provider.name(),
                size,
                m.raw_seal,
                m.seal,
                m.seal_more,
                m.seal_ratio,
                m.raw_open,
                m.open,
                m.open_more,
                m.open_ratio,
                m.peer_seal,
                m.peer_open
            );
            if provider.name() == "rustcrypto" {
                continue;
            }
            let name = provider.name();
            if size <= 1200 {
                bars.push((format!("{name} {size} B: seal within raw + 25 ns"), m.seal_more, 25.0));
                bars.push((format!("{name} {size} B: open within raw + 30 ns"), m.open_more, 30.0));
            }
            if size >= 10_000 {
                bars.push((format!("{name} {size} B: seal within 1.06 of raw"), m.seal_ratio, 1.06));
                bars.push((format!("{name} {size} B: open within 1.06 of raw"), m.open_ratio, 1.06));
            }
            if size == 120 {
                bars.push((
                    format!("{name} {size} B: seal at most half of the sframe crate"),
                    m.peer_seal_ratio,
                    0.5,
                ));
                bars.push((
                    format!("{name} {size} B: open at most half of the sframe crate"),
                    m.peer_open_ratio,
                    0.5,
                ));
            }
        }
    }
    println!();
    for (what, value, bar) in bars {
        let ok = value <= bar;
        *(if ok { &mut met } else { &mut missed }) += 1;
        println!("{} {what}: {value:.2}", if ok { "met   " } else { "MISSED" });
    }
    println!("\nbars: {met} met, {missed} missed");
}

#[derive(Default)]
struct Measured {
    raw_seal: f64,
    seal: f64,
    seal_more: f64,
    seal_ratio: f64,
    raw_open: f64,
    open: f64,
    open_more: f64,
    open_ratio: f64,
    peer_seal: f64,
    peer_open: f64,
    peer_seal_ratio: f64,
    peer_open_ratio: f64,
}

fn measure(provider: &'static Provider, size: usize, rounds: usize) -> Measured {
    let mut ours = OurSeal::new(provider, SUITE, size);
    let mut opens = OurOpen::new(provider, SUITE, size);
    let mut raw = Raw::new(provider, SUITE, size);
    let mut peer = Peer::new(SUITE, size).expect("the peer has AES-GCM");
    let n = batch(size).min(200_000 / size + 20);
    let mut rows: Vec<[f64; 6]> = Vec::with_capacity(rounds);
    for round in 0..rounds {
        opens.refill();
        peer.refill();
        let mut row = [0.0; 6];
        // Turns start with another subject in each round, so that none always runs on a warmer cache.
        for turn in 0..6 {
            let who = (turn + round) % 6;
            row[who] = match who {
                0 => time(n, || raw.seal()),
                1 => time(n, || ours.run()),
                2 => time(n, || raw.open()),
                3 => time(n, || opens.run()),
                4 => time(n, || peer.seal()),
                _ => time(n, || peer.open()),
            };
        }
        rows.push(row);
    }
    let of = |f: &dyn Fn(&[f64; 6]) -> f64| median(rows.iter().map(f).collect());
    Measured {
        raw_seal: of(&|r| r[0]),
        seal: of(&|r| r[1]),
        seal_more: of(&|r| r[1] - r[0]),
        seal_ratio: of(&|r| r[1] / r[0]),
        raw_open: of(&|r| r[2]),
        open: of(&|r| r[3]),
        open_more: of(&|r| r[3] - r[2]),
        open_ratio: of(&|r| r[3] / r[2]),
        peer_seal: of(&|r| r[4]),
        peer_open: of(&|r| r[5]),
        peer_seal_ratio: of(&|r| r[1] / r[4]),
        peer_open_ratio: of(&|r| r[3] / r[5]),
    }
}
