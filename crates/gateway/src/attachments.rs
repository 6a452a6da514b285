//! Attachments: decoded within limits, typed by their bytes, stored under generated names.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use clawdbot_protocol::{Attachment, MAX_FRAME, RpcError};
use clawdbot_store::MediaRecord;
use serde_json::{Map, Value, json};

use crate::text::hides;
/// Room a frame needs beside the attachments, in bytes.
const FRAME_SLACK: u64 = 256 * 1024;
/// Pixels of the largest image that is accepted.
const MAX_PIXELS: usize = 64_000_000;
/// Longest file name kept, in characters.
const MAX_NAME: usize = 200;

/// Standard and URL-safe encoders disagree about padding; both are welcome.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decoded sizes accepted, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Any attachment.
    pub(crate) max_bytes: u64,
    /// Images, which go to the model as they are.
    pub(crate) max_image_bytes: u64,
}

impl Limits {
    /// From `agents.defaults.mediaMaxMb`, cut to what fits into a frame as base64.
    pub(crate) fn new(max_mb: f64) -> Self {
        let fits = (MAX_FRAME as u64 - FRAME_SLACK) / 4 * 3;
        let configured = (max_mb * 1024.0 * 1024.0) as u64;
        let max_bytes = configured.min(fits);
        Self { max_bytes, max_image_bytes: max_bytes.min(6 * 1024 * 1024) }
    }
}

/// An attachment that passed every check.
#[derive(Debug)]
pub(crate) struct Accepted {
    id: String,
    bytes: Vec<u8>,
    format: Format,
    name: Option<String>,
}

/// A file format this gateway takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format {
    mime: &'static str,
    kind: &'static str,
    extension: &'static str,
}

const fn format(mime: &'static str, kind: &'static str, extension: &'static str) -> Format {
    Format { mime, kind, extension }
}

/// Formats known by their first bytes, under every name the detector has for them.
const FORMATS: &[(&str, Format)] = &[
    ("image/jpeg", format("image/jpeg", "image", "jpg")),
    ("image/png", format("image/png", "image", "png")),
    ("image/gif", format("image/gif", "image", "gif")),
    ("image/webp", format("image/webp", "image", "webp")),
    ("audio/mpeg", format("audio/mpeg", "audio", "mp3")),
    ("audio/x-wav", format("audio/wav", "audio", "wav")),
    ("audio/wav", format("audio/wav", "audio", "wav")),
    ("audio/m4a", format("audio/mp4", "audio", "m4a")),
    ("video/mp4", format("video/mp4", "video", "mp4")),
    ("video/quicktime", format("video/quicktime", "video", "mov")),
    ("application/pdf", format("application/pdf", "file", "pdf")),
];

const TEXT: Format = format("text/plain", "file", "txt");

/// Checks every attachment before anything is written. Entries without content are dropped.
pub(crate) fn accept(
    attachments: Vec<Attachment>,
    limits: Limits,
) -> Result<Vec<Accepted>, RpcError> {
    attachments
        .into_iter()
        .filter(|attachment| attachment.content.as_ref().is_some_and(|content| !content.is_null()))
        .map(|attachment| check(attachment, limits))
        .collect()
}

fn check(attachment: Attachment, limits: Limits) -> Result<Accepted, RpcError> {
    let name = attachment.file_name.as_deref().map(safe_name).filter(|name| !name.is_empty());
    let shown = name.as_deref().unwrap_or("attachment");
    let refuse = |what: String| RpcError::invalid(format!("Error: attachment {shown}: {what}"));
    let Some(Value::String(content)) = &attachment.content else {
        return Err(refuse("content must be base64 string".into()));
    };
    let encoded = content.split_once(";base64,").map_or(content.as_str(), |(_, rest)| rest).trim();
    let size = encoded.trim_end_matches('=').len() as u64 * 3 / 4;
    if size > limits.max_bytes {
        return Err(refuse(format!("exceeds size limit ({size} > {} bytes)", limits.max_bytes)));
    }
    let bytes = BASE64.decode(encoded).map_err(|_| refuse("invalid base64 content".into()))?;
    let format = detect(&bytes).ok_or_else(|| {
        refuse(
            "this kind of file is not accepted; send JPEG, PNG, GIF, WebP, MP3, WAV, M4A, MP4, \
             MOV, PDF or text"
                .into(),
        )
    })?;
    if let Some(claim) = attachment.mime_type.as_deref().filter(|claim| contradicts(claim, format))
    {
        let claim = safe_name(claim);
        return Err(refuse(format!("content is {}, not {claim}", format.mime)));
    }
    if format.kind == "image" {
        check_image(&bytes, limits).map_err(refuse)?;
    }
    Ok(Accepted { id: uuid::Uuid::new_v4().to_string(), bytes, format, name })
}

