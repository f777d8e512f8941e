//! A set that is written for servers alone.

use crate::support::{Sandbox, eventually, postgres};

/// A project with what only Postgres has, half of it in a later migration.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\nschema = shop\nengines = postgres\n");
    let orders = "CREATE TABLE orders (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tags TEXT[] NOT NULL);
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();";
    sandbox.write("sql/V1__orders.sql", orders);
    sandbox.write("sql/V1__orders.down.sql", "DROP TABLE orders; DROP FUNCTION touch();");
    sandbox.write("sql/V2__tags.sql", "CREATE INDEX orders_tags ON orders USING gin (tags);");
    sandbox.write("sql/V2__tags.down.sql", "DROP INDEX orders_tags;");
    sandbox
}

#[test]
fn a_set_for_servers_alone_is_compared_with_a_throw_away_database() {
    let (sandbox, database, server) = (project(), postgres::database(), postgres::Server::start(&[]));
    let (url, against) = (database.url(), server.url("postgres"));
    sandbox.run(&["db", "upgrade", url, "--env", "dev"]).success();
    let info = sandbox.run(&["db", "info", url]).success();
    assert!(
        info.stdout.contains("nobody can say whether it is valid: the set shop is not written for sqlite"),
        "{info}"
    );
    assert!(info.stderr.contains("--against URL compares it with a throw-away database of a server"), "{info}");

    let asked = ["db", "info", url, "--against", &against, "--json"];
    let info = sandbox.run(&asked).success().json();
    assert_eq!(info["valid"], true, "{info}");
    // What is given by hand is nobody's fault, and what is done by hand is told.
    database.execute(
        "COMMENT ON TABLE shop.orders IS 'x'; GRANT SELECT ON shop.orders, charter.charter_records TO pg_monitor",
    );
    assert_eq!(sandbox.run(&asked).success().json()["valid"], true);
    database.execute("DROP INDEX shop.orders_tags; DROP TRIGGER touched ON shop.orders; ALTER TABLE shop.orders ALTER id DROP IDENTITY");
    let info = sandbox.run(&["db", "info", url, "--against", &against, "--set", "shop"]).exit(1);
    for line in [
        "  missing: index orders_tags of orders\n",
        "  missing: trigger touched of orders\n",
        "  different: column orders.id: numbering none instead of ALWAYS\n",
    ] {
        assert!(info.stdout.contains(line), "{line}: {info}");
    }
    let left = "SELECT datname FROM pg_database WHERE datname LIKE 'charter_verify_%'";
    assert!(postgres::query(&against, left).is_empty());

    // Who names a server has it asked, or is told why not.
    let wrong = sandbox.run(&["db", "info", url, "--against", "sqlite:///x.db"]).exit(1);
    assert!(wrong.stderr.contains("sqlite:///x.db is no server"), "{wrong}");
    drop(server);
    let gone = sandbox.run(&["db", "info", url, "--against", &against]);
    assert!(gone.code() != Some(0) && gone.stderr.contains("error: "), "{gone}");
}

/// Opening a registry in prod applies what is pending, and says what it waits for as `charter db upgrade` does.
#[test]
fn opening_tells_each_attempt_to_get_a_lock() {
    let (sandbox, database) = (Sandbox::new(), postgres::database());
    let migrations = "[migrations]\ndir = sql\nname = shop\nschema = shop\nlock_timeout = 50ms\n";
    sandbox.write("charter.cfg", format!("[database]\nsql_alchemy_conn = {}\n{migrations}", database.url()));
    let write = |number: usize, up: &str, down: &str| {
        sandbox.write(format!("sql/V{number}__change.sql"), up);
        sandbox.write(format!("sql/V{number}__change.down.sql"), down);
    };
    write(1, "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY);", "DROP TABLE orders;");
    sandbox.run(&["db", "init"]).success();
    sandbox.write("user.json", r#"{"type": "object"}"#);
    let put = ["put", "user.json", "--kind", "schema", "--name", "user", "--version", "1.0.0"];
    let other = postgres::Session::open(database.url());
    let waits = "SELECT FROM pg_locks WHERE relation = 'shop.orders'::regclass AND NOT granted";
    for (number, option) in [(2, None), (3, Some("--json")), (4, Some("--quiet"))] {
        let (up, down) = (format!("ADD COLUMN c{number} BIGINT"), format!("DROP COLUMN c{number}"));
        write(number, &format!("ALTER TABLE orders {up};"), &format!("ALTER TABLE orders {down};"));
        other.query("BEGIN; LOCK TABLE shop.orders IN ACCESS SHARE MODE");
        let process = sandbox.spawn(&[&put[..], option.as_slice()].concat());
        match option {
            Some("--quiet") => eventually("the wait", || !database.query(waits).is_empty()),
            _ => eventually("two attempts", || process.stderr().contains("attempt 2 of 10: ")),
        }
        other.query("COMMIT");
        let output = process.wait().success();
        let said = output.stderr.lines().filter(|line| line.contains("SQLSTATE 55P03"));
        match option {
            None => said.for_each(|line| assert!(line.starts_with("warning: attempt "), "{output}")),
            Some("--json") => said.for_each(|line| {
                let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
                let said = line["warning"]["message"].as_str().unwrap_or_default();
                assert!(said.starts_with("attempt "), "{output}");
            }),
            Some(_) => assert_eq!(output.stderr, "", "{output}"),
        }
        let applied = format!("SELECT c{number} FROM shop.orders");
        assert!(database.query(&applied).is_empty());
    }
}
