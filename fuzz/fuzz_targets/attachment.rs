//! An attachment: the first line is its name, the second its claimed type, the rest its bytes.
#![no_main]

#[path = "../../crates/gateway/src/attachments.rs"]
#[expect(dead_code, reason = "only what is accepted is of interest")]
mod attachments;
#[path = "../../crates/gateway/src/text.rs"]
#[expect(dead_code, reason = "only one of its functions is used")]
mod text;

use attachments::{Limits, accept};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clawdbot_protocol::Attachment;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let mut text = || parts.next().map(|part| String::from_utf8_lossy(part).into_owned());
    let (name, claim) = (text(), text());
    let content = parts.next().unwrap_or_default();
    for content in
        [Value::from(STANDARD.encode(content)), Value::from(String::from_utf8_lossy(content))]
    {
        let attachment = Attachment {
            mime_type: claim.clone(),
            file_name: name.clone(),
            content: Some(content),
        };
        let Ok(accepted) = accept(vec![attachment], Limits::new(5.0)) else { continue };
        for file in &accepted {
            let stored = file.file_name();
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            assert!(stored.chars().all(plain) && stored.matches('.').count() == 1, "{stored}");
            let record = file.record("main", 1);
            let known = ["image", "audio", "video", "file"];
            assert!(known.contains(&record.kind.as_str()));
            assert_ne!(record.mime, "image/svg+xml");
            assert_ne!(record.mime, "text/html");
            let shown = record.name.unwrap_or_default();
            assert!(!shown.contains(['/', '\\', '\n', '\r', '\0', '\u{202e}']), "{shown:?}");
        }
        let meta = attachments::media_meta(&accepted);
        assert_eq!(json!(meta).as_array().map(Vec::len), Some(accepted.len()));
    }
});
