//! Criterion: seal and open by suite and size, raw cipher and peer in the same run.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use e2ee_core::CipherSuite;
use frameseal_benches::{OurOpen, OurSeal, Peer, Raw, SIZES, providers};

fn seal(c: &mut Criterion) {
    for suite in CipherSuite::ALL {
        let mut group = c.benchmark_group(format!("seal/{suite}"));
        for size in SIZES {
            group.throughput(Throughput::Bytes(size as u64));
            for provider in providers().into_iter().take(if suite.is_gcm() { 3 } else { 1 }) {
                let name = if suite.is_gcm() { provider.name() } else { "rustcrypto" };
                let mut ours = OurSeal::new(provider, suite, size);
                group.bench_function(BenchmarkId::new(format!("frameseal-{name}"), size), |b| {
                    b.iter(|| ours.run())
                });
                let mut raw = Raw::new(provider, suite, size);
                group
                    .bench_function(BenchmarkId::new(format!("raw-{name}"), size), |b| b.iter(|| raw.seal()));
            }
            if let Some(mut peer) = Peer::new(suite, size) {
                group.bench_function(BenchmarkId::new("sframe-crate-ring", size), |b| b.iter(|| peer.seal()));
            }
        }
        group.finish();
    }
}

fn open(c: &mut Criterion) {
    for suite in CipherSuite::ALL {
        let mut group = c.benchmark_group(format!("open/{suite}"));
        for size in SIZES {
            group.throughput(Throughput::Bytes(size as u64));
            for provider in providers().into_iter().take(if suite.is_gcm() { 3 } else { 1 }) {
                let name = if suite.is_gcm() { provider.name() } else { "rustcrypto" };
                let mut ours = OurOpen::new(provider, suite, size);
                group.bench_function(BenchmarkId::new(format!("frameseal-{name}"), size), |b| {
                    b.iter_custom(|n| batches(n, ours.batch(), &mut ours, OurOpen::refill, OurOpen::run))
                });
                let mut raw = Raw::new(provider, suite, size);
                group
                    .bench_function(BenchmarkId::new(format!("raw-{name}"), size), |b| b.iter(|| raw.open()));
            }
            if let Some(mut peer) = Peer::new(suite, size) {
                let batch = frameseal_benches::batch(size);
                group.bench_function(BenchmarkId::new("sframe-crate-ring", size), |b| {
                    b.iter_custom(|n| batches(n, batch, &mut peer, Peer::refill, Peer::open))
                });
            }
        }
        group.finish();
    }
}

/// Times `n` opens in batches; sealing the batches is left out.
fn batches<T>(n: u64, batch: usize, it: &mut T, refill: fn(&mut T), run: fn(&mut T) -> usize) -> Duration {
    let (mut left, mut spent) = (n, Duration::ZERO);
    while left > 0 {
        let now = left.min(batch as u64);
        refill(it);
        let start = Instant::now();
        (0..now).for_each(|_| {
            black_box(run(it));
        });
        spent += start.elapsed();
        left -= now;
    }
    spent
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(20);
    targets = seal, open
}
criterion_main!(benches);
