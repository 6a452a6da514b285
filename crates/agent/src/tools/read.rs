//! `read`: shows the model a text file or an image of the workspace.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cap_std::fs::File;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::workspace::{Workspace, WorkspaceError};
use crate::message::Block;
use crate::tool::{Tool, ToolContext, ToolOutput, ToolSpec};

/// Lines returned at most.
const MAX_LINES: usize = 2_000;
/// Bytes of text returned at most.
const MAX_TEXT: usize = 50_000;
/// Bytes looked at before the requested lines are reached.
const MAX_SCAN: u64 = 64 * 1024 * 1024;
/// Largest image in bytes.
const MAX_IMAGE: u64 = 5 * 1024 * 1024;
/// Image types every provider takes.
const IMAGE_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The tool, confined to one workspace and, where given, the skills of all agents.
pub struct ReadTool {
    roots: Arc<Roots>,
}

struct Roots {
    /// None where there is no such directory.
    workspace: Option<Workspace>,
    /// The directory as its files are named, and the handle on it.
    skills: Option<(PathBuf, Workspace)>,
}

impl Roots {
    fn open_file(&self, name: &str) -> Result<File, WorkspaceError> {
        if let Some((directory, skills)) = &self.skills
            && let Ok(inside) = Path::new(name).strip_prefix(directory)
            && let Some(inside) = inside.to_str()
        {
            return skills.open_file(inside);
        }
        let workspace = self.workspace.as_ref();
        workspace.ok_or_else(|| WorkspaceError::NotFound(name.to_owned()))?.open_file(name)
    }
}

#[derive(Debug, Deserialize)]
struct Arguments {
    path: String,
    /// First line, from 1.
    offset: Option<usize>,
    /// Number of lines.
    limit: Option<usize>,
}

impl ReadTool {
    /// A tool that reads below `workspace` and nowhere else.
    ///
    /// # Errors
    /// [`WorkspaceError::Unavailable`] when the directory cannot be opened.
    pub fn new(workspace: &Path) -> Result<Self, WorkspaceError> {
        let workspace = Some(Workspace::open(workspace)?);
        Ok(Self { roots: Arc::new(Roots { workspace, skills: None }) })
    }

    /// A tool that reads below `workspace` and, by absolute paths, below `skills`.
    ///
    /// # Errors
    /// [`WorkspaceError::Unavailable`] when neither directory can be opened.
    pub fn with_skills(workspace: &Path, skills: &Path) -> Result<Self, WorkspaceError> {
        let opened = Workspace::open(skills).ok().map(|root| (skills.to_owned(), root));
        let workspace = match Workspace::open(workspace) {
            Ok(workspace) => Some(workspace),
            Err(_) if opened.is_some() => None,
            Err(error) => return Err(error),
        };
        Ok(Self { roots: Arc::new(Roots { workspace, skills: opened }) })
    }
}

impl Tool for ReadTool {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "read".into(),
            description: format!(
                "Reads a file of the workspace: text (up to {MAX_LINES} lines or {} KB at a time; \
                 use offset and limit for more) or an image (PNG, JPEG, GIF, WebP).",
                MAX_TEXT / 1000
            ),
            parameters: json!({
                "type": "object",
                "properties": {
                    "path": {"type": "string", "description": "Path relative to the workspace"},
                    "offset": {"type": "integer", "minimum": 1, "description": "First line, from 1"},
                    "limit": {"type": "integer", "minimum": 1, "description": "Number of lines"},
                },
                "required": ["path"],
                "additionalProperties": false,
            }),
        }
    }

    fn call(&self, arguments: Value, _context: ToolContext) -> BoxFuture<'_, ToolOutput> {
        let roots = Arc::clone(&self.roots);
        Box::pin(async move {
            let arguments: Arguments = match serde_json::from_value(arguments) {
                Ok(arguments) => arguments,
                Err(error) => return ToolOutput::error(format!("Invalid arguments: {error}.")),
            };
            match tokio::task::spawn_blocking(move || read(&roots, &arguments)).await {
                Ok(Ok(output)) => output,
                Ok(Err(error)) => ToolOutput::error(error.to_string()),
                Err(_) => ToolOutput::error("Reading was interrupted. Try again."),
            }
        })
    }
}

fn read(roots: &Roots, arguments: &Arguments) -> Result<ToolOutput, WorkspaceError> {
    let name = arguments.path.trim();
    let unreadable = |source| WorkspaceError::Unreadable { name: name.to_owned(), source };
    let file = roots.open_file(name)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let mut reader = BufReader::new(file);
    let start = reader.fill_buf().map_err(unreadable)?;
    match infer::get(start) {
        Some(kind) if IMAGE_TYPES.contains(&kind.mime_type()) => {
            image(reader, size, kind.mime_type()).map_err(unreadable)
        }
        _ => text(reader, arguments).map_err(unreadable),
    }
}

fn image(reader: BufReader<File>, size: u64, mime_type: &str) -> io::Result<ToolOutput> {
    let mut bytes = Vec::new();
    reader.take(MAX_IMAGE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_IMAGE {
        return Ok(ToolOutput::error(format!(
            "The image is too large ({size} bytes, at most {MAX_IMAGE})."
        )));
    }
    let data = STANDARD.encode(&bytes);
    Ok(ToolOutput {
        content: vec![
            Block::text(format!("{mime_type}, {} bytes", bytes.len())),
            Block::Image { data, mime_type: mime_type.to_owned() },
        ],
        is_error: false,
        details: None,
    })
}

fn text(reader: BufReader<File>, arguments: &Arguments) -> io::Result<ToolOutput> {
    let first = arguments.offset.unwrap_or(1).max(1);
    let wanted = arguments.limit.unwrap_or(MAX_LINES).clamp(1, MAX_LINES);
    let mut reader = reader.take(MAX_SCAN);
    let mut shown = String::new();
    let mut line = Vec::new();
    let mut number = 0;
    let mut more = false;
    loop {
        line.clear();
        // A file of one endless line must not end up in memory.
        let read = (&mut reader).take(MAX_TEXT as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        if line.contains(&0) {
            return Ok(ToolOutput::error("The file is neither text nor an image this tool knows."));
        }
        number += 1;
        if number < first {
            continue;
        }
        if number >= first + wanted || shown.len() + line.len() > MAX_TEXT {
            more = true;
            break;
        }
        shown.push_str(&String::from_utf8_lossy(&line));
    }
    Ok(ToolOutput::text(summed_up(shown, first, number, more)))
}

fn summed_up(shown: String, first: usize, number: usize, more: bool) -> String {
    if more && shown.is_empty() {
        return format!("[Line {number} is longer than {MAX_TEXT} bytes and cannot be shown.]");
    }
    if more {
        return format!("{shown}\n[More follows. Continue with offset {number}.]");
    }
    if shown.is_empty() {
        return match number {
            0 => "[The file is empty.]".into(),
            lines => format!("[The file has {lines} lines; line {first} is after its end.]"),
        };
    }
    shown
}
