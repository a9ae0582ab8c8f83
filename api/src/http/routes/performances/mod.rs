//! What is on sale.

pub mod availability;
pub mod channels;
pub mod check_ins;
pub mod list;
pub mod show;
pub mod waiting_room;
