//! `connect` params and the device proof in them.
#![no_main]

use clawdbot_protocol::{Checker, ConnectParams, Generation, verify_proof};
use libfuzzer_sys::fuzz_target;

static CONNECT: Checker<ConnectParams> = Checker::new();
/// Of the recorded connection among the seeds.
const NONCE: &str = "42be3716-4133-4e6a-8c0e-7ac87f34ef7c";
const SIGNED_AT: i64 = 1_795_165_964_620;

fuzz_target!(|text: &str| {
    let Ok(params) = CONNECT.params("connect", text) else { return };
    let Some(proof) = &params.device else { return };
    let verify =
        |nonce, now| verify_proof(proof, &params.proof_terms(), nonce, now, Generation::V4);
    if verify(NONCE, SIGNED_AT).is_ok() {
        assert_eq!(proof.nonce.as_deref(), Some(NONCE));
        assert!(verify("another", SIGNED_AT).is_err());
        assert!(verify(NONCE, SIGNED_AT + 600_000).is_err());
    }
    let _ = verify(NONCE, i64::MIN);
    let _ = verify(NONCE, i64::MAX);
});
