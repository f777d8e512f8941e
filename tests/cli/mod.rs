//! The program as its users see it: what it prints, where, and its exit codes.

mod config;
mod db;
mod demo;
mod help;
mod lint;
mod put;
mod read;
mod secrets;
mod sync;
mod watch;

use crate::support::Sandbox;

/// A contract with every part.
const BOOK: &str = "\
name: book
version: 1.0.0
schema:
  title: Book
  type: object
  properties:
    isbn: {type: string}
    pages: {type: integer}
coercion_rules: {isbn: coerce_to_string}
validation_rules: {pages: {is_positive: {threshold: 0}}}
metadata: {description: What the shop sells.}
ownership: {owner: books@example.com, team: shop}
governance_rules: {sensitivity: Internal}
lineage: {from: catalogue}
";

/// A contract with only a schema.
const USER: &str = r#"{"title": "User", "type": "object", "properties": {"n": {"const": 9007199254740993}}}"#;

/// The identity of a migration and the digests of people's tables.
const SHORT_DIGESTS: (&str, &str) = (r"\b[0-9a-f]{12}\b", "[SHORT DIGEST]");

/// A sandbox whose database has a book, a pre-release of its next version, and a user.
fn library() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("book.yaml", BOOK);
    sandbox.write("user.json", USER);
    sandbox.run(&["put", "book.yaml", "user.json", "-q"]).success();
    sandbox.write("next.yaml", BOOK.replace("version: 1.0.0", "version: 1.1.0-rc.1").replace("Book", "Books"));
    sandbox.run(&["put", "next.yaml", "-q"]).success();
    sandbox
}
