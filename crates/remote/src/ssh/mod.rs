//! A tunnel through the system's `ssh`, and a session on the other machine.

mod ask;
mod command;
mod destination;
pub(crate) mod local;
mod session;
mod sign_in;
mod trouble;
mod tunnel;

pub use ask::{Kind, Question, Questions};
pub use command::{Spec, Ssh, SshError};
pub use destination::{Destination, DestinationError, Identity, IdentityError};
pub use session::{Heard, Session};
pub use sign_in::SignIn;
pub use trouble::Trouble;
pub use tunnel::{Status, Tunnel};
