//! Rebuilds the crate when the embedded WebChat bundle changes.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src-ui/dist");
    // A directory that is missing would count as changed at every build.
    std::fs::create_dir_all(&dist)?;
    println!("cargo::rerun-if-changed={}", dist.display());
    Ok(())
}
