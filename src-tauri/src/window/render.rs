//! How a window is drawn: some graphics drivers leave it empty, so there are simpler ways to try.

/// One way to draw, from the fastest to the one that always works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Render {
    /// As the system does it.
    #[default]
    Usual,
    /// Without sharing buffers with the graphics driver.
    WithoutDmabuf,
    /// Without the graphics driver.
    Software,
}

impl Render {
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
