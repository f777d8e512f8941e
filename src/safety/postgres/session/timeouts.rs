//! The limits that the files set.

/// A `lock_timeout` or `statement_timeout`.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Timeout {
    session: Option<Limit>,
    pub(super) local: Option<Limit>,
    /// Whether RESET or DEFAULT took away what was set, outside of the file too.
    reset: bool,
}

/// A value of a timeout and where it was set.
#[derive(Debug, Clone)]
pub(in super::super) struct Limit {
    pub(in super::super) zero: bool,
    pub(in super::super) range: std::ops::Range<usize>,
}

impl Timeout {
    pub(super) fn set(&mut self, limit: Option<Limit>, local: bool) {
        self.reset = limit.is_none();
        if local {
            self.local = limit;
        } else {
            self.session = limit;
            self.local = None;
        }
    }

    /// Whether the file took the limit away, and set none again.
    pub(in super::super) fn is_reset(&self) -> bool {
        self.reset
    }

    /// The limit in force; none where the server's default rules.
    pub(in super::super) fn limit(&self) -> Option<&Limit> {
        self.local.as_ref().or(self.session.as_ref())
    }
}
