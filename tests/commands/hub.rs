//! `--weights hf:ORG/NAME` against a hub on the loopback address: what is fetched, kept, checked, and told to whom.

use crate::hub_support::server::{Reply, Server};
use crate::hub_support::{COMMIT, README, config, run, stderr, weights};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

const TOKEN: &str = "hf_thisIsSecret";
/// Entity tags of small files are git's hashes.
const CONFIG_TAG: &str = "1111111111111111111111111111111111111111";
const README_TAG: &str = "2222222222222222222222222222222222222222";

/// A repository `me/mine` on a hub, its weights on another server, and an empty cache.
struct Hub {
    server: Server,
    elsewhere: Server,
    folder: tempfile::TempDir,
}

fn checkpoint() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("w");
        weights(&path);
        fs::read(path).expect("a file")
    })
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("text");
            text
        })
}

fn resolve(name: &str) -> String {
    format!("/me/mine/resolve/{COMMIT}/{name}")
}

fn ok(body: impl Into<Vec<u8>>, headers: Vec<(&'static str, String)>) -> Reply {
    Reply {
        status: 200,
        headers,
        body: body.into(),
        withheld: 0,
    }
}

fn listing(files: &[&str]) -> Reply {
    let files: Vec<_> = files
        .iter()
        .map(|name| serde_json::json!({"rfilename": name}))
        .collect();
    ok(
        serde_json::json!({"sha": COMMIT, "siblings": files}).to_string(),
        vec![],
    )
}

const LISTING: &str = "/api/models/me/mine/revision/main";

impl Hub {
    fn start() -> Self {
        let (server, elsewhere) = (Server::start(), Server::start());
        server.reply(
            LISTING,
            listing(&[
                "README.md",
                "config.json",
                "model.safetensors",
                "pytorch_model.bin",
            ]),
        );
        let tag = |tag: &str| {
            vec![
                ("etag", format!("\"{tag}\"")),
                ("x-repo-commit", COMMIT.to_owned()),
            ]
        };
        server.reply(&resolve("config.json"), ok(config(&[]), tag(CONFIG_TAG)));
        server.reply(
            &resolve("README.md"),
            ok(README, vec![("etag", format!("W/\"{README_TAG}\""))]),
        );
        // As the real one does for a large file.
        let found = Reply {
            status: 302,
            headers: vec![
                ("location", format!("{}/blob?signed", elsewhere.url())),
                ("x-linked-etag", format!("\"{}\"", sha256(checkpoint()))),
                ("etag", "\"not the content's\"".to_owned()),
            ],
            ..Reply::default()
        };
        server.reply(&resolve("model.safetensors"), found);
        elsewhere.reply(
            "/blob?signed",
            ok(checkpoint(), vec![("etag", "\"../../evil\"".to_owned())]),
        );
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            server,
            elsewhere,
            folder,
        }
    }

    fn emit(&self, address: &str, more: &[(&str, &str)]) -> Output {
        let home = self.folder.path().join("home");
        let (home, url) = (home.to_str().expect("text"), self.server.url());
        let variables = [
            ("HF_HOME", home),
            ("HF_ENDPOINT", &url),
            ("HF_TOKEN", TOKEN),
        ];
        let emit = ["emit", "--weights", address, "-o", "m.onnx", "--force"];
        let output = run(self.folder.path(), &emit, &[&variables[..], more].concat());
        assert!(!stderr(&output).contains(TOKEN), "{}", stderr(&output));
        output
    }

    fn refused(&self, more: &[(&str, &str)]) -> String {
        let output = self.emit("hf:me/mine", more);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(!self.folder.path().join("m.onnx").exists());
        stderr(&output)
    }

    fn repository(&self) -> PathBuf {
        self.folder.path().join("home/hub/models--me--mine")
    }

    /// Names in one of the repository's folders.
    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.repository().join(folder)) else {
            return Vec::new();
        };
        let names = entries.map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

