//! Items as Audiobookshelf writes them: minified in lists, expanded alone.

use serde_json::{Value, json};

use super::shelf::{AudioFile, Item, Metadata, PlainFile, Shelf};

impl Shelf {
    /// The form of lists.
    pub fn minify(&self, item: &Item) -> Value {
        let mut minified = self.describe_frame(item);
        let mut metadata = flat_metadata(&item.metadata);
        if item.is_quirky {
            metadata["publishedYear"] = json!(
                item.metadata
                    .published_year
                    .as_deref()
                    .and_then(|year| year.parse::<i64>().ok())
            );
        }
        minified["media"] = json!({ "id": item.media_id, "metadata": metadata, "coverPath": self.cover_path(item), "tags": item.tags,
            "numTracks": item.audio.len(), "numAudioFiles": item.audio.len(), "numChapters": item.chapters.len(),
            "duration": item.duration(), "size": item.size() });
        if let Some(format) = ebook_format(item) {
            minified["media"]["ebookFormat"] = json!(format);
        }
        minified
    }

    /// The form of one item; `is_expanded` adds the tracks and the flat names.
    pub fn describe(&self, item: &Item, is_expanded: bool) -> Value {
        let mut described = self.describe_frame(item);
        let metadata = &item.metadata;
        let mut about = if is_expanded {
            flat_metadata(metadata)
        } else {
            plain_metadata(metadata)
        };
        about["authors"] = metadata
            .authors
            .iter()
            .map(|name| json!({ "id": self.author_id(name), "name": name }))
            .collect();
        about["narrators"] = json!(metadata.narrators);
        about["series"] = metadata
            .series
            .iter()
            .map(|(name, number)| json!({ "id": self.series_id(name), "name": name, "sequence": number }))
            .collect();
        about["descriptionPlain"] = json!(metadata.description.as_deref().map(strip_markup));
        let chapters: Vec<Value> = item
            .chapters
            .iter()
            .enumerate()
            .map(|(id, c)| json!({ "id": id, "start": c.start, "end": c.end, "title": c.title }))
            .collect();
        let audio: Vec<Value> = item
            .audio
            .iter()
            .enumerate()
            .map(|(index, audio)| self.describe_audio(item, audio, index + 1))
            .collect();
        described["media"] = json!({ "id": item.media_id, "libraryItemId": item.id, "metadata": about, "coverPath": self.cover_path(item), "tags": item.tags,
            "audioFiles": audio, "chapters": chapters, "ebookFile": null });
        described["lastScan"] = json!(self.last_scan);
        described["scanVersion"] = json!("2.36.0");
        let kind = |file: &PlainFile| file_type(&file.rel_path);
        let files = item.audio.iter().map(|audio| &audio.file).chain(&item.other_files);
        described["libraryFiles"] = files
            .map(|file| json!({ "ino": file.ino.to_string(), "metadata": self.file_metadata(item, file), "isSupplementary": false,
                "addedAt": item.added_at, "updatedAt": item.updated_at, "fileType": kind(file) }))
            .collect();
        if is_expanded {
            let mut offset = 0.0;
            let tracks = item.audio.iter().zip(audio).map(|(file, mut track)| {
                track["title"] = json!(file.file.rel_path);
                track["startOffset"] = json!(offset);
                track["contentUrl"] = json!(format!("/api/items/{}/file/{}", item.id, file.file.ino));
                offset += file.duration;
                track
            });
            described["media"]["tracks"] = tracks.collect();
            described["media"]["duration"] = json!(item.duration());
            described["media"]["size"] = json!(item.size());
        }
        described
    }

    fn describe_frame(&self, item: &Item) -> Value {
        json!({ "id": item.id, "ino": item.ino.to_string(), "oldLibraryItemId": null, "libraryId": self.library_id, "folderId": self.folder_id,
            "path": self.item_path(item), "relPath": item.rel_path, "isFile": item.is_file, "mtimeMs": item.mtime_ms, "ctimeMs": item.mtime_ms,
            "birthtimeMs": item.mtime_ms, "addedAt": item.added_at, "updatedAt": item.updated_at, "isMissing": item.is_missing, "isInvalid": false,
            "mediaType": "book", "numFiles": item.audio.len() + item.other_files.len(), "size": item.size() })
    }

    pub fn item_path(&self, item: &Item) -> String {
        format!("{}/{}", self.library_path.display(), item.rel_path)
    }

    fn cover_path(&self, item: &Item) -> Option<String> {
        item.has_cover.then(|| format!("/metadata/items/{}/cover.jpg", item.id))
    }

    pub fn author_id(&self, name: &str) -> &str {
        self.authors
            .get(name)
            .map(|entity| entity.id.as_str())
            .unwrap_or_default()
    }

    pub fn series_id(&self, name: &str) -> &str {
        self.series
            .get(name)
            .map(|entity| entity.id.as_str())
            .unwrap_or_default()
    }

