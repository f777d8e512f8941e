//! Migrations as they run: in steps, under limits, one migrator at a time, and what is written by hand.

mod foreign_keys;
mod limits;
mod locks;
mod stamping;
mod steps;
mod trial;
