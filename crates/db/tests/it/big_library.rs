//! 50,000 books: search and page within 50 ms of server time at the 95th percentile.
//!
//! What is judged is wall time, less what the kernel says that PostgreSQL's process and ours stood ready and waited for a
//! processor that other work had, in the best of three rounds. Bare wall time and processor time are printed beside it.
//!
//! A slower machine gets more time, by what a query that has nothing to do with books takes beside them.

use std::time::{Duration, Instant};

use db::book_facets::{count_library, list_facets};
use db::book_list::list_books;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use testing::TestDatabase;
use types::library::{BookFilter, BookQuery, BookSort, MissingField};
use types::{PageRequest, PersonId, SeriesId};

const LIMIT: Duration = Duration::from_millis(50);
const ROUNDS: usize = 3;
/// Words are made, compared and counted, as lists do.
const REFERENCE: &str = "SELECT count(DISTINCT md5(n::TEXT)) AS id FROM generate_series(1, 20000) AS n";
/// Pages took 1.3 times the reference where this was written, and both took longer beside other work.
const LIMIT_IN_REFERENCES: u32 = 2;

/// Words of all lengths and scripts, rare, common, absent; what a person types letter by letter.
const TEXTS: [&str; 26] = [
    "",
    "d",
    "dr",
    "dra",
    "dragon",
    "the shadow",
    "raven thorn",
    "saga 12",
    "zzzz",
    "q",
    "zz",
    "embe fros",
    "son",
    "т",
    "те",
    "тень",
    "дракон волк",
    "ъъ",
    "竜",
    "図書館",
    "銀河 夢",
    "の",
    "王夜",
    "鉄鉄",
    "winter 976",
    "a",
];

#[tokio::test]
async fn lists_50_000_books_within_50_ms_at_p95() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    // To make 50,000 books is no statement of the product's.
    conn.batch_execute("SET statement_timeout = 0").await.unwrap();
    conn.batch_execute(include_str!("seed_library.sql")).await.unwrap();
    // What autovacuum does within a minute of a first sync.
    conn.batch_execute("VACUUM FULL books").await.unwrap();
    conn.batch_execute("VACUUM ANALYZE").await.unwrap();
    let queries = make_queries(&mut conn).await;
    let backend = backend_process(&mut conn).await;
    let (mut is_fast, mut rounds) = (false, Vec::new());
    while !is_fast && rounds.len() < ROUNDS {
        let (p95, limit) = measure_round(&mut conn, &queries, backend).await;
        is_fast = p95 <= limit;
        rounds.push(format!("{p95:?} of {limit:?}"));
    }
    let started = Instant::now();
    let facets = list_facets(&mut conn, &BookFilter::default()).await.unwrap();
    println!("facets of everything: {:?}", started.elapsed());
    let started = Instant::now();
    let counts = count_library(&mut conn).await.unwrap();
    println!("counts: {:?}", started.elapsed());
    assert_eq!(counts.books + counts.missing_files, 50_000);
    assert_eq!(facets.authors.len(), 200);
    assert!(is_fast, "p95 of each round: {rounds:?}");
}

/// Every query once; answers the 95th percentile of server time, and what it may be.
async fn measure_round(conn: &mut db::Connection, queries: &[BookQuery], backend: i32) -> (Duration, Duration) {
    let (mut server, mut wall, mut busy, mut reference) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (index, query) in queries.iter().enumerate() {
        if index % 10 == 0 {
            let mark = Mark::set(backend);
            conn.batch_execute(REFERENCE).await.unwrap();
            reference.push((mark.read_cost(backend).server, index));
        }
        let mut query = query.clone();
        // Every fifth also pages on, each page being a request of its own.
        for _ in 0..if index % 5 == 0 { 3 } else { 1 } {
            let mark = Mark::set(backend);
            let page = list_books(conn, &query).await.unwrap();
            let cost = mark.read_cost(backend);
            server.push((cost.server, index));
            wall.push((cost.wall, index));
            busy.push((cost.busy, index));
            let Some(cursor) = page.next_cursor else { break };
            query.page = PageRequest {
                limit: None,
                cursor: Some(cursor),
            };
        }
    }
    print_times("wall time", &mut wall);
    print_times("processor time", &mut busy);
    let (_, p95) = print_times("server time", &mut server);
    let (usual, _) = print_times("server time of the reference", &mut reference);
    for (time, index) in server.iter().rev().step_by(4).take(12) {
        println!("  {time:?} {:?}", queries[*index]);
    }
    (p95, LIMIT.max(usual * LIMIT_IN_REFERENCES))
}

