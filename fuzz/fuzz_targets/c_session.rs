#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| e2ee_testkit::fuzz::run("c_session", data));
