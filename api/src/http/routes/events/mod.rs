//! What happens to me.

mod feed;
mod positions;
pub mod stream;
