//! A state directory of the original: `sessions.json` before the first NUL, a transcript after it.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use clawdbot_store::OldState;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tempfile::TempDir;

/// In memory where there is such a place; the fuzzer writes two files for every input.
static HOME: LazyLock<TempDir> = LazyLock::new(|| {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
});

fuzz_target!(|bytes: &[u8]| {
    let dir: PathBuf = HOME.path().join("agents/main/sessions");
    std::fs::create_dir_all(&dir).expect("a directory");
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    std::fs::write(dir.join("sessions.json"), parts.next().unwrap_or_default()).expect("a file");
    std::fs::write(dir.join("s.jsonl"), parts.next().unwrap_or_default()).expect("a file");
    let state = OldState::at(HOME.path()).expect("there is an agent");
    for session in state.sessions() {
        assert!(!session.session_id.contains('/') && session.updated_ms >= 0);
        let Ok(Some(mut transcript)) = session.open() else { continue };
        loop {
            let batch = transcript.next_batch().expect("the file can be read");
            for message in batch.messages {
                let body: Value = serde_json::from_str(message.body.get()).expect("JSON");
                assert_eq!(body["role"], message.role.as_str());
                assert!(body.get("__openclaw").is_none() && message.ts_ms > 0);
            }
            if batch.end {
                break;
            }
        }
    }
});
