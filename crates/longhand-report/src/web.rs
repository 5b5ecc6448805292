//! Parts of pages: style and scripts.

/// The style of all pages, light and dark.
pub const STYLE: &str = include_str!("web/style.css");

/// The style of charts, light and dark, which each has in itself.
pub const CHART_STYLE: &str = crate::chart::STYLE;

/// `Net`, a net that is read from its file and computed in the page.
pub(crate) const NET: &str = include_str!("web/net.js");

/// `Pad`, on which one draws what a net is to read.
pub const PAD: &str = include_str!("web/pad.js");

/// What all pages do.
pub(crate) const PAGE: &str = include_str!("web/page.js");

/// What the page of a run does whose samples are pictures.
pub(crate) const REPORT: &str = include_str!("web/report.js");