#[test]
fn what_is_fetched_is_kept_as_python_keeps_it() {
    let hub = Hub::start();
    let output = hub.emit("hf:me/mine", &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let weights = sha256(checkpoint());
    assert_eq!(hub.names("blobs"), {
        let mut tags = [CONFIG_TAG, README_TAG, weights.as_str()];
        tags.sort_unstable();
        tags
    });
    let snapshot = hub.repository().join("snapshots").join(COMMIT);
    let target = fs::read_link(snapshot.join("model.safetensors")).expect("a link");
    assert_eq!(target, Path::new("../../blobs").join(&weights));
    assert_eq!(
        fs::read(snapshot.join("model.safetensors")).expect("a file"),
        checkpoint()
    );
    assert_eq!(
        fs::read_to_string(snapshot.join("config.json")).expect("a file"),
        config(&[])
    );
    let main = hub.repository().join("refs/main");
    assert_eq!(fs::read_to_string(main).expect("a file"), COMMIT);

    // The hub hears the token, whoever it sends us to does not.
    let bearer = Some(format!("Bearer {TOKEN}"));
    let asked = hub.server.requests();
    assert_eq!(asked.len(), 4);
    assert!(
        asked.iter().all(|request| request.authorization == bearer),
        "{asked:?}"
    );
    let asked = hub.elsewhere.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].authorization, None);

    // From here on nobody is asked.
    for address in ["hf:me/mine".to_owned(), format!("hf:me/mine@{COMMIT}")] {
        assert!(hub.emit(&address, &[]).status.success());
    }
    assert_eq!(hub.server.requests(), []);
    // A lost file is fetched, the others stay.
    fs::remove_file(snapshot.join("config.json")).expect("a file");
    fs::remove_file(hub.repository().join("blobs").join(CONFIG_TAG)).expect("a file");
    assert!(hub.emit("hf:me/mine", &[]).status.success());
    let paths: Vec<String> = hub
        .server
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(paths, [LISTING.to_owned(), resolve("config.json")]);
}

