//! charter

pub mod config;
pub mod error;
