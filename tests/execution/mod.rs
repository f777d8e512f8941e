//! Migrations as they run: in steps, under limits, one migrator at a time, and what is written by hand.

mod stamping;
mod steps;
