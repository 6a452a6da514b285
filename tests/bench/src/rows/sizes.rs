//! How much there is to download.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::args::Args;
use crate::report::Row;

pub(super) fn rows(args: &Args) -> anyhow::Result<Vec<Row>> {
    let binary = fs::metadata(&args.bin)
        .with_context(|| format!("cannot find {}", args.bin.display()))?
        .len();
    let mut rows = vec![Row::new("headless binary", binary as f64 / 1e6, "MB").at_most(20.0)];
    let index = args.ui.join("index.html");
    if let Ok(html) = fs::read_to_string(&index) {
        let scripts = scripts(&html);
        let mut bytes = 0;
        for script in &scripts {
            bytes += gzipped(&args.ui.join(script.trim_start_matches('/')))?;
        }
        rows.push(
            Row::new("web interface, scripts to begin with, gzipped", bytes as f64 / 1e3, "kB")
                .at_most(95.0)
                .detail(scripts.join(", ")),
        );
    }
    Ok(rows)
}

/// Every script the page names: entries and what is preloaded for them.
fn scripts(html: &str) -> Vec<&str> {
    html.split('"').filter(|text| text.ends_with(".js")).collect()
}

fn gzipped(path: &Path) -> anyhow::Result<usize> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    Ok(encoder.finish()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_preloads_are_found() {
        let html = r#"<link rel="icon" href="/icon.svg"><script src="/boot.js"></script>
            <script type="module" crossorigin src="/assets/index-1.js"></script>
            <link rel="modulepreload" crossorigin href="/assets/chat-2.js">"#;
        assert_eq!(scripts(html), ["/boot.js", "/assets/index-1.js", "/assets/chat-2.js"]);
    }
}
