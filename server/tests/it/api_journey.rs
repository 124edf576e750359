//! The main job by the API alone: search, grab, and the book is on the shelf.

use serde_json::{Value, json};

use crate::stage::{PASSWORD, Stage, wait_until};

struct Program<'a> {
    stage: &'a Stage,
    token: String,
}

impl Program<'_> {
    async fn get(&self, path: &str) -> Value {
        let call = self.stage.http.get(format!("{}/api/v1{path}", self.stage.server.url));
        let answer = call.bearer_auth(&self.token).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let call = self.stage.http.post(format!("{}/api/v1{path}", self.stage.server.url));
        let call = call.bearer_auth(&self.token).header("idempotency-key", key);
        let answer = call.json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

#[tokio::test]
async fn a_program_searches_grabs_once_and_finds_the_book_on_the_shelf() {
    let stage = Stage::start().await;
    let login = stage.http.post(format!("{}/api/v1/auth/login", stage.server.url));
    let login = login
        .json(&json!({ "username": "anna", "password": PASSWORD }))
        .send()
        .await
        .unwrap();
    let tokens: Value = login.json().await.unwrap();
    let program = Program {
        stage: &stage,
        token: tokens["access_token"].as_str().unwrap().to_owned(),
    };

    let form = json!({ "title": "Dune Messiah", "author": "Frank Herbert" });
    let (status, search) = program.post("/searches", "-", &form).await;
    assert_eq!(status, 201, "{search}");
    let path = format!("/searches/{}", search["id"].as_str().unwrap());
    let found = wait_until(async || {
        let search = program.get(&path).await;
        if search["status"] == "running" {
            Err(search.to_string())
        } else {
            Ok(search)
        }
    })
    .await;
    let candidates = found["candidates"].as_array().unwrap();
    let best = candidates.iter().find(|one| one["verdict"]["decision"] == "accepted");
    let best = best.unwrap_or_else(|| panic!("nothing to grab: {found:#}"));

    let grab = json!({ "candidate_id": best["id"] });
    let (status, download) = program.post("/downloads", "grab-1", &grab).await;
    assert_eq!(status, 201, "{download}");
    assert_eq!(
        program.post("/downloads", "grab-1", &grab).await,
        (201, download.clone())
    );
    assert_eq!(
        program
            .post(
                "/downloads",
                "grab-1",
                &json!({ "candidate_id": best["id"], "is_forced": true })
            )
            .await
            .0,
        409
    );
    assert_eq!(program.get("/downloads").await["total"], 1);

    let path = format!("/downloads/{}", download["id"].as_str().unwrap());
    wait_until(async || {
        let detail = program.get(&path).await;
        let state = detail["summary"]["state"].as_str().unwrap();
        assert!(!matches!(state, "failed" | "cancelled" | "abandoned"), "{detail:#}");
        if state == "imported" {
            Ok(())
        } else {
            Err(detail.to_string())
        }
    })
    .await;
    let imports = program.get(&format!("{path}/imports")).await;
    assert_eq!(imports["items"][0]["status"], "done", "{imports}");
    let books = program.get("/books?text=Dune+Messiah").await;
    assert_eq!(books["items"][0]["title"], "Dune Messiah", "{books}");
    let authors = program.get("/authors?text=herbert").await;
    assert_eq!(authors["items"][0]["name"], "Frank Herbert", "{authors}");
}
