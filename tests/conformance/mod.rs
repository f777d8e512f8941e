//! One suite for every engine: the same answers, the same errors, the same order, the same digests.

mod agreement;
mod content;
mod editions;
mod reading;
mod replication;
mod sql;
mod writing;

/// Makes every case a test of its own on every engine that is named.
macro_rules! on_every_engine {
    ([$($(#[$condition:meta])? $engine:ident $module:ident),*] $cases:tt) => {
        $(on_every_engine!(@engine $(#[$condition])? $engine $module $cases);)*
    };
    (@engine $(#[$condition:meta])? $engine:ident $module:ident [$($case:ident),* $(,)?]) => {
        $(#[$condition])?
        mod $module {
            $(#[test]
            fn $case() {
                super::$case(&crate::support::stores::Engine::$engine.fresh());
            })*
        }
    };
    ($cases:tt) => {
        on_every_engine!(
            [Memory memory, Sqlite sqlite, #[cfg(feature = "duckdb")] DuckDb duckdb, Postgres postgres] $cases
        );
    };
}
use on_every_engine;
