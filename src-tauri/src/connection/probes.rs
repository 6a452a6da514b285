//! The tests of a target that are under way, one for each window.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::wire::Label;

/// Whoever tests waits for the other end of one of these to go.
#[derive(Default)]
pub(crate) struct Probes {
    seen: Mutex<HashMap<Label, oneshot::Sender<Infallible>>>,
}

impl Probes {
    /// Another test is seen in this window from now on. What it gets resolves, to an error, once
    /// nobody sees it any more.
    pub(super) fn begin(&self, label: Label) -> oneshot::Receiver<Infallible> {
        let (seen, unseen) = oneshot::channel();
        self.lock().insert(label, seen);
        unseen
    }

    /// Nobody in this window sees its test any more.
    pub(crate) fn end(&self, label: Label) {
        self.lock().remove(&label);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Label, oneshot::Sender<Infallible>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Label, Probes};

    #[tokio::test]
    async fn a_test_ends_with_its_window_or_with_the_next_one_there() {
        let probes = Probes::default();
        let (first, mut other) = (probes.begin(Label::Main), probes.begin(Label::Quick));
        let mut second = probes.begin(Label::Main);
        assert!(first.await.is_err());
        assert!(second.try_recv().is_err_and(|error| error.to_string().contains("empty")));
        probes.end(Label::Main);
        assert!(second.await.is_err());
        assert!(other.try_recv().is_err_and(|error| error.to_string().contains("empty")));
    }
}
