//! Every compiled-in backend passes the conformance suite.

#[test]
fn every_provider() {
    let all = e2ee_cipher::Provider::all();
    assert!(!all.is_empty());
    for provider in all {
        assert_eq!(e2ee_cipher::conformance::check(provider), Ok(()), "{}", provider.name());
    }
}
