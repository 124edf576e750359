//! Rows for tests that walk every route: three of each thing, with ids that are known.

use testing::TestDatabase;

/// What an id is of; the number counts in `seed.sql`.
#[derive(Debug, Clone, Copy)]
pub enum Seeded {
    Book = 1,
    Person = 3,
    Series = 4,
    Integration = 5,
    Download = 6,
    Run = 8,
    Want = 9,
    User = 10,
    Identity = 11,
    Search = 12,
    Failure = 13,
}

impl Seeded {
    /// The id of the `number`th, from 1 to 3.
    pub fn id(self, number: u32) -> String {
        format!("00000000-0000-0000-0000-{:012}", self as u32 * 100 + number)
    }
}

/// Adds them to a database in which "anna" is set up.
pub async fn seed(database: &TestDatabase) {
    database.run_sql(include_str!("seed.sql")).await;
}
