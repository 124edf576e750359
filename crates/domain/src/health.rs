//! What is well, what needs a look and what is broken, with what to do: for `mamcrawler doctor` and monitors.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use types::dashboard::AccountView;
use types::health::{BreakerRest, DiskHealth, IntegrationHealth, JobHealth, QueueHealth};
use types::integrations::Health;
use types::jobs::RunStatus;

/// Integrations are checked every 15 minutes; after this long, nobody checks any more.
const CHECK_STALE: TimeDelta = TimeDelta::hours(1);
/// What is due starts within seconds, unless every slot is taken for a while.
const LAG_WARNING_SECONDS: u64 = 5 * 60;
const LAG_FAILING_SECONDS: u64 = 30 * 60;
/// Beyond its pause, what a job may take and a restart may cost.
const JOB_GRACE: TimeDelta = TimeDelta::minutes(30);
/// `rules.md` 9.4.
const RATIO_WARNING: f64 = 1.575;
const RATIO_EMERGENCY: f64 = 1.0;
/// `rules.md` 9.5.
const VIP_WARNING: TimeDelta = TimeDelta::days(14);
const VIP_FLOOR: TimeDelta = TimeDelta::days(7);
/// A daily backup that came late, and half a day.
const BACKUP_STALE: TimeDelta = TimeDelta::hours(36);
/// The clocks of two machines that keep their time differ by less.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);
const GIB: u64 = 1 << 30;

/// A verdict and its sentence.
pub type Judgement = (Health, String);

/// The worst of them; `Unknown` is worse than well and better than a warning.
pub fn find_worst(all: impl IntoIterator<Item = Health>) -> Health {
    let rank = |health: &Health| match health {
        Health::Ok => 0,
        Health::Unknown => 1,
        Health::Warning => 2,
        Health::Failing => 3,
    };
    all.into_iter().max_by_key(rank).unwrap_or(Health::Ok)
}

/// An integration by its last authenticated check.
pub fn judge_integration(integration: &IntegrationHealth, now: DateTime<Utc>) -> Judgement {
    if let Some(reason) = &integration.stopped {
        return (Health::Failing, format!("Nothing is sent to it: {reason}"));
    }
    if let Some(judgement) = judge_rests(&integration.left_alone_by) {
        return judgement;
    }
    let Some(checked_at) = integration.checked_at else {
        return (
            Health::Unknown,
            "It was not checked yet. Press Test under Integrations.".into(),
        );
    };
    if let Some(lead) = find_lead(checked_at, now) {
        return (
            Health::Warning,
            format!("Its last check is dated {lead} ahead of the clock. {SET_CLOCK} The next check puts it right."),
        );
    }
    let sentence = integration.sentence.clone().unwrap_or_default();
    let (age, sentence) = (now - checked_at, sentence.trim());
    if integration.health == Health::Ok && age > CHECK_STALE {
        let age = tell_duration(age);
        return (
            Health::Warning,
            format!(
                "It was well {age} ago and was not checked since. See whether “Check the integrations” runs in Jobs."
            ),
        );
    }
    match integration.health {
        Health::Unknown => (
            Health::Unknown,
            "It was not checked yet. Press Test under Integrations.".into(),
        ),
        health if sentence.is_empty() => (health, format!("Checked {} ago.", tell_duration(age))),
        health => (health, sentence.to_owned()),
    }
}

/// A service that processes leave alone, with each of them; `None` = none does.
pub fn judge_rests(rests: &[BreakerRest]) -> Option<Judgement> {
    if rests.is_empty() {
        return None;
    }
    let mut sentences = Vec::new();
    for rest in rests {
        let (process, failures, until) = (&rest.process, rest.failures, rest.asked_again_at.format("%H:%M:%S UTC"));
        sentences.push(format!(
            "The {process} leaves it alone until {until}: {failures} calls in a row failed."
        ));
    }
    for reason in rests.iter().map(|rest| rest.sentence.trim()) {
        if !reason.is_empty() && sentences.iter().all(|said| said != reason) {
            sentences.push(reason.to_owned());
        }
    }
    sentences
        .push("Test under Integrations asks at once; each process goes on when a call of its own is answered.".into());
    Some((Health::Failing, sentences.join(" ")))
}

/// Work that waits although it is due.
pub fn judge_queue(queue: &[QueueHealth]) -> Judgement {
    let waiting = queue.iter().filter_map(|one| Some((one.lag_seconds?, one)));
    let Some((lag, oldest)) = waiting.max_by_key(|(lag, _)| *lag) else {
        return (Health::Ok, "Nothing that is due waits.".into());
    };
    let health = match lag {
        LAG_FAILING_SECONDS.. => Health::Failing,
        LAG_WARNING_SECONDS.. => Health::Warning,
        _ => Health::Ok,
    };
    let (due, label) = (oldest.due, oldest.kind.label());
    let waits = tell_duration(TimeDelta::seconds(i64::try_from(lag).unwrap_or(i64::MAX / 1000)));
    let sentence = format!("“{label}” waits for {waits}, {due} in line.");
    match health {
        Health::Ok => (health, sentence),
        _ => (
            health,
            format!(
                "{sentence} See that `mamcrawler serve` or `worker` runs; more MAMCRAWLER_WORKER_SLOTS take more at once."
            ),
        ),
    }
}

