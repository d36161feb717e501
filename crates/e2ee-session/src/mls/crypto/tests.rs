#![allow(clippy::unwrap_used)]
use super::*;

fn config(suite: Suite) -> HpkeConfig {
    let suite = suite.of_mls().unwrap();
    HpkeConfig(suite.hpke_kem_algorithm(), suite.hpke_kdf_algorithm(), suite.hpke_aead_algorithm())
}

fn derived(suite: Suite) -> HpkeKeyPair {
    Primitives::new(&[1; SEED_LEN], suite).derive_hpke_keypair(config(suite), &[7; 32]).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 9180 appendix A.1.1: `ikmR` and `pkRm`.
#[test]
fn key_pairs_are_derived_as_in_rfc_9180() {
    let ikm = [
        0x6d, 0xb9, 0xdf, 0x30, 0xaa, 0x07, 0xdd, 0x42, 0xee, 0x5e, 0x81, 0x81, 0xaf, 0xdb, 0x97, 0x7e, 0x53,
        0x8f, 0x5e, 0x1f, 0xec, 0x8a, 0x06, 0x22, 0x3f, 0x33, 0xf7, 0x01, 0x3e, 0x52, 0x50, 0x37,
    ];
    let primitives = Primitives::new(&[1; SEED_LEN], Suite::Classic);
    let pair = primitives.derive_hpke_keypair(config(Suite::Classic), &ikm).unwrap();
    assert_eq!(hex(&pair.public), "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
}

/// A draft that changes here changes what members of another version understand.
#[cfg(feature = "pq")]
#[test]
fn key_pairs_of_the_draft_are_derived_as_they_were() {
    let pair = derived(Suite::PostQuantumDraft);
    assert_eq!((pair.private.len(), pair.public.len()), (32, 1216));
    assert_eq!(
        hex(&Sha256::digest(&pair.public)),
        "e81b9a08d54218efb0cee652505b8d615d58473da3f7ae0bfcac23becb446e65"
    );
}

#[test]
fn what_is_sealed_to_a_key_is_opened_with_it_and_a_member_refuses_another_suite() {
    for suite in [Suite::Classic, Suite::PostQuantumDraft].into_iter().filter(|suite| suite.is_built_in()) {
        let (primitives, pair) = (Primitives::new(&[1; SEED_LEN], suite), derived(suite));
        let seal = |text: &[u8]| primitives.hpke_seal(config(suite), &pair.public, b"i", b"a", text).unwrap();
        let sealed = seal(b"text");
        let open = |sealed: &HpkeCiphertext, info: &[u8]| {
            primitives.hpke_open(config(suite), sealed, &pair.private, info, b"a")
        };
        assert_eq!(open(&sealed, b"i").unwrap(), b"text");
        assert!(open(&sealed, b"j").is_err());
        // The same inputs give the same bytes, and others give a fresh encapsulation.
        assert_eq!(seal(b"text"), sealed);
        assert_ne!(seal(b"next").kem_output, sealed.kem_output);

        let (encapped, sent) =
            primitives.hpke_setup_sender_and_export(config(suite), &pair.public, b"i", b"c", 32).unwrap();
        let exported = |encapped: &[u8]| {
            primitives.hpke_setup_receiver_and_export(config(suite), encapped, &pair.private, b"i", b"c", 32)
        };
        assert_eq!(*exported(&encapped).unwrap(), *sent);
        for bad in [&[][..], &[7; 31], &encapped[1..]] {
            assert!(exported(bad).is_err());
            assert!(primitives.hpke_seal(config(suite), bad, b"", b"", b"").is_err());
        }

        for other in [Suite::Classic, Suite::PostQuantumDraft] {
            if other != suite && other.is_built_in() {
                let refused = primitives.derive_hpke_keypair(config(other), &[7; 32]);
                assert_eq!(refused.err(), Some(CryptoError::UnsupportedCiphersuite));
                assert!(primitives.supports(other.of_mls().unwrap()).is_err());
            }
        }
        assert_eq!(primitives.supported_ciphersuites(), [suite.of_mls().unwrap()]);
    }
}