fn detect(bytes: &[u8]) -> Option<Format> {
    let known = infer::get(bytes).and_then(|found| {
        FORMATS.iter().find(|(mime, _)| *mime == found.mime_type()).map(|(_, format)| *format)
    });
    // Scripts, markup and a memo that begins with "BM" are text to us, whatever they look like.
    known.or_else(|| (!bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()).then_some(TEXT))
}

/// Whether a claimed type and the bytes are of different families (CHT-02).
fn contradicts(claim: &str, found: Format) -> bool {
    let claim = claim.trim().to_ascii_lowercase();
    let family = claim.split('/').next().unwrap_or_default();
    let claims_media = matches!(family, "image" | "audio" | "video") || claim == "application/pdf";
    // An M4A is an MP4 without pictures: either name will do.
    let both_mp4 = claim.ends_with("mp4") || claim.ends_with("m4a");
    claims_media
        && found.mime != claim
        && !found.mime.starts_with(&format!("{family}/"))
        && !(both_mp4 && found.mime.ends_with("mp4"))
}

fn check_image(bytes: &[u8], limits: Limits) -> Result<(), String> {
    let size = bytes.len() as u64;
    if size > limits.max_image_bytes {
        return Err(format!(
            "image exceeds size limit ({size} > {} bytes)",
            limits.max_image_bytes
        ));
    }
    let dimensions = imagesize::blob_size(bytes).map_err(|_| "the image is damaged".to_owned())?;
    match dimensions.width.checked_mul(dimensions.height) {
        Some(pixels) if pixels <= MAX_PIXELS => Ok(()),
        _ => Err(format!(
            "image of {} x {} pixels is too large; {MAX_PIXELS} pixels are accepted",
            dimensions.width, dimensions.height
        )),
    }
}

/// A name for people: one line, no path, nothing that hides.
fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| !matches!(c, '\n' | '\t') && !hides(*c)).take(MAX_NAME).collect()
}

impl Accepted {
    /// Name under which the file is stored and fetched.
    pub(crate) fn file_name(&self) -> String {
        format!("{}.{}", self.id, self.format.extension)
    }

    /// The bytes' digest goes into the run's fingerprint.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The record that goes into the database.
    pub(crate) fn record(&self, session_key: &str, now_ms: i64) -> MediaRecord {
        MediaRecord {
            id: self.id.clone(),
            session_key: session_key.to_owned(),
            mime: self.format.mime.to_owned(),
            kind: self.format.kind.to_owned(),
            name: self.name.clone(),
            size: self.bytes.len() as u64,
            created_ms: now_ms,
        }
    }

    /// The row's `__openclaw.media` entry (protocol §13.7).
    fn meta(&self) -> Value {
        let mut entry = Map::new();
        entry.insert("url".into(), json!(format!("media://inbound/{}", self.file_name())));
        entry.insert("contentType".into(), json!(self.format.mime));
        entry.insert("kind".into(), json!(self.format.kind));
        entry.insert("sizeBytes".into(), json!(self.bytes.len()));
        if let Some(name) = &self.name {
            entry.insert("fileName".into(), json!(name));
        }
        Value::Object(entry)
    }
}

/// Name under which a recorded file is stored.
pub(crate) fn stored_name(media: &MediaRecord) -> String {
    let known = FORMATS.iter().map(|(_, format)| *format).find(|f| f.mime == media.mime);
    format!("{}.{}", media.id, known.unwrap_or(TEXT).extension)
}

/// The `media` member of a row's metadata.
pub(crate) fn media_meta(accepted: &[Accepted]) -> Vec<Value> {
    accepted.iter().map(Accepted::meta).collect()
}

