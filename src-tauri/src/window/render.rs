//! How a window is drawn: some graphics drivers leave it empty, so there are simpler ways to try.

use std::fs::OpenOptions;
use std::path::Path;

/// Where Linux has its graphics cards.
const CARDS: &str = "/dev/dri";

/// One way to draw, from the fastest to the one that always works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Render {
    /// As the system does it.
    Usual,
    /// Without sharing buffers with the graphics driver.
    WithoutDmabuf,
    /// Without the graphics driver.
    Software,
}

impl Render {
    /// What to begin with. Without a graphics card WebKitGTK goes on putting its pictures together with
    /// OpenGL, which then runs on the processor: three times the work of an answer that streams, and
    /// twice the memory, of drawing without it.
    pub(super) fn first() -> Self {
        if cfg!(target_os = "linux") { Self::with_cards_in(Path::new(CARDS)) } else { Self::Usual }
    }

    fn with_cards_in(directory: &Path) -> Self {
        let usable = |entry: std::fs::DirEntry| {
            entry.file_name().to_string_lossy().starts_with("renderD")
                && OpenOptions::new().read(true).write(true).open(entry.path()).is_ok()
        };
        let mut entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        if entries.any(usable) { Self::Usual } else { Self::WithoutDmabuf }
    }

    /// What to try when the window stayed empty.
    pub(super) fn simpler(self) -> Option<Self> {
        match self {
            // The variables are WebKitGTK's; elsewhere there is nothing else to try.
            Self::Usual if cfg!(target_os = "linux") => Some(Self::WithoutDmabuf),
            Self::WithoutDmabuf => Some(Self::Software),
            Self::Usual | Self::Software => None,
        }
    }

    /// The variables of the window process.
    pub(super) fn variables(self) -> &'static [(&'static str, &'static str)] {
        let all =
            &[("WEBKIT_DISABLE_DMABUF_RENDERER", "1"), ("WEBKIT_DISABLE_COMPOSITING_MODE", "1")];
        match self {
            Self::Usual => &[],
            Self::WithoutDmabuf => &all[..1],
            Self::Software => all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_draws_where_there_is_a_card_that_this_person_may_use() {
        let cards = tempfile::tempdir().expect("a directory");
        assert_eq!(Render::with_cards_in(&cards.path().join("none")), Render::WithoutDmabuf);
        std::fs::write(cards.path().join("card0"), "").expect("a file");
        assert_eq!(Render::with_cards_in(cards.path()), Render::WithoutDmabuf);
        // Nobody may open a directory for writing, not even root.
        std::fs::create_dir(cards.path().join("renderD128")).expect("a directory");
        assert_eq!(Render::with_cards_in(cards.path()), Render::WithoutDmabuf);
        std::fs::write(cards.path().join("renderD129"), "").expect("a file");
        assert_eq!(Render::with_cards_in(cards.path()), Render::Usual);
    }

    #[test]
    fn every_way_has_a_simpler_one_until_the_last() {
        if cfg!(target_os = "linux") {
            assert_eq!(Render::Usual.simpler(), Some(Render::WithoutDmabuf));
            assert_eq!(Render::WithoutDmabuf.simpler(), Some(Render::Software));
        }
        assert_eq!(Render::Software.simpler(), None);
    }
}
