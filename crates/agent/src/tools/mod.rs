//! The tools a run can be given.

mod read;
mod session_status;
mod workspace;

pub use read::ReadTool;
pub use session_status::{SessionStatus, SessionStatusTool};
pub use workspace::{Workspace, WorkspaceEntry, WorkspaceError, WorkspaceFileContent};
