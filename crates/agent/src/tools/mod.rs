//! The tools a run can be given.

mod exec;
mod read;
mod session_status;
mod workspace;

pub use exec::{ExecCall, ExecGate, ExecSettings, ExecTool, commands_in};
pub use read::ReadTool;
pub use session_status::{SessionStatus, SessionStatusTool};
pub use workspace::{Workspace, WorkspaceEntry, WorkspaceError, WorkspaceFileContent};
