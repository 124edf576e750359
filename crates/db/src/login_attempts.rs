//! Failed guesses of passwords, tokens and keys, for the sliding windows of the sign-in guard.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::login_attempts;

/// What is guessed, about whom, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Insertable)]
#[diesel(table_name = login_attempts)]
pub struct Guess<'a> {
    /// "login", "password", "setup", "refresh", "api_key".
    pub kind: &'a str,
    /// A digest of the name; empty where there is none.
    pub subject: &'a str,
    /// The address, or its network.
    pub address: &'a str,
}

/// Whose failures count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Those about the guess's subject.
    Subject,
    Anybody,
}

/// Makes guesses from one address take turns until the end of the transaction, so that none slips by the count.
pub async fn lock_guesses(conn: &mut Connection, guess: Guess<'_>) -> DbResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind::<Text, _>(format!("guess {} {}", guess.kind, guess.address))
        .execute(conn)
        .await?;
    Ok(())
}

/// Times of the newest `count` failures from this address, newest first: about this subject, or about anybody.
pub async fn list_failures(
    conn: &mut Connection,
    guess: Guess<'_>,
    about: About,
    count: usize,
) -> DbResult<Vec<DateTime<Utc>>> {
    let mut failures = login_attempts::table
        .filter(login_attempts::kind.eq(guess.kind))
        .filter(login_attempts::address.eq(guess.address))
        .order(login_attempts::at.desc())
        .limit(i64::try_from(count).unwrap_or(i64::MAX))
        .select(login_attempts::at)
        .into_boxed();
    if about == About::Subject {
        failures = failures.filter(login_attempts::subject.eq(guess.subject));
    }
    Ok(failures.load(conn).await?)
}

/// Notes a guess; answers its id.
pub async fn insert_failure(conn: &mut Connection, guess: Guess<'_>, now: DateTime<Utc>) -> DbResult<i64> {
    Ok(diesel::insert_into(login_attempts::table)
        .values((guess, login_attempts::at.eq(now)))
        .returning(login_attempts::id)
        .get_result(conn)
        .await?)
}

/// Takes back guesses by their ids; those that are gone are no error.
pub async fn delete_failures(conn: &mut Connection, ids: &[i64]) -> DbResult<()> {
    let named = login_attempts::table.filter(login_attempts::id.eq_any(ids));
    diesel::delete(named).execute(conn).await?;
    Ok(())
}

/// Forgets the failures about this subject from this address.
pub async fn clear_failures(conn: &mut Connection, guess: Guess<'_>) -> DbResult<()> {
    let own = login_attempts::table
        .filter(login_attempts::kind.eq(guess.kind))
        .filter(login_attempts::address.eq(guess.address))
        .filter(login_attempts::subject.eq(guess.subject));
    diesel::delete(own).execute(conn).await?;
    Ok(())
}

/// Forgets failures before `before`; answers how many.
pub async fn delete_failures_before(conn: &mut Connection, before: DateTime<Utc>) -> DbResult<usize> {
    let old = login_attempts::table.filter(login_attempts::at.lt(before));
    Ok(diesel::delete(old).execute(conn).await?)
}

/// Forgets the failures about this subject from every address.
pub async fn clear_subject_failures(conn: &mut Connection, kind: &str, subject: &str) -> DbResult<()> {
    let of_subject = login_attempts::table
        .filter(login_attempts::kind.eq(kind))
        .filter(login_attempts::subject.eq(subject));
    diesel::delete(of_subject).execute(conn).await?;
    Ok(())
}
