//! stub

/// Deepest nesting of arrays and structures that is followed.
pub const DEPTH_MAX: usize = 8;
/// Most elements of one body that are followed.
pub const COUNT_MAX: usize = 256;
