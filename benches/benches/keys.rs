//! Criterion: what a key costs. Derivation with cipher set-up, ratchet step, stretching a room secret.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use e2ee_core::key::{ratchet, schedule};
use e2ee_core::{BaseKey, CallId, CipherSuite, Kid, ParticipantId, RoomSecret, Sealer, SecretBytes};
use frameseal_benches::{OurSeal, profile, providers};

fn keys(c: &mut Criterion) {
    for suite in [CipherSuite::Aes128GcmSha256_128, CipherSuite::Aes256GcmSha512_128] {
        c.bench_function(&format!("derive RFC 9605 key and salt/{suite}"), |b| {
            b.iter(|| schedule::derive(suite, black_box(&[7; 32]), Kid(5)).salt)
        });
        for provider in providers() {
            let name = provider.name();
            c.bench_function(&format!("set up AEAD key/{suite}/{name}"), |b| {
                let key = vec![7; suite.key_len()];
                b.iter(|| provider.aead(suite, black_box(&key)).expect("key").tag_len())
            });
            c.bench_function(&format!("new sealer to first sealed frame/{suite}/{name}"), |b| {
                b.iter(|| OurSeal::new(provider, suite, 120).run())
            });
        }
        c.bench_function(&format!("ratchet step/{suite}"), |b| {
            let base = BaseKey::new(SecretBytes::copy_of(&[7; 32])).expect("key");
            b.iter(|| ratchet::step(suite, black_box(&base)).expose().len())
        });
        c.bench_function(&format!("rotate/{suite}"), |b| {
            let who = ParticipantId::new("ada").expect("a name");
            let mut sealer = Sealer::generate(profile(providers()[0], suite), who, &[7; 32]);
            b.iter(|| sealer.rotate(&[8; 32]).expect("rotated"))
        });
    }
    c.bench_function("stretch a room secret", |b| {
        let call = CallId::new("bench").expect("a name");
        b.iter(|| drop(RoomSecret::stretch(black_box("correct horse"), &call)))
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .sample_size(10);
    targets = keys
}
criterion_main!(benches);
