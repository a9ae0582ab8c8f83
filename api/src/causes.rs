//! An error in one line with everything that led to it: the outermost alone says little.

use std::error::Error;

/// The error and its causes, from the outermost on.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
