//! `charter demo`.

use crate::support::{DIGESTS, Sandbox, assert_output};

const FOLDER: (&str, &str) = (r"sqlite:////\S+/charter-demo-[0-9a-f]{12}", "sqlite:////[FOLDER]");

#[test]
fn the_demo_shows_the_main_job() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["demo"]), [FOLDER, DIGESTS], @r#"
    exit: 0
    --- stdout ---
    1. Make a local store: a SQLite file, migrated on the spot
       $ charter init sqlite:///laptop.db
       made sqlite:////[FOLDER]/laptop.db

    2. Put contracts into it: all of them or none
       $ export CHARTER_DATABASE_URL=sqlite:///laptop.db
       $ charter put contracts/
       stored  schema            book@1.0.0              4d1abc3536d4
       stored  contract          book@1.0.0              29ba6faade5e
       stored  schema            customer@1.0.0          02aa3f29413d
       stored  coercion_rules    customer@1.0.0          e8a65c4b756d
       stored  validation_rules  customer@1.0.0          b91b57a5e543
       stored  metadata          customer@1.0.0          69bf1bffce3d
       stored  ownership         customer@1              716b6119bc8f
       stored  governance_rule   customer.sensitivity@1  7b70304c5f77
       stored  governance_rule   customer.retention@1    faffa2bbcb11
       stored  contract          customer@1.0.0          de535d18ec74
       stored  schema            order@1.2.0             65b9ed051022
       stored  coercion_rules    order@1.2.0             5ad4930d78a8
       stored  validation_rules  order@1.2.0             eca7816768bf
       stored  ownership         order@1                 9bf5c2557642
       stored  contract          order@1.2.0             302a6de14a35

    3. Read a schema back, its rules merged in
       $ charter get order --complete --yaml
       $schema: https://json-schema.org/draft/2020-12/schema
       title: Order
       description: What a customer ordered, as it was when the order was placed.
       type: object
       required:
         - order_id
         - customer_id
         - placed_at
         - lines
         - total
       properties:
         order_id:
           type: string
           coercion: coerce_to_string
         customer_id:
           type: string
         placed_at:
           type: string
           format: date-time
         total:
           type: number
           minimum: 0
           coercion: coerce_to_float
           validations:
             greater_than_or_equal_to:
               threshold: 0
         currency:
           description: ISO 4217, three letters.
           type: string
           pattern: ^[A-Z]{3}$
           default: EUR
         lines:
           type: array
           minItems: 1
           items:
             type: object
             required:
               - isbn
               - quantity
             properties:
               isbn:
                 type: string
               quantity:
                 type: integer
                 minimum: 1
                 coercion: coerce_to_integer
                 validations:
                   is_positive:
                     threshold: 0
               price:
                 type: number
       version: "1.2.0"

    4. Make a registry: here a second file, in a company a Postgres
       $ charter db init sqlite:///registry.db
       made sqlite:////[FOLDER]/registry.db

    5. Push everything to the registry
       $ charter sync push sqlite:///registry.db
       pushed to sqlite:////[FOLDER]/registry.db
       receipt
         push          [DIGEST]
         records       15
         sequence      0 -> 15
         registry      [UUID]
         published at  [TIME]

    6. Push again: one question, nothing to do
       $ charter sync push sqlite:///registry.db
       up to date: sqlite:////[FOLDER]/registry.db has everything (sequence 15)

    The folder is gone again; `charter demo --keep` keeps it.
    --- stderr ---
    "#);
    assert!(sandbox.files().is_empty());
}

#[test]
fn what_the_demo_says_is_so() {
    let sandbox = Sandbox::new();
    let demo = sandbox.run(&["demo", "--keep", "--json"]).success().json();
    assert_eq!(demo["second_push"]["status"], "up_to_date");
    assert_eq!(demo["push"]["receipt"]["records"], demo["records"].as_array().expect("records").len());
    let folder = std::path::PathBuf::from(demo["folder"].as_str().expect("a folder"));
    let command = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.current_dir(&folder).env("CHARTER_DATABASE_URL", "sqlite:///laptop.db");
        sandbox.start(command).wait().success()
    };
    // The commands that it names do what it did.
    assert_eq!(command(&["put", "contracts/", "--json"]).json()["stored"], 0);
    assert_eq!(command(&["get", "order", "--complete"]).json(), demo["complete_schema"]);
    assert_eq!(command(&["sync", "push", "sqlite:///registry.db", "--json"]).json()["status"], "up_to_date");
    let (here, there) = (command(&["list"]), command(&["list", "--db", "sqlite:///registry.db"]));
    assert_eq!(here.stdout.lines().count(), there.stdout.lines().count());
    std::fs::remove_dir_all(folder).expect("the folder");
}

#[test]
fn the_demo_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    let temporary = sandbox.path("temporary");
    std::fs::create_dir(&temporary).expect("a folder");
    let mut command = sandbox.command(&["demo", "-q"]);
    command.env("TMPDIR", &temporary);
    sandbox.start(command).wait().success();
    assert_eq!(temporary.read_dir().expect("the folder").count(), 0);
}