/// From when on a job is late that has this pause, unless it succeeds before: two pauses and a grace after its last success,
/// or after its schedule began to count, whichever came later. `None` = neither is known.
pub fn find_late_from(
    pause: Duration,
    last_success_at: Option<DateTime<Utc>>,
    scheduled_since: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let pauses = TimeDelta::from_std(pause.checked_mul(2)?).ok()?;
    last_success_at
        .max(scheduled_since)?
        .checked_add_signed(pauses + JOB_GRACE)
}

/// A job by when it last succeeded.
pub fn judge_job(job: &JobHealth, now: DateTime<Utc>) -> Judgement {
    if !job.is_enabled {
        return (Health::Unknown, "It is switched off in Jobs.".into());
    }
    let Some(pause) = job.longest_pause_seconds else {
        return (Health::Ok, "It starts on demand.".into());
    };
    if let Some(lead) = job.last_success_at.and_then(|at| find_lead(at, now)) {
        let sentence = format!("Its last success is dated {lead} ahead of the clock, so nobody knows when that was.");
        return (
            Health::Warning,
            format!("{sentence} {SET_CLOCK} The next success puts it right."),
        );
    }
    let failed = matches!(job.last_status, Some(RunStatus::Failed | RunStatus::Lost));
    let said = job.last_sentence.as_deref().unwrap_or_default();
    let ago = job.last_success_at.map(|at| tell_duration(now - at));
    if job.late_from.is_some_and(|from| now > from) {
        let succeeded = ago.map_or("It has never succeeded".into(), |ago| {
            format!("It last succeeded {ago} ago")
        });
        let due = tell_duration(TimeDelta::seconds(i64::try_from(pause).unwrap_or(i64::MAX / 1000)));
        return (
            Health::Failing,
            format!("{succeeded}, though it is to run every {due} or more often. See its runs in Jobs."),
        );
    }
    match (ago, failed) {
        (Some(ago), false) => (Health::Ok, format!("It succeeded {ago} ago.")),
        (Some(ago), true) => (
            Health::Warning,
            format!("It succeeded {ago} ago; the last run failed: {said}"),
        ),
        (None, true) => (
            Health::Failing,
            format!("It has never succeeded. The last run said: {said}"),
        ),
        (None, false) => (Health::Unknown, "It has not run yet.".into()),
    }
}

/// The account at the tracker (`rules.md` 9); `reserve` is how many unsatisfied slots stay free.
pub fn judge_account(account: &AccountView, reserve: i64, now: DateTime<Utc>) -> Judgement {
    if account.is_stale {
        let read = find_lead(account.taken_at, now).map_or_else(
            || format!("It was last read {} ago", tell_duration(now - account.taken_at)),
            |lead| format!("Its last reading is dated {lead} ahead of the clock"),
        );
        return (
            Health::Failing,
            format!("{read}, so it counts as unknown and paid grabs wait. Test the integration."),
        );
    }
    let faults: Vec<Judgement> = [
        judge_ratio(account),
        judge_vip(account, now),
        judge_slots(account, reserve),
    ]
    .into_iter()
    .flatten()
    .collect();
    if faults.is_empty() {
        return (
            Health::Ok,
            format!("It was read {} ago.", tell_duration(now - account.taken_at)),
        );
    }
    let sentences: Vec<&str> = faults.iter().map(|(_, sentence)| sentence.as_str()).collect();
    (
        find_worst(faults.iter().map(|(health, _)| *health)),
        sentences.join(" "),
    )
}

fn judge_ratio(account: &AccountView) -> Option<Judgement> {
    let ratio = account.ratio?;
    let sentence = format!("The ratio is {ratio:.2}.");
    match ratio {
        _ if ratio <= RATIO_EMERGENCY => {
            Some((Health::Failing, format!("{sentence} Seed, and grab only what is free.")))
        }
        _ if ratio <= RATIO_WARNING => Some((Health::Warning, format!("{sentence} Paid grabs stop below 1.50."))),
        _ => None,
    }
}

fn judge_vip(account: &AccountView, now: DateTime<Utc>) -> Option<Judgement> {
    let left = account.vip_until? - now;
    let sentence = match left <= TimeDelta::zero() {
        true => "VIP has ended.".to_owned(),
        false => format!("VIP ends in {}.", tell_duration(left)),
    };
    match left {
        _ if left < VIP_FLOOR => Some((Health::Failing, format!("{sentence} Renew it at the tracker."))),
        _ if left < VIP_WARNING => Some((Health::Warning, format!("{sentence} Renew it soon."))),
        _ => None,
    }
}

