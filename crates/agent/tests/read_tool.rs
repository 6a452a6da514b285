//! The read tool shows what is in the workspace and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use clawdbot_agent::{Block, Progress, ReadTool, Tool, ToolContext, ToolOutput};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const CANARY: &str = "the canary outside";

struct Place {
    outside: TempDir,
    workspace: TempDir,
    tool: ReadTool,
}

fn place() -> Place {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("canary"), CANARY).unwrap();
    let workspace = tempfile::tempdir().unwrap();
    let tool = ReadTool::new(workspace.path()).unwrap();
    Place { outside, workspace, tool }
}

async fn call(tool: &ReadTool, arguments: Value) -> ToolOutput {
    let context = ToolContext {
        call_id: "1".into(),
        cancel: CancellationToken::new(),
        progress: Progress::default(),
    };
    tool.call(arguments, context).await
}

async fn read(tool: &ReadTool, path: impl AsRef<Path>) -> ToolOutput {
    call(tool, json!({ "path": path.as_ref() })).await
}

fn text(output: &ToolOutput) -> &str {
    match &output.content[0] {
        Block::Text { text } => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn shows_text_by_lines() {
    let Place { workspace, tool, .. } = place();
    fs::create_dir(workspace.path().join("notes")).unwrap();
    let lines: String = (1..=10).map(|n| format!("line {n}\n")).collect();
    fs::write(workspace.path().join("notes/a.md"), &lines).unwrap();
    assert_eq!(text(&read(&tool, "notes/a.md").await), lines);
    assert_eq!(text(&read(&tool, "./notes/a.md").await), lines);
    let part = call(&tool, json!({"path": "notes/a.md", "offset": 4, "limit": 2})).await;
    assert_eq!(text(&part), "line 4\nline 5\n\n[More follows. Continue with offset 6.]");
    let late = call(&tool, json!({"path": "notes/a.md", "offset": 40})).await;
    assert_eq!(text(&late), "[The file has 10 lines; line 40 is after its end.]");
}

#[tokio::test]
async fn shows_images_and_refuses_other_bytes() {
    let Place { workspace, tool, .. } = place();
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    fs::write(workspace.path().join("a.txt"), png).unwrap();
    let output = read(&tool, "a.txt").await;
    assert!(
        matches!(&output.content[1], Block::Image { mime_type, .. } if mime_type == "image/png"),
        "{output:?}"
    );
    fs::write(workspace.path().join("b.png"), b"\0\x01\x02\x03").unwrap();
    assert!(read(&tool, "b.png").await.is_error);
}

#[tokio::test]
async fn large_files_stay_small_answers() {
    let Place { workspace, tool, .. } = place();
    fs::write(workspace.path().join("one-line"), "x".repeat(3_000_000)).unwrap();
    fs::write(workspace.path().join("many"), "abcdefghi\n".repeat(300_000)).unwrap();
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    image.resize(6 * 1024 * 1024, 0);
    fs::write(workspace.path().join("huge.png"), image).unwrap();
    assert!(text(&read(&tool, "one-line").await).len() < 200);
    let many = read(&tool, "many").await;
    assert!(text(&many).len() <= 50_100);
    assert!(
        text(&many).ends_with("[More follows. Continue with offset 2001.]"),
        "{}",
        text(&many).len()
    );
    assert!(read(&tool, "huge.png").await.is_error);
}

#[tokio::test]
async fn a_missing_file_is_not_a_secret_inside() {
    let Place { tool, .. } = place();
    let output = read(&tool, "nothing.md").await;
    assert!(output.is_error);
    assert!(text(&output).contains("nothing.md"));
    assert!(call(&tool, json!({"file": 3})).await.is_error);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::symlink;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// The one sentence for everything outside, taken from a path that is denied by its spelling.
    async fn denied(tool: &ReadTool) -> ToolOutput {
        let output = read(tool, "../x").await;
        assert!(output.is_error);
        output
    }

    #[tokio::test]
    async fn every_way_out_gets_the_same_answer() {
        let Place { outside, workspace, tool } = place();
        let root = workspace.path();
        let canary = outside.path().join("canary");
        symlink(&canary, root.join("link")).unwrap();
        symlink(outside.path(), root.join("dir")).unwrap();
        symlink("/nonexistent/file", root.join("dangling")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("/dev/zero", root.join("zero")).unwrap();
        symlink("/proc/self/environ", root.join("environ")).unwrap();
        fs::hard_link(&canary, root.join("hard")).unwrap();
        let fifo = std::process::Command::new("mkfifo").arg(root.join("fifo")).status().unwrap();
        assert!(fifo.success());
        fs::create_dir(root.join("folder")).unwrap();
        let expected = denied(&tool).await;
        let absolute = root.join("folder").display().to_string();
        for path in [
            "",
            ".",
            "folder",
            "/",
            "/etc/passwd",
            "~/.ssh/id_rsa",
            "~",
            "../canary",
            "folder/../../canary",
            "/proc/self/environ",
            "/dev/stdin",
            "C:\\Windows\\win.ini",
            "\\\\host\\share",
            "a\0b",
            "link",
            "dir/canary",
            "dangling",
            "loop",
            "zero",
            "environ",
            "hard",
            "fifo",
            &absolute,
        ] {
            let output =
                tokio::time::timeout(std::time::Duration::from_secs(5), read(&tool, path)).await;
            assert_eq!(output.expect("hung"), expected, "{path:?}");
        }
    }

    #[tokio::test]
    async fn a_swapped_link_never_leads_out() {
        let Place { outside, workspace, tool } = place();
        let root = workspace.path().to_owned();
        let canary = outside.path().join("canary");
        fs::write(root.join("inside"), "fine").unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let swapper = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                while !stop.load(Ordering::Relaxed) {
                    for target in [Path::new("inside"), &canary] {
                        let _ = fs::remove_file(root.join("next"));
                        symlink(target, root.join("next")).unwrap();
                        fs::rename(root.join("next"), root.join("file")).unwrap();
                    }
                }
            }
        });
        let mut read_inside = 0;
        for _ in 0..10_000 {
            let output = read(&tool, "file").await;
            assert!(!format!("{output:?}").contains(CANARY));
            read_inside += usize::from(!output.is_error);
        }
        stop.store(true, Ordering::Relaxed);
        swapper.join().unwrap();
        assert!(read_inside > 0, "the race was never won by the harmless side");
    }
}
