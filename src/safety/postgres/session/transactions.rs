//! Transactions: what their end forgets, and what a ROLLBACK takes back.

use std::collections::BTreeMap;

use super::super::super::RelationName;
use super::{Birth, Object, Routine, Session, Settings, Table, UserType};

/// What was there before a change, for ROLLBACK.
#[derive(Debug)]
pub(super) enum Before {
    Table(RelationName, Option<Box<Table>>),
    Type(RelationName, Option<UserType>),
    Routine(String, Option<Routine>),
    Object(Object, Option<Birth>),
    Settings(Settings),
}

impl Session<'_> {
    pub(in super::super) fn in_transaction(&self) -> bool {
        self.wrapped || self.explicit || self.bodies > 0
    }

    pub(in super::super) fn begin_transaction(&mut self) {
        self.explicit = true;
        self.inventory.begin();
    }

    /// The end of the current transaction, explicit or of one statement.
    pub(in super::super) fn end_transaction(&mut self, committed: bool) {
        if !committed {
            self.undo(0);
            self.inventory.undo(0);
        }
        self.journal.clear();
        self.inventory.end();
        self.tables.retain(|_, table| !table.until_commit);
        self.explicit = false;
        self.transaction += 1;
        self.settings.timeouts.iter_mut().for_each(|timeout| timeout.local = None);
        self.settings.utc.1 = None;
        self.savepoints.clear();
        self.held.clear();
        self.changed.clear();
        self.enum_values.clear();
    }

    pub(in super::super) fn savepoint(&mut self, name: String) {
        self.savepoints.push((name, self.journal.len(), self.inventory.mark()));
    }

    pub(in super::super) fn rollback_to(&mut self, name: &str) {
        if let Some(at) = self.savepoints.iter().rposition(|(savepoint, ..)| savepoint == name) {
            self.savepoints.truncate(at + 1);
            self.undo(self.savepoints[at].1);
            self.inventory.undo(self.savepoints[at].2);
        }
    }

    /// Remembers what was there, while a ROLLBACK may come.
    pub(super) fn remember(&mut self, before: impl FnOnce(&Self) -> Before) {
        if self.explicit {
            let before = before(self);
            self.journal.push(before);
        }
    }

    /// Takes the changes back until the journal is as long as it was.
    fn undo(&mut self, length: usize) {
        fn restore<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
        while self.journal.len() > length {
            match self.journal.pop() {
                Some(Before::Table(name, table)) => restore(&mut self.tables, name, table.map(|table| *table)),
                Some(Before::Type(name, user_type)) => restore(&mut self.types, name, user_type),
                Some(Before::Routine(name, routine)) => restore(&mut self.routines, name, routine),
                Some(Before::Object(name, birth)) => restore(&mut self.objects, name, birth),
                Some(Before::Settings(settings)) => self.settings = settings,
                None => return,
            }
        }
    }
}
