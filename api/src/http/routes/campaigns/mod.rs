//! Coupon campaigns.

pub mod show;
