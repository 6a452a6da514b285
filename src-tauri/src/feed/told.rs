//! What people were told of things that wait for them, across connections.

use std::collections::BTreeSet;

/// The ids of one kind that were told and have not ended.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeSet<String>);

impl Told {
    /// Whether this one is news.
    pub(super) fn tell(&mut self, id: &str) -> bool {
        self.0.insert(id.to_owned())
    }

    pub(super) fn end(&mut self, id: &str) {
        self.0.remove(id);
    }

    /// Takes in everything that waits now; what was told and waits no more has ended meanwhile.
    pub(super) fn ended<'a>(&mut self, waiting: impl Iterator<Item = &'a str>) -> Vec<String> {
        let waiting: BTreeSet<&str> = waiting.collect();
        let gone = |id: &String| !waiting.contains(id.as_str());
        self.0.extract_if(.., gone).collect()
    }
}