/// Writes the files and makes them durable; call it before the message that names them.
pub(crate) fn store(dir: &Path, accepted: &[Accepted]) -> io::Result<Vec<PathBuf>> {
    if accepted.is_empty() {
        return Ok(Vec::new());
    }
    private_dir(dir)?;
    let mut written = Vec::new();
    for file in accepted {
        let path = dir.join(file.file_name());
        let mut options = std::fs::File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let result = options.open(&path).and_then(|mut out| {
            out.write_all(&file.bytes)?;
            out.sync_all()
        });
        written.push(path);
        if let Err(error) = result {
            discard(&written);
            return Err(error);
        }
    }
    // The names have to survive a power cut as well.
    #[cfg(unix)]
    std::fs::File::open(dir)?.sync_all()?;
    Ok(written)
}

/// Removes files whose message was not accepted after all.
pub(crate) fn discard(paths: &[PathBuf]) {
    for path in paths {
        if let Err(error) = std::fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "cannot remove an unused attachment");
        }
    }
}

/// Creates a directory for the owner alone.
pub(crate) fn private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    fn one(mime: Option<&str>, name: &str, content: &str) -> Result<Accepted, String> {
        let attachment = Attachment {
            mime_type: mime.map(str::to_owned),
            file_name: Some(name.to_owned()),
            content: Some(json!(content)),
        };
        accept(vec![attachment], Limits::new(20.0))
            .map(|mut all| all.remove(0))
            .map_err(|error| error.message)
    }

    fn text(content: &str) -> String {
        BASE64.encode(content)
    }

    #[test]
    fn the_type_comes_from_the_bytes() {
        let image = one(Some("image/png"), "x.png", PNG).unwrap();
        assert_eq!((image.format.mime, image.format.kind), ("image/png", "image"));
        let data_url = one(None, "x", &format!("data:image/png;base64,{PNG}")).unwrap();
        assert_eq!(data_url.format.mime, "image/png");
        for text_file in ["#!/bin/sh\necho hi", "BMW is a car maker", "<!doctype html>"] {
            assert_eq!(one(None, "x", &text(text_file)).unwrap().format, TEXT, "{text_file}");
        }
        let note = one(Some("text/markdown"), "a.md", &text("# hi")).unwrap();
        assert_eq!(note.file_name().rsplit('.').next(), Some("txt"));
    }

    #[test]
    fn an_attachment_that_lies_is_refused_cht_02() {
        for (claim, content) in [
            ("image/png", "<html><script>"),
            ("image/svg+xml", "<svg onload=x>"),
            ("video/mp4", "hi"),
        ] {
            let error = one(Some(claim), "x.png", &text(content)).unwrap_err();
            assert_eq!(
                error,
                format!(
                    "Error: attachment x.png: content is text/plain, not {}",
                    claim.rsplit('/').next().unwrap()
                )
            );
        }
        assert!(one(Some("text/plain"), "x.bin", "AAECAwQ=").unwrap_err().contains("not accepted"));
    }

    #[test]
    fn sizes_are_refused_before_decoding_cht_03() {
        let huge = "A".repeat(28_000_000);
        let error = one(None, "big.bin", &huge).unwrap_err();
        assert!(
            error.starts_with("Error: attachment big.bin: exceeds size limit (21000000 >"),
            "{error}"
        );
        assert_eq!(
            one(None, "x", "%%%").unwrap_err(),
            "Error: attachment x: invalid base64 content"
        );
    }

    #[test]
    fn a_bomb_of_pixels_is_refused_cht_03() {
        let mut png = BASE64.decode(PNG).unwrap();
        png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let error = one(Some("image/png"), "b.png", &BASE64.encode(png)).unwrap_err();
        assert!(error.contains("60000 x 60000"), "{error}");
    }

    #[test]
    fn names_keep_no_path_and_no_control_characters() {
        assert_eq!(safe_name("../../etc/cron.d/x"), "x");
        assert_eq!(safe_name("x.png\"; a=\r\nX: y"), "x.png\"; a=X: y");
        assert_eq!(safe_name("C:\\a\\b.txt"), "b.txt");
        assert_eq!(safe_name("a\u{202e}gpj.exe"), "agpj.exe");
    }

    #[test]
    fn the_limit_told_to_clients_fits_into_a_frame() {
        assert_eq!(Limits::new(20.0).max_bytes, 19_464_192);
        assert_eq!(Limits::new(1.0).max_bytes, 1024 * 1024);
    }
}