fn judge_slots(account: &AccountView, reserve: i64) -> Option<Judgement> {
    let (count, limit) = (account.unsatisfied_count?, account.unsatisfied_limit?);
    (limit - count <= reserve).then(|| {
        let sentence = format!("{count} of {limit} unsatisfied slots are taken, so grabs wait until some are seeded.");
        (Health::Warning, sentence)
    })
}

/// A backup whose file is there and that no test found broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoundBackup {
    pub made_at: DateTime<Utc>,
    pub is_encrypted: bool,
}

/// Which backups there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupFacts {
    /// The newest.
    pub last_sound: Option<SoundBackup>,
    /// The newest that was made, wherever its file is now.
    pub last_made: Option<DateTime<Utc>>,
    pub folder: String,
    /// Why nobody can tell which files are there, as a sentence.
    pub obstacle: Option<String>,
}

/// The backups, which are made daily, by the newest that could be restored.
pub fn judge_backup(facts: &BackupFacts, now: DateTime<Utc>) -> Judgement {
    if let Some(obstacle) = &facts.obstacle {
        return (Health::Failing, obstacle.clone());
    }
    let Some(last) = facts.last_sound else {
        return judge_lost_backups(facts, now);
    };
    if let Some(lead) = find_lead(last.made_at, now) {
        let sentence = format!("The newest backup is dated {lead} ahead of the clock, so nobody knows how old it is.");
        let advice = "Then run `mamcrawler backup`, and remove the backups of the future from the folder.";
        return (Health::Warning, format!("{sentence} {SET_CLOCK} {advice}"));
    }
    let (age, ago) = (now - last.made_at, tell_duration(now - last.made_at));
    let sentence = format!("The last backup was made {ago} ago.");
    match age > BACKUP_STALE {
        true => (
            Health::Failing,
            format!("{sentence} See the runs of the backup job in Jobs, and the space where backups are."),
        ),
        false if last.is_encrypted => (Health::Ok, format!("{sentence} It is encrypted.")),
        // No trouble: who keeps them on disks of their own may want them so. But who gave a key should see that it counts.
        false => (
            Health::Ok,
            format!("{sentence} It is not encrypted: without MAMCRAWLER_BACKUP_KEY, whoever has the file can read it."),
        ),
    }
}

/// None can be restored: either there never was one, or the files are gone or broken.
fn judge_lost_backups(facts: &BackupFacts, now: DateTime<Utc>) -> Judgement {
    let Some(made) = facts.last_made else {
        let sentence = "There is no backup yet. Run `mamcrawler backup`, and see that “Back up the database” is switched on in Jobs.";
        return (Health::Warning, sentence.into());
    };
    let (ago, folder) = (tell_duration(now - made), &facts.folder);
    let sentence = format!(
        "No sound backup is in {folder}: the last was made {ago} ago, and each is gone or was found broken. See Backups, \
         run `mamcrawler backup`, and give every process the same MAMCRAWLER_BACKUP_DIR."
    );
    (Health::Failing, sentence)
}

/// A file system by its free space; `floor_gib` is what is to stay free.
pub fn judge_disk(disk: &DiskHealth, floor_gib: u32) -> Judgement {
    let Some(free) = disk.free_bytes else {
        let sentence = format!(
            "{} can't be seen from here. Check that it is mounted and may be read.",
            disk.path
        );
        return (Health::Unknown, sentence);
    };
    let floor = u64::from(floor_gib) * GIB;
    let is_low = free < floor;
    let sentence = format!("{} GiB are free at {}.", free / GIB, disk.path);
    match is_low {
        true if free < floor / 4 => (
            Health::Failing,
            format!("{sentence} {floor_gib} GiB are to stay free; remove what is not needed, or add space."),
        ),
        true => (
            Health::Warning,
            format!("{sentence} {floor_gib} GiB are to stay free, so downloads wait. Make room."),
        ),
        false => (Health::Ok, sentence),
    }
}

const SET_CLOCK: &str = "See that this machine has the right time.";

/// How far a moment that is past lies ahead of the clock; `None` = it does not.
fn find_lead(at: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
    let lead = at - now;
    (lead > CLOCKS_DIFFER).then(|| tell_duration(lead))
}

/// "40 seconds", "12 minutes", "3 hours", "2 days": the largest unit that fits. A clock set back counts as no time.
pub fn tell_duration(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds().max(0);
    let (count, unit) = match seconds {
        172_800.. => (seconds / 86_400, "days"),
        7_200.. => (seconds / 3_600, "hours"),
        120.. => (seconds / 60, "minutes"),
        1 => (1, "second"),
        _ => (seconds, "seconds"),
    };
    format!("{count} {unit}")
}

#[cfg(test)]
mod tests;