/// Sorts and prints; answers the median and the 95th percentile.
fn print_times(name: &str, times: &mut [(Duration, usize)]) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].0;
    println!(
        "{} requests, {name}: p50 {:?}, p95 {:?}, p99 {:?}",
        times.len(),
        at(50),
        at(95),
        at(99)
    );
    (at(50), at(95))
}

/// What a query took.
struct Cost {
    wall: Duration,
    /// The time that PostgreSQL's process and ours ran.
    busy: Duration,
    /// What is judged.
    server: Duration,
}

/// Where clock and kernel stood before a query.
struct Mark {
    at: Instant,
    schedule: Schedule,
}

impl Mark {
    fn set(backend: i32) -> Self {
        Self {
            at: Instant::now(),
            schedule: read_schedule(backend),
        }
    }

    fn read_cost(&self, backend: i32) -> Cost {
        let (wall, after) = (self.at.elapsed(), read_schedule(backend));
        let (busy, waited) = (after.ran - self.schedule.ran, after.waited - self.schedule.waited);
        Cost {
            wall,
            busy,
            // Both may have waited at once, which then counts double.
            server: wall.saturating_sub(waited).max(busy),
        }
    }
}

/// What the kernel did with PostgreSQL's process and this thread so far, which take turns.
struct Schedule {
    ran: Duration,
    /// Ready to run, while other work had the processors.
    waited: Duration,
}

fn read_schedule(backend: i32) -> Schedule {
    let (mut ran, mut waited) = (Duration::ZERO, Duration::ZERO);
    for path in [
        format!("/proc/{backend}/schedstat"),
        "/proc/thread-self/schedstat".into(),
    ] {
        let text = std::fs::read_to_string(path).unwrap();
        let mut times = text
            .split_whitespace()
            .map(|word| Duration::from_nanos(word.parse().unwrap()));
        ran += times.next().unwrap();
        waited += times.next().unwrap();
    }
    Schedule { ran, waited }
}

async fn backend_process(conn: &mut db::Connection) -> i32 {
    #[derive(diesel::QueryableByName)]
    struct Process {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        id: i32,
    }
    diesel::sql_query("SELECT pg_backend_pid() AS id")
        .get_result::<Process>(conn)
        .await
        .unwrap()
        .id
}

async fn make_queries(conn: &mut db::Connection) -> Vec<BookQuery> {
    let facets = list_facets(conn, &BookFilter::default()).await.unwrap();
    let person = |value: &str| Some(value.parse::<PersonId>().unwrap());
    let mut filters = vec![
        BookFilter {
            language: Some("Russian".into()),
            ..BookFilter::default()
        },
        BookFilter {
            author: person(&facets.authors[0].value),
            ..BookFilter::default()
        },
        BookFilter {
            author: person(&facets.authors[199].value),
            ..BookFilter::default()
        },
        BookFilter {
            narrator: person(&facets.narrators[5].value),
            ..BookFilter::default()
        },
        BookFilter {
            series: Some(facets.series[0].value.parse::<SeriesId>().unwrap()),
            ..BookFilter::default()
        },
    ];
    let missing = MissingField::ALL.iter();
    filters.extend(missing.map(|field| BookFilter {
        missing: Some(*field),
        ..BookFilter::default()
    }));
    filters.extend(TEXTS.iter().map(|text| BookFilter {
        text: Some((*text).into()),
        ..BookFilter::default()
    }));
    filters.extend(TEXTS.iter().step_by(3).map(|text| BookFilter {
        text: Some((*text).into()),
        language: Some("Japanese".into()),
        missing: Some(MissingField::Asin),
        ..BookFilter::default()
    }));
    filters
        .iter()
        .flat_map(|filter| {
            let sorted = |sort: &BookSort| BookQuery {
                filter: filter.clone(),
                sort: Some(*sort),
                ..BookQuery::default()
            };
            BookSort::ALL.iter().map(sorted)
        })
        .collect()
}
