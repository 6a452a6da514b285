//! Writes the files that are made from the gateway's method table.

fn main() -> std::io::Result<()> {
    clawdbot_tests::generated().iter().try_for_each(|file| std::fs::write(&file.path, &file.text))
}
