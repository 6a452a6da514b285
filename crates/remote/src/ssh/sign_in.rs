//! How long the parts of a sign-in take, from what `ssh` says about itself.

use std::time::Duration;

use tokio::time::Instant;

/// Time spent on each part of signing in, as far as it has come; a person's time to answer is not
/// counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignIn {
    /// Looking the name up; nothing when another machine is asked to do it.
    pub name: Duration,
    /// Reaching the machine and proving who is there.
    pub ssh: Duration,
    /// Checking the machine's own key.
    pub host_key: Duration,
}

/// Follows one sign-in.
pub(super) struct Clock {
    spent: SignIn,
    part: Part,
    since: Instant,
}

#[derive(Clone, Copy)]
enum Part {
    Name,
    Ssh,
    HostKey,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { spent: SignIn::default(), part: Part::Name, since: Instant::now() }
    }

    /// Takes in a line of `ssh` about what it does (`LogLevel=DEBUG1`, without its prefix). One
    /// that says other things leaves all the time with the name, or with `ssh`.
    pub(super) fn heard(&mut self, line: &str) {
        let starts = |known: &[&str]| known.iter().any(|known| line.starts_with(known));
        if starts(&["Reading configuration data "]) && matches!(self.part, Part::Name) {
            self.pass(false);
            // So far it was only starting.
            self.spent.ssh += std::mem::take(&mut self.spent.name);
            return;
        }
        let next = if starts(&["Connecting to ", "Executing proxy ", "SSH2_MSG_NEWKEYS sent"]) {
            Part::Ssh
        } else if starts(&["Server host key: "]) {
            Part::HostKey
        } else {
            return;
        };
        self.pass(false);
        self.part = next;
    }

    /// Time has passed; not ours while a person is asked.
    pub(super) fn pass(&mut self, is_asking: bool) {
        let now = Instant::now();
        let passed = now - std::mem::replace(&mut self.since, now);
        if !is_asking {
            *match self.part {
                Part::Name => &mut self.spent.name,
                Part::Ssh => &mut self.spent.ssh,
                Part::HostKey => &mut self.spent.host_key,
            } += passed;
        }
    }

    pub(super) fn spent(&self) -> SignIn {
        self.spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_part_has_its_own_time_and_a_person_takes_as_long_as_it_needs() {
        let mut clock = Clock::start();
        let after = async |ms: u64| tokio::time::advance(Duration::from_millis(ms)).await;
        for (ms, line) in [
            (20, "Reading configuration data /etc/ssh/ssh_config"),
            (5, "Connecting to server [192.0.2.1] port 22."),
            (70, "Connection established."),
            (30, "Server host key: ssh-ed25519 SHA256:x"),
        ] {
            after(ms).await;
            clock.heard(line);
        }
        after(2).await;
        clock.pass(false);
        after(60_000).await;
        clock.pass(true);
        after(1).await;
        clock.heard("SSH2_MSG_NEWKEYS sent");
        after(40).await;
        clock.pass(false);
        let [name, ssh, host_key] = [5, 160, 3].map(Duration::from_millis);
        assert_eq!(clock.spent(), SignIn { name, ssh, host_key });
    }
}
