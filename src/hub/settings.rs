//! The environment variables that huggingface_hub reads, read the same way.

use super::HubError;
use crate::files::foreign::Foreign;
use crate::files::read_input;
use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where snapshots are, and from where and as whom they are fetched.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// The folder of all repositories.
    pub cache: PathBuf,
    /// The hub's URL, without a slash at its end.
    pub endpoint: String,
    /// Who asks.
    pub token: Option<Token>,
    /// A file of the certificates that are trusted, in place of those built in.
    pub certificates: Option<PathBuf>,
    /// Whether the network must not be asked.
    pub offline: bool,
}

/// A secret; never shown.
#[derive(Clone)]
pub struct Token(String);

/// The largest file of a token that is read, in bytes; a token has less than a hundred.
const LARGEST_TOKEN: u64 = 1 << 16;
const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

impl Token {
    /// The secret itself.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Its text without the space around it, if there is any.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl HubSettings {
    /// What `variable` says of `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`,
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE`, `SSL_CERT_FILE`, and other names of some of them.
    ///
    /// # Errors
    /// If no folder is known, or the endpoint is no URL.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, HubError> {
        let text = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| variable(name));
            values.find(|value| !value.is_empty())
        };
        let user = text(&["HOME", "USERPROFILE"]).map(PathBuf::from);
        let folder = |names: &[&str]| {
            text(names).map(|value| expanded(PathBuf::from(value), user.as_deref()))
        };
        let home = folder(&["HF_HOME"]).or_else(|| {
            let caches = text(&["XDG_CACHE_HOME"]).map(PathBuf::from);
            let caches = caches.or_else(|| Some(user.as_ref()?.join(".cache")));
            Some(caches?.join("huggingface"))
        });
        let within = |name: &str| home.as_ref().map(|home| home.join(name));
        let cache = folder(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]).or_else(|| within("hub"));
        let Some(cache) = cache else {
            let reason = "expected `HOME`, `HF_HOME` or `HF_HUB_CACHE` to say where the cache is, found none";
            return Err(HubError::HubSettings(reason.to_owned()));
        };
        let is_true = |names: &[&str]| {
            let value = text(names).map(|value| value.to_string_lossy().to_uppercase());
            value.is_some_and(|value| ["1", "ON", "YES", "TRUE"].contains(&value.as_str()))
        };
        let token = if is_true(&["HF_HUB_DISABLE_IMPLICIT_TOKEN"]) {
            None
        } else {
            let given = text(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]);
            let given = given.and_then(|value| Token::read(&value.to_string_lossy()));
            match (
                given,
                folder(&["HF_TOKEN_PATH"]).or_else(|| within("token")),
            ) {
                (None, Some(path)) => token_of(&path)?,
                (given, _) => given,
            }
        };
        let endpoint = match text(&["HF_ENDPOINT"]) {
            Some(value) => value.to_string_lossy().trim_end_matches('/').to_owned(),
            None => DEFAULT_ENDPOINT.to_owned(),
        };
        if !(endpoint.starts_with("https://") || endpoint.starts_with("http://")) {
            return Err(HubError::HubSettings(format!(
                "`HF_ENDPOINT` is `{}`, expected a URL that starts with `https://` or `http://`",
                endpoint.shown()
            )));
        }
        Ok(Self {
            cache,
            endpoint,
            token,
            certificates: folder(&["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]),
            offline: is_true(&["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]),
        })
    }
}

/// The token in a file; none if the file is absent or cannot be read.
fn token_of(path: &Path) -> Result<Option<Token>, HubError> {
    match read_input(path, LARGEST_TOKEN) {
        Ok(text) => Ok(str::from_utf8(&text).ok().and_then(Token::read)),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            let path = path.shown();
            let reason = format!("the file of the token, `{path}`, cannot be read: {error}");
            Err(HubError::HubSettings(reason))
        }
        Err(_) => Ok(None),
    }
}

/// A path whose `~` is the user's folder.
fn expanded(path: PathBuf, user: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), user) {
        (Ok(rest), Some(user)) => user.join(rest),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<HubSettings, HubError> {
        HubSettings::read(|name| {
            let mut variables = variables.iter();
            let found = variables.find(|(known, _)| *known == name)?;
            Some(OsString::from(found.1))
        })
    }

    fn cache(variables: &[(&str, &str)]) -> String {
        settings(variables)
            .unwrap()
            .cache
            .to_string_lossy()
            .into_owned()
    }

    #[test]
    fn folders_are_huggingface_hubs() {
        let home = ("HOME", "/home/me");
        assert_eq!(cache(&[home]), "/home/me/.cache/huggingface/hub");
        assert_eq!(
            cache(&[home, ("XDG_CACHE_HOME", "/x")]),
            "/x/huggingface/hub"
        );
        assert_eq!(cache(&[home, ("HF_HOME", "~/hf")]), "/home/me/hf/hub");
        assert_eq!(
            cache(&[("HF_HOME", "/hf"), ("HUGGINGFACE_HUB_CACHE", "/old")]),
            "/old"
        );
        let all = [("HF_HUB_CACHE", "/new"), ("HUGGINGFACE_HUB_CACHE", "/old")];
        assert_eq!(cache(&all), "/new");
        assert!(settings(&[]).is_err());
    }

    #[test]
    fn the_rest_is_read_too() {
        let home = ("HOME", "/nowhere");
        let plain = settings(&[home]).unwrap();
        assert_eq!(plain.endpoint, "https://huggingface.co");
        assert!(plain.token.is_none() && !plain.offline);
        let token = ("HF_TOKEN", " hf_secret\n");
        let all = [
            home,
            token,
            ("HF_ENDPOINT", "http://localhost:1/"),
            ("HF_HUB_OFFLINE", "yes"),
        ];
        let all = settings(&all).unwrap();
        assert_eq!(all.endpoint, "http://localhost:1");
        assert_eq!(all.token.as_ref().unwrap().secret(), "hf_secret");
        assert!(all.offline && all.certificates.is_none());
        assert!(!format!("{all:?}").contains("secret"));
        let never = [home, token, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")];
        assert!(settings(&never).unwrap().token.is_none());
        assert!(settings(&[home, ("HF_ENDPOINT", "file:///etc")]).is_err());
    }
}
