//! Makes the releases' files with ffmpeg: short, real, tagged audio with content of its own. Kept between runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::catalogue::{Catalogue, FIRST_ID, Layout, Listed, Release};
use crate::covers::draw_cover;
use crate::releases::list_releases;
use crate::torrents::{collect_files, make_torrent};

/// One sound file to make.
struct Track {
    path: PathBuf,
    seconds: u32,
    kbps: u32,
    tags: Vec<(&'static str, String)>,
    chapters: u32,
    seed: u64,
}

/// Makes what is missing, then every torrent.
pub async fn prepare_catalogue(dir: &Path) -> Result<Catalogue> {
    let releases = list_releases();
    let seeds = dir.join("seeds");
    fs::create_dir_all(&seeds)?;
    let permits = Arc::new(Semaphore::new(
        std::thread::available_parallelism().map_or(2, usize::from),
    ));
    // Copies of another release's files come after all others.
    let (copies, originals): (Vec<_>, Vec<_>) = releases.iter().cloned().partition(|r| r.same_files_as.is_some());
    let mut tasks = tokio::task::JoinSet::new();
    for release in originals {
        tasks.spawn(make_release(seeds.clone(), release, Arc::clone(&permits)));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    for release in copies {
        copy_release(&seeds, &release)?;
    }
    let mut rows = Vec::new();
    for (index, release) in releases.into_iter().enumerate() {
        rows.push(list_release(&seeds, FIRST_ID + index as u64, release)?);
    }
    Ok(Catalogue { rows })
}

fn list_release(seeds: &Path, id: u64, release: Release) -> Result<Listed> {
    let payload = payload_path(seeds, &release);
    let torrent = make_torrent(&payload, "mamcrawler sandbox", release.is_hybrid)?;
    let mut files = Vec::new();
    collect_files(&payload, &mut files)?;
    Ok(Listed {
        id,
        seconds: total_seconds(&release.layout),
        file_count: files.len(),
        torrent,
        release,
    })
}

fn total_seconds(layout: &Layout) -> f64 {
    f64::from(match layout {
        Layout::M4b { seconds, .. } | Layout::BareM4b { seconds, .. } | Layout::CorruptM4b { seconds } => *seconds,
        Layout::Mp3 { parts, seconds } | Layout::CorruptMp3 { parts, seconds } => parts * seconds,
        Layout::Discs { discs, tracks, seconds } => discs * tracks * seconds,
        Layout::Pack(books) => books.iter().map(|book| book.seconds).sum(),
        Layout::Epub => 0,
    })
}

/// The file or folder that a release's torrent describes.
pub fn payload_path(seeds: &Path, release: &Release) -> PathBuf {
    let twin = if release.same_files_as.is_some() {
        " (re-upload)"
    } else {
        ""
    };
    let name = format!(
        "{} - {} ({}){twin}",
        release.authors.join(", "),
        release.title,
        release.year
    );
    let name: String = name
        .chars()
        .filter(|c| !c.is_control() && !"<>:\"/\\|?*\u{202e}\u{202c}".contains(*c))
        .collect();
    let folder = seeds.join(release.key);
    match release.layout {
        Layout::BareM4b { .. } => folder.join(format!("{name}.m4b")),
        _ => folder.join(name),
    }
}

fn marker(seeds: &Path, release: &Release) -> PathBuf {
    seeds.join(format!("{}.made", release.key))
}

async fn make_release(seeds: PathBuf, release: Release, permits: Arc<Semaphore>) -> Result<()> {
    let recipe = format!("v2 {release:?}");
    if fs::read_to_string(marker(&seeds, &release)).is_ok_and(|made| made == recipe) {
        return Ok(());
    }
    let folder = seeds.join(release.key);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let payload = payload_path(&seeds, &release);
    for track in list_tracks(&release, &payload) {
        let _permit = permits.acquire().await?;
        encode_track(&track)
            .await
            .with_context(|| format!("making the sound of {}", release.key))?;
    }
    add_companions(&release, &payload)?;
    if matches!(release.layout, Layout::CorruptM4b { .. } | Layout::CorruptMp3 { .. }) {
        garble_sound(&payload)?;
    }
    fs::write(marker(&seeds, &release), recipe)?;
    println!("sandbox: made \"{}\"", release.key);
    Ok(())
}

fn copy_release(seeds: &Path, release: &Release) -> Result<()> {
    let releases = list_releases();
    let original = releases.iter().find(|other| Some(other.key) == release.same_files_as);
    let source = payload_path(seeds, original.context("a copy names a release that exists")?);
    let target = payload_path(seeds, release);
    let mut files = Vec::new();
    collect_files(&source, &mut files)?;
    for file in files {
        let copy = target.join(file.strip_prefix(&source)?);
        if !copy.exists() {
            fs::create_dir_all(copy.parent().context("a file has a folder")?)?;
            fs::copy(&file, &copy)?;
        }
    }
    Ok(())
}

fn list_tracks(release: &Release, payload: &Path) -> Vec<Track> {
    let seed = u64::from_be_bytes(
        <sha1::Sha1 as sha1::Digest>::digest(release.key)[..8]
            .try_into()
            .unwrap_or_default(),
    );
    let track = |name: String, seconds: u32, number: u32, of: u32, disc: u32, chapters: u32, title: String| Track {
        path: if name.is_empty() {
            payload.to_owned()
        } else {
            payload.join(name)
        },
        seconds,
        kbps: release.kbps,
        tags: list_tags(release, title, (number, of, disc)),
        chapters,
        seed: seed.wrapping_add(u64::from(disc * 1_000 + number)),
    };
    let title = release.title.to_owned();
    let stem = safe_stem(release.title);
    match &release.layout {
        Layout::M4b { seconds, chapters } => vec![track(format!("{stem}.m4b"), *seconds, 1, 1, 0, *chapters, title)],
        Layout::BareM4b { seconds, chapters } => vec![track(String::new(), *seconds, 1, 1, 0, *chapters, title)],
        Layout::CorruptM4b { seconds } => vec![track(format!("{stem}.m4b"), *seconds, 1, 1, 0, 5, title)],
        Layout::Mp3 { parts, seconds } | Layout::CorruptMp3 { parts, seconds } => (1..=*parts)
            .map(|part| {
                track(
                    format!("{stem} - Part {part:02}.mp3"),
                    *seconds,
                    part,
                    *parts,
                    0,
                    0,
                    format!("Part {part}"),
                )
            })
            .collect(),
        Layout::Discs { discs, tracks, seconds } => (1..=*discs)
            .flat_map(|disc| (1..=*tracks).map(move |number| (disc, number)))
            .map(|(disc, number)| {
                track(
                    format!("CD{disc}/{number:02} - Track {number}.mp3"),
                    *seconds,
                    number,
                    *tracks,
                    disc,
                    0,
                    format!("Disc {disc}, track {number}"),
                )
            })
            .collect(),
        Layout::Pack(books) => books
            .iter()
            .map(|book| {
                let path = if book.number.is_empty() {
                    format!("{}.m4b", book.title)
                } else {
                    format!("Book {} - {}/{}.m4b", book.number, book.title, book.title)
                };
                let number = book.number.parse().unwrap_or(1);
                let mut made = track(path, book.seconds, number, 1, 0, 3, book.title.to_owned());
                made.tags
                    .iter_mut()
                    .filter(|(name, _)| *name == "album")
                    .for_each(|(_, value)| *value = book.title.to_owned());
                made
            })
            .collect(),
        Layout::Epub => Vec::new(),
    }
}

fn safe_stem(title: &str) -> String {
    let stem: String = title
        .chars()
        .filter(|c| !c.is_control() && !"<>:\"/\\|?*\u{202e}\u{202c}".contains(*c))
        .collect();
    stem.trim_matches(['.', ' ']).to_owned()
}

fn list_tags(release: &Release, title: String, (number, of, disc): (u32, u32, u32)) -> Vec<(&'static str, String)> {
    let mut tags = vec![
        ("title", title),
        ("album", release.title.to_owned()),
        ("artist", release.authors.join(", ")),
        ("album_artist", release.authors.join(", ")),
        ("composer", release.narrators.join(", ")),
        ("date", release.year.to_owned()),
        ("genre", "Audiobook".to_owned()),
        ("track", format!("{number}/{of}")),
    ];
    if disc > 0 {
        tags.push(("disc", disc.to_string()));
    }
    if let Some((name, number)) = release.series.filter(|_| release.layout.file_type() == "mp3") {
        tags.extend([("series", name.to_owned()), ("series-part", number.to_owned())]);
    }
    if release.layout.file_type() == "mp3" && !release.asin.is_empty() {
        tags.push(("ASIN", release.asin.to_owned()));
    }
    tags
}

/// A tone over soft noise: the noise keeps the encoder at its bitrate, both differ from track to track.
async fn encode_track(track: &Track) -> Result<()> {
    fs::create_dir_all(track.path.parent().context("a track has a folder")?)?;
    let frequency = 110 + track.seed % 660;
    let seconds = track.seconds;
    let tone = format!("sine=frequency={frequency}:beep_factor=3:sample_rate=44100:duration={seconds}");
    let noise = format!(
        "anoisesrc=color=pink:amplitude=0.25:sample_rate=44100:duration={seconds}:seed={}",
        track.seed % 100_000
    );
    let mut command = Command::new("ffmpeg");
    command.args([
        "-v", "error", "-y", "-nostdin", "-f", "lavfi", "-i", &tone, "-f", "lavfi", "-i", &noise,
    ]);
    let chapters = track.path.with_extension("chapters.txt");
    if track.chapters > 0 {
        fs::write(&chapters, chapter_list(track))?;
        command
            .arg("-i")
            .arg(&chapters)
            .args(["-map_metadata", "2", "-map_chapters", "2"]);
    }
    command.args([
        "-filter_complex",
        "[0][1]amix=inputs=2:duration=first[a]",
        "-map",
        "[a]",
        "-ac",
        "1",
    ]);
    let is_mp3 = track.path.extension().is_some_and(|extension| extension == "mp3");
    command.args(if is_mp3 {
        ["-c:a", "libmp3lame", "-compression_level", "9"]
    } else {
        ["-c:a", "aac", "-aac_coder", "fast"]
    });
    command.args(["-b:a", &format!("{}k", track.kbps)]);
    for (name, value) in &track.tags {
        command.arg("-metadata").arg(format!("{name}={value}"));
    }
    if is_mp3 {
        command.args(["-id3v2_version", "3"]);
    } else {
        command.args(["-movflags", "+faststart", "-f", "mp4"]);
    }
    let output = command
        .arg(&track.path)
        .stdin(Stdio::null())
        .output()
        .await
        .context("starting ffmpeg")?;
    if track.chapters > 0 {
        fs::remove_file(&chapters)?;
    }
    if !output.status.success() {
        bail!("ffmpeg: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn chapter_list(track: &Track) -> String {
    let length = track.seconds * 1_000 / track.chapters;
    let mut text = String::from(";FFMETADATA1\n");
    for number in 0..track.chapters {
        let (start, end) = (number * length, (number + 1) * length);
        text += &format!(
            "[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle=Chapter {}\n",
            number + 1
        );
    }
    text
}

fn add_companions(release: &Release, payload: &Path) -> Result<()> {
    match &release.layout {
        Layout::BareM4b { .. } => Ok(()),
        Layout::Epub => {
            fs::create_dir_all(payload)?;
            Ok(fs::write(payload.join("The Night Circus.epub"), make_epub())?)
        }
        _ => {
            fs::write(payload.join("cover.jpg"), draw_cover(release.key, 600)?)?;
            let about = format!(
                "{}\nby {}\nread by {}\n",
                release.title,
                release.authors.join(", "),
                release.narrators.join(", ")
            );
            Ok(fs::write(payload.join("about.nfo"), about)?)
        }
    }
}

/// Overwrites the middle of each sound file, so that headers and sizes are right and the sound is not.
fn garble_sound(payload: &Path) -> Result<()> {
    let mut files = Vec::new();
    collect_files(payload, &mut files)?;
    for path in files
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "m4b" || e == "mp3"))
    {
        let mut bytes = fs::read(path)?;
        let (start, end) = (bytes.len() / 4, bytes.len() * 9 / 10);
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        for byte in &mut bytes[start..end] {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 24) as u8;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// The smallest EPUB: a zip whose one stored entry is the media type.
fn make_epub() -> Vec<u8> {
    let (name, data) = (b"mimetype", b"application/epub+zip");
    let crc = !data.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    });
    let mut sizes = crc.to_le_bytes().to_vec();
    sizes.extend((data.len() as u32).to_le_bytes().repeat(2));
    sizes.extend((name.len() as u16).to_le_bytes());
    let mut zip = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\x21\0".to_vec();
    zip.extend([sizes.as_slice(), &[0, 0], name, data].concat());
    let directory = zip.len() as u32;
    zip.extend(b"PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\x21\0");
    zip.extend([sizes.as_slice(), &[0; 16], name].concat());
    let length = zip.len() as u32 - directory;
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend([length.to_le_bytes().as_slice(), &directory.to_le_bytes(), &[0, 0]].concat());
    zip
}
