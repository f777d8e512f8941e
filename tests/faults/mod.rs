//! What holds when processes, connections, servers and disks fail.

pub(crate) mod parts;