#[test]
fn a_closed_or_absent_repository_says_so() {
    let hub = Hub::start();
    let status = |status, code: &str| Reply {
        status,
        headers: vec![("x-error-code", code.to_owned())],
        ..Reply::default()
    };
    hub.server.reply(LISTING, status(403, "GatedRepo"));
    let message = hub.refused(&[]);
    assert!(
        message.contains("`me/mine` refuses access (status 403)"),
        "{message}"
    );
    assert!(message.contains("accept its conditions at"), "{message}");
    hub.server.reply(LISTING, status(401, "RepoNotFound"));
    let message = hub.refused(&[("HF_TOKEN", "")]);
    assert!(message.contains("set `HF_TOKEN` to a token"), "{message}");
    assert_eq!(
        hub.server
            .requests()
            .pop()
            .expect("a request")
            .authorization,
        None
    );
    hub.server.reply(LISTING, status(404, "RepoNotFound"));
    assert!(hub.refused(&[]).contains("has no repository `me/mine`"));
    hub.server.reply(LISTING, status(404, "RevisionNotFound"));
    assert!(hub.refused(&[]).contains("has no revision `me/mine@main`"));
    hub.server.reply(LISTING, status(503, ""));
    assert!(hub.refused(&[]).contains("answered with status 503"));
    hub.server.reply(LISTING, ok("<html>", vec![]));
    assert!(hub.refused(&[]).contains("something that is not JSON"));
    hub.server
        .reply(LISTING, ok(r#"{"sha": "../../x", "siblings": []}"#, vec![]));
    assert!(hub.refused(&[]).contains("no commit in its `sha`"));
    assert!(
        hub.refused(&[("HF_ENDPOINT", "http://127.0.0.1:1")])
            .contains("cannot get `http://127.0.0.1:1/")
    );
    let message = hub.refused(&[("HF_HUB_OFFLINE", "1")]);
    assert!(
        message.contains("`HF_HUB_OFFLINE` forbids the network"),
        "{message}"
    );
}

#[test]
fn a_repository_without_one_weights_file_is_refused() {
    let hub = Hub::start();
    hub.server.reply(
        LISTING,
        listing(&["config.json", "model.safetensors.index.json"]),
    );
    let message = hub.refused(&[]);
    assert!(
        message.contains("in several files (`model.safetensors.index.json`)"),
        "{message}"
    );
    hub.server
        .reply(LISTING, listing(&["config.json", "flax_model.msgpack"]));
    assert!(
        hub.refused(&[])
            .contains("`hf:me/mine` has no `model.safetensors`")
    );
    assert!(hub.names("blobs").is_empty());
}

#[test]
fn damage_on_the_way_leaves_nothing() {
    let hub = Hub::start();
    let blob = |bytes: &[u8], withheld| Reply {
        withheld,
        ..ok(bytes, vec![])
    };
    let (half, _) = checkpoint().split_at(checkpoint().len() / 2);
    hub.elsewhere.reply("/blob?signed", blob(half, 10));
    let message = hub.refused(&[]);
    assert!(
        message.contains("a body that breaks off") || message.contains(" bytes, expected "),
        "{message}"
    );
    hub.elsewhere.reply("/blob?signed", blob(half, 0));
    let message = hub.refused(&[]);
    assert!(
        message.contains(&format!("expected {}", sha256(checkpoint()))),
        "{message}"
    );
    // The small files came whole; of the weights there is nothing, and no revision that would lead to them.
    assert_eq!(hub.names("blobs"), [CONFIG_TAG, README_TAG]);
    assert!(hub.names("refs").is_empty());
    hub.elsewhere.reply("/blob?signed", blob(checkpoint(), 0));
    assert!(hub.emit("hf:me/mine", &[]).status.success());
}

#[test]
fn hostile_answers_lead_nowhere() {
    let hub = Hub::start();
    for tag in [
        "../../../evil",
        "",
        "/etc/passwd",
        "0123456789abcdef/0123456789abcdef01234567",
    ] {
        hub.server.reply(
            &resolve("config.json"),
            ok(config(&[]), vec![("etag", format!("\"{tag}\""))]),
        );
        let message = hub.refused(&[]);
        assert!(message.contains("the entity tag `"), "{message}");
    }
    let location = |location: String| Reply {
        status: 302,
        headers: vec![("location", location)],
        ..Reply::default()
    };
    let place = resolve("config.json");
    hub.server
        .reply(&place, location(format!("{}{place}", hub.server.url())));
    assert!(
        hub.refused(&[])
            .contains("is redirected more than 10 times")
    );
    hub.server
        .reply(&place, location("file:///etc/passwd".to_owned()));
    assert!(
        hub.refused(&[])
            .contains("it is redirected to `file:///etc/passwd`")
    );
    assert!(hub.names("blobs").iter().all(|name| name != "evil"));
}

#[test]
fn a_cache_that_cannot_be_written_and_a_bad_token_are_told() {
    let hub = Hub::start();
    let message = hub.refused(&[("HF_HUB_CACHE", "/dev/null/cache")]);
    assert!(
        message.contains("cannot write `/dev/null/cache"),
        "{message}"
    );
    let empty = hub.folder.path().join("empty");
    fs::write(&empty, "").expect("a file");
    let empty = empty.to_str().expect("UTF-8");
    let message = hub.refused(&[("SSL_CERT_FILE", empty)]);
    assert!(
        message.contains("/empty` cannot be read: there are none"),
        "{message}"
    );
    let message = hub.refused(&[("HF_TOKEN", "hf_a\u{e9}b")]);
    assert!(
        message.contains("has characters that no token has"),
        "{message}"
    );
    assert!(!message.contains("hf_a"), "{message}");
}
