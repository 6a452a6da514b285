//! A configuration document: whatever it holds, nothing but the wanted value changes.
#![no_main]

use std::path::Path;

use clawdbot_config::{
    Document, Env, REDACTED, edit, merge_patch, parse_object, redact_raw, restore_redacted_raw,
};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let _ = Document::check(text, Path::new("/nowhere/clawdbot.json"), &Env::default());
    let Ok(before) = parse_object(text) else {
        assert!(edit(text, &["a"], Some(json!(1))).is_err());
        return;
    };
    let value = json!({"new": [1, "two"]});
    if let Ok(edited) = edit(text, &["fuzz-key", "b"], Some(value.clone())) {
        let mut after = parse_object(&edited).expect("an edited document is one");
        assert_eq!(after["fuzz-key"]["b"], value);
        if before.get("fuzz-key").is_none() {
            after.as_object_mut().expect("an object").shift_remove("fuzz-key");
            assert_eq!(after, before);
        }
    }
    let _ = merge_patch(text, &json!({"a": null, "gateway": {"port": 1}}));
    let hidden = redact_raw(text);
    if !text.contains(REDACTED)
        && let Ok(restored) = restore_redacted_raw(&hidden, text)
    {
        assert_eq!(parse_object(&restored).expect("a restored document is one"), before);
    }
});