    fn file_metadata(&self, item: &Item, file: &PlainFile) -> Value {
        let (base, name) = (
            self.item_path(item),
            file.rel_path.rsplit('/').next().unwrap_or_default(),
        );
        let path = if item.is_file {
            base
        } else {
            format!("{base}/{}", file.rel_path)
        };
        let extension = name
            .rsplit_once('.')
            .map(|(_, extension)| format!(".{extension}"))
            .unwrap_or_default();
        json!({ "filename": name, "ext": extension, "path": path, "relPath": file.rel_path, "size": file.size,
            "mtimeMs": file.mtime_ms, "ctimeMs": file.mtime_ms, "birthtimeMs": file.mtime_ms })
    }

    fn describe_audio(&self, item: &Item, audio: &AudioFile, index: usize) -> Value {
        let number = |tag: &str| {
            audio
                .tags
                .get(tag)
                .and_then(|text| text.split('/').next()?.parse::<u32>().ok())
        };
        let mime = if audio.file.rel_path.ends_with("mp3") {
            "audio/mpeg"
        } else {
            "audio/mp4"
        };
        json!({ "index": index, "ino": audio.file.ino.to_string(), "metadata": self.file_metadata(item, &audio.file), "addedAt": item.added_at,
            "updatedAt": item.updated_at, "trackNumFromMeta": number("tagTrack"), "discNumFromMeta": number("tagDisc"), "trackNumFromFilename": null,
            "discNumFromFilename": null, "manuallyVerified": false, "exclude": false, "error": audio.error, "format": audio.format,
            "duration": audio.duration, "bitRate": audio.bit_rate, "language": null, "codec": audio.codec, "timeBase": "1/14112000",
            "channels": audio.channels, "channelLayout": if audio.channels == 1 { "mono" } else { "stereo" }, "chapters": [], "embeddedCoverArt": null,
            "metaTags": audio.tags, "mimeType": mime })
    }
}

fn plain_metadata(metadata: &Metadata) -> Value {
    json!({ "title": metadata.title, "subtitle": metadata.subtitle, "genres": metadata.genres, "publishedYear": metadata.published_year,
        "publishedDate": null, "publisher": metadata.publisher, "description": metadata.description, "isbn": metadata.isbn, "asin": metadata.asin,
        "language": metadata.language, "explicit": metadata.explicit, "abridged": metadata.abridged })
}

fn flat_metadata(metadata: &Metadata) -> Value {
    let mut flat = plain_metadata(metadata);
    let series = metadata.series.iter().map(|(name, number)| match number {
        Some(number) => format!("{name} #{number}"),
        None => name.clone(),
    });
    flat["titleIgnorePrefix"] = json!(metadata.title.as_deref().map(ignore_prefix));
    flat["authorName"] = json!(metadata.authors.join(", "));
    flat["authorNameLF"] = json!(
        metadata
            .authors
            .iter()
            .map(|name| last_first(name))
            .collect::<Vec<_>>()
            .join(", ")
    );
    flat["narratorName"] = json!(metadata.narrators.join(", "));
    flat["seriesName"] = json!(series.collect::<Vec<_>>().join(", "));
    flat
}

/// "The Hobbit" as "Hobbit, The".
pub fn ignore_prefix(title: &str) -> String {
    match title.strip_prefix("The ") {
        Some(rest) => format!("{rest}, The"),
        None => title.to_owned(),
    }
}

/// "Frank Herbert" as "Herbert, Frank".
pub fn last_first(name: &str) -> String {
    match name.rsplit_once(' ') {
        Some((first, last)) => format!("{last}, {first}"),
        None => name.to_owned(),
    }
}

fn strip_markup(html: &str) -> String {
    let mut is_tag = false;
    let kept = html.chars().filter(|c| {
        let keep = !is_tag && *c != '<';
        is_tag = if *c == '<' { true } else { is_tag && *c != '>' };
        keep
    });
    kept.collect()
}

fn ebook_format(item: &Item) -> Option<&str> {
    let files = item
        .other_files
        .iter()
        .filter_map(|file| file.rel_path.rsplit_once('.'));
    files
        .map(|(_, extension)| extension)
        .find(|extension| ["epub", "pdf", "mobi", "azw3"].contains(extension))
}

/// The kind of a file by its extension.
pub fn file_type(path: &str) -> &'static str {
    let extension = path.rsplit('.').next().unwrap_or_default().to_lowercase();
    match extension.as_str() {
        "m4b" | "mp3" | "m4a" | "flac" | "opus" | "ogg" | "oga" | "mp4" | "aac" | "wma" | "aiff" | "wav" | "webm"
        | "mka" => "audio",
        "epub" | "pdf" | "mobi" | "azw3" | "cbr" | "cbz" => "ebook",
        "png" | "jpg" | "jpeg" | "webp" => "image",
        "nfo" | "txt" | "opf" | "abs" | "xml" | "json" => "metadata",
        _ => "unknown",
    }
}
