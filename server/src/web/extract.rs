//! What JSON handlers take from a request. Each refuses in the one envelope, and names the field where it is known.

use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use types::{ApiError, ErrorCode};

use super::error::JsonError;

/// A JSON body. 415 without a JSON content type, 400 for broken JSON, 422 for JSON of another shape.
pub struct ApiJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = JsonError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, JsonError> {
        if !has_json(request.headers()) {
            return Err(JsonError::from_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        read_json(&read_body(request).await?).map(Self)
    }
}

/// A whole body, as far as the limit goes.
pub async fn read_body(request: Request) -> Result<Bytes, JsonError> {
    Bytes::from_request(request, &())
        .await
        .map_err(|rejection| match rejection.status() {
            // Neither too large nor whole: it stopped coming.
            StatusCode::BAD_REQUEST => JsonError::from_status(StatusCode::REQUEST_TIMEOUT),
            status => JsonError::from_status(status),
        })
}

/// The query of the address. 422 when a parameter is missing or not of its kind.
pub struct ApiQuery<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = JsonError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, JsonError> {
        let query = parts.uri.query().unwrap_or_default();
        check_urlencoded(query.as_bytes())?;
        let deserializer = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(deserializer)
            .map(Self)
            .map_err(|error| field_error(&error.path().to_string(), &error.inner().to_string()))
    }
}

/// The parameters of the path. 422 when one is not of its kind: an id that is no id.
pub struct ApiPath<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for ApiPath<T> {
    type Rejection = JsonError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, JsonError> {
        check_urlencoded(parts.uri.path().as_bytes())?;
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(refuse_path(rejection)),
        }
    }
}

fn has_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        refuse_json(&path, error.inner())
    })?;
    deserializer.end().map_err(|error| refuse_json(".", &error))?;
    // PostgreSQL stores no NUL: refused here once rather than as a database error in every use case.
    if has_nul(body) {
        return Err(refuse_nul());
    }
    Ok(value)
}

fn refuse_json(path: &str, error: &serde_json::Error) -> JsonError {
    if error.is_data() {
        return field_error(path, &error.to_string());
    }
    let (line, column) = (error.line(), error.column());
    let message = format!("The body is not valid JSON (line {line}, column {column}). Send one JSON value.");
    JsonError::new(ErrorCode::ValidationError, message).with_status(StatusCode::BAD_REQUEST)
}

fn refuse_path(rejection: PathRejection) -> JsonError {
    let PathRejection::FailedToDeserializePathParams(failure) = rejection else {
        tracing::error!("a handler takes path parameters that its route does not have: {rejection}");
        return ErrorCode::InternalError.into();
    };
    match failure.into_kind() {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => field_error(&key, &expect(expected_type)),
        ErrorKind::DeserializeError { key, message, .. } => field_error(&key, &message),
        ErrorKind::InvalidUtf8InPathParam { key } => field_error(&key, "it is not UTF-8"),
        ErrorKind::ParseError { expected_type, .. } | ErrorKind::ParseErrorAtIndex { expected_type, .. } => {
            field_error("path", &expect(expected_type))
        }
        ErrorKind::Message(message) => field_error("path", &message),
        other => {
            tracing::error!("a handler takes path parameters that its route does not have: {other}");
            ErrorCode::InternalError.into()
        }
    }
}

fn expect(expected_type: &str) -> String {
    format!(
        "it is not a valid {}",
        expected_type.rsplit("::").next().unwrap_or(expected_type)
    )
}

/// `detail` is serde's: it names kinds and what was sent.
fn field_error(path: &str, detail: &str) -> JsonError {
    let detail = detail.split(" at line ").next().unwrap_or(detail);
    // The names of our types are nobody's business.
    let detail = match detail.split_once(", expected ") {
        Some((sent, wanted)) if wanted.contains("struct ") || wanted.contains("enum ") => {
            &format!("{sent}, expected another shape")
        }
        _ => detail,
    };
    let field = match (path, quoted(detail)) {
        (".", Some(field)) => field,
        (".", None) => "body",
        (path, _) => path,
    };
    ApiError::field(
        field,
        format!("`{field}` can't be read: {detail}. Correct it and send it again."),
    )
    .into()
}

/// The name in "missing field `name`", which serde reports for the object around it.
fn quoted(detail: &str) -> Option<&str> {
    let rest = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| detail.strip_prefix(start))?;
    rest.split('`').next()
}

/// Passes what is written like a form or an address, if nothing in it stands for NUL.
pub fn check_urlencoded(text: &[u8]) -> Result<(), JsonError> {
    let has_nul = text.contains(&0) || text.windows(3).any(|written| written == b"%00");
    if has_nul { Err(refuse_nul()) } else { Ok(()) }
}

fn refuse_nul() -> JsonError {
    let message = "The request holds a NUL character, which can't be stored. Remove it.";
    JsonError::new(ErrorCode::ValidationError, message)
}

/// An escaped NUL in valid JSON; a raw one is no JSON.
fn has_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        if rest[at + 1..].starts_with(b"u0000") {
            return true;
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        title: String,
        #[serde(default)]
        authors: Vec<String>,
    }

    fn check(body: &str, status: u16, field: Option<&str>) {
        let error = read_json::<Form>(body.as_bytes()).unwrap_err();
        assert_eq!(error.status.as_u16(), status, "{body}: {error:?}");
        assert_eq!(
            error.error.context.keys().next().map(String::as_str),
            field,
            "{body}: {error:?}"
        );
        assert_eq!(error.error.code, ErrorCode::ValidationError);
    }

    #[test]
    fn a_bad_body_is_refused_with_its_field() {
        check("", 400, None);
        check("{", 400, None);
        check(r#"{"title":"a"} x"#, 400, None);
        check("{}", 422, Some("title"));
        check(r#"{"title":1}"#, 422, Some("title"));
        check(r#"{"title":"a","authors":["b",2]}"#, 422, Some("authors[1]"));
        check(r#"{"title":"a","colour":2}"#, 422, Some("colour"));
        check("5", 422, Some("body"));
        check("[1]", 422, Some("[0]"));
        let error = read_json::<Form>(b"5").unwrap_err();
        assert!(!error.error.message.contains("Form"), "{error:?}");
        check(r#"{"title":"a\u0000"}"#, 422, None);
    }

    #[test]
    fn a_good_body_is_read() {
        let form: Form = read_json(br#"{"title":"a\\u0000","authors":[]}"#).unwrap();
        assert_eq!(form.title, "a\\u0000");
        assert!(form.authors.is_empty());
    }

    #[test]
    fn only_json_is_taken_as_json() {
        let check = |kind: &str, expected: bool| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
            assert_eq!(has_json(&headers), expected, "{kind}");
        };
        check("application/json", true);
        check("Application/JSON; charset=utf-8", true);
        check("application/merge-patch+json", true);
        check("text/plain", false);
        check("application/x-www-form-urlencoded", false);
        assert!(!has_json(&HeaderMap::new()));
    }
}
