//! GET requests to the hub and to where it sends them; the token goes to the hub alone.

use super::HubError;
use super::settings::{HubSettings, Token};
use crate::files::foreign::Foreign;
use crate::files::read_input;
use std::io::{Error, Read};
use std::path::Path;
use std::time::Duration;
use ureq::http::{HeaderMap, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

/// Redirections that are followed.
const MOST_REDIRECTIONS: usize = 10;
/// A name or a connection takes no longer.
const CONNECT: Duration = Duration::from_secs(30);
/// A silence takes no longer.
const SILENCE: Duration = Duration::from_mins(1);

/// The largest file of certificates that is read, in bytes: a system's own have 0.3 MB.
const LARGEST_CERTIFICATES: u64 = 16 << 20;

/// The hub, as one user sees it.
pub(super) struct Client {
    agent: Agent,
    endpoint: Uri,
    token: Option<Token>,
}

/// An answer with status 200.
pub(super) struct Answer {
    /// What was asked for.
    pub(super) url: String,
    /// Identifies the content: a SHA-256 for large files. The hub's word, not that of where it has sent us.
    pub(super) etag: Option<String>,
    /// Bytes of the body, where they are told.
    pub(super) length: Option<u64>,
    body: Body,
}

/// A status other than 200.
pub(super) struct Status {
    /// HTTP's number.
    pub(super) number: u16,
    /// The hub's word for it, such as `RepoNotFound`.
    pub(super) code: String,
}

/// Why there is no answer.
pub(super) enum Failed {
    /// The hub said no.
    Status(Status),
    /// Anything else.
    Error(HubError),
}

impl Client {
    /// A client of the hub in the settings; it goes through the proxy that the environment names.
    pub(super) fn new(settings: &HubSettings) -> Result<Self, HubError> {
        let endpoint = settings.endpoint.parse::<Uri>().map_err(|error| {
            HubError::HubSettings(format!(
                "`HF_ENDPOINT` is `{}`: {error}",
                settings.endpoint.shown()
            ))
        })?;
        if let Some(token) = &settings.token
            && !token.secret().bytes().all(|byte| byte.is_ascii_graphic())
        {
            let reason = "the token (`HF_TOKEN`, or the file of `HF_TOKEN_PATH`) has characters that no token has";
            return Err(HubError::HubSettings(reason.to_owned()));
        }
        let mut agent = Agent::config_builder();
        if let Some(path) = &settings.certificates {
            let roots = RootCerts::new_with_certs(&certificates(path)?);
            agent = agent.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let agent = agent
            .http_status_as_error(false)
            // Followed here instead, so that each hop is looked at.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("efficientnet-onnx/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .build();
        Ok(Self {
            agent: agent.into(),
            endpoint,
            token: settings.token.clone(),
        })
    }

    /// Asks for a URL of the hub.
    pub(super) fn get(&self, url: &str) -> Result<Answer, Failed> {
        let network = |reason: String| {
            Failed::Error(HubError::Network {
                url: url.to_owned(),
                reason,
            })
        };
        let mut place: Uri = url
            .parse()
            .map_err(|error: ureq::http::uri::InvalidUri| network(error.to_string()))?;
        let mut etag = None;
        for _ in 0..=MOST_REDIRECTIONS {
            let is_hub = self.is_hub(&place);
            let mut request = self.agent.get(&place).header("Accept-Encoding", "identity");
            if let Some(token) = self.token.as_ref().filter(|_| is_hub) {
                request = request.header("Authorization", format!("Bearer {}", token.secret()));
            }
            let response = request.call().map_err(|error| network(error.to_string()))?;
            let (status, headers) = (response.status(), response.headers());
            if is_hub {
                etag = identity(headers);
            }
            if status.is_redirection() {
                let target = text(headers, "location").unwrap_or_default();
                place = follow(&place, &target)
                    .ok_or_else(|| network(format!("it is redirected to `{}`", target.shown())))?;
                continue;
            }
            if status.as_u16() != 200 {
                return Err(Failed::Status(Status {
                    number: status.as_u16(),
                    code: text(headers, "x-error-code").unwrap_or_default(),
                }));
            }
            return Ok(Answer {
                url: url.to_owned(),
                etag,
                length: text(headers, "content-length").and_then(|length| length.parse().ok()),
                body: response.into_body(),
            });
        }
        Err(network(format!(
            "it is redirected more than {MOST_REDIRECTIONS} times"
        )))
    }

    /// Whether a place is the hub itself: scheme, host and port.
    fn is_hub(&self, place: &Uri) -> bool {
        let origin = |uri: &Uri| {
            let scheme = uri.scheme_str().unwrap_or_default().to_owned();
            let default = if scheme == "https" { 443 } else { 80 };
            let host = uri.host().unwrap_or_default().to_ascii_lowercase();
            (host, uri.port_u16().unwrap_or(default), scheme)
        };
        origin(place) == origin(&self.endpoint)
    }
}

impl Answer {
    /// The body, as it comes.
    pub(super) fn into_reader(self) -> impl Read {
        self.body.into_reader()
    }

    /// A whole body of at most so many bytes.
    pub(super) fn into_bytes(self, most: u64) -> Result<Vec<u8>, HubError> {
        let (url, length) = (self.url.clone(), self.length);
        let mut bytes = Vec::new();
        let read = self.into_reader().take(most + 1).read_to_end(&mut bytes);
        let problem = match (read, length) {
            (Err(error), _) => broken(&error),
            (Ok(read), _) if read as u64 > most => format!("more than {most} bytes"),
            (Ok(read), Some(length)) if read as u64 != length => short(read as u64, length),
            _ => return Ok(bytes),
        };
        Err(HubError::Answer { url, problem })
    }
}

/// What is wrong where a body breaks off with an error.
pub(super) fn broken(error: &Error) -> String {
    format!("a body that breaks off: {error}")
}

/// What is wrong where a body is shorter or longer than was told.
pub(super) fn short(found: u64, expected: u64) -> String {
    format!("{found} bytes, expected {expected}")
}

/// The certificates of a file in PEM.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, HubError> {
    let wrong = |reason: String| {
        HubError::HubSettings(format!(
            "the certificates in `{}` cannot be read: {reason}",
            path.shown()
        ))
    };
    let bytes = read_input(path, LARGEST_CERTIFICATES).map_err(|error| wrong(error.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&bytes) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(error.to_string()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(wrong("there are none".to_owned()));
    }
    Ok(found)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// The entity tag without its marks; `X-Linked-Etag` is that of a file that lies elsewhere.
fn identity(headers: &HeaderMap) -> Option<String> {
    let tag = text(headers, "x-linked-etag").or_else(|| text(headers, "etag"))?;
    let tag = tag.strip_prefix("W/").unwrap_or(&tag);
    Some(tag.trim_matches('"').to_owned())
}

/// Where a redirection leads; never from a secure place to an open one.
fn follow(from: &Uri, target: &str) -> Option<Uri> {
    let to = match target.strip_prefix('/') {
        Some(_) if !target.starts_with("//") => {
            format!("{}://{}{target}", from.scheme_str()?, from.authority()?)
        }
        Some(_) => format!("{}:{target}", from.scheme_str()?),
        None => target.to_owned(),
    };
    let to: Uri = to.parse().ok()?;
    let legal: &[&str] = match from.scheme_str()? {
        "https" => &["https"],
        _ => &["https", "http"],
    };
    legal.contains(&to.scheme_str()?).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_lead_to_no_open_place() {
        let from: Uri = "https://hub.example/a/b".parse().unwrap();
        let lead = |target| follow(&from, target).map(|uri| uri.to_string());
        assert_eq!(lead("/c?d").as_deref(), Some("https://hub.example/c?d"));
        assert_eq!(
            lead("//cdn.example/c").as_deref(),
            Some("https://cdn.example/c")
        );
        assert_eq!(
            lead("https://cdn.example/c").as_deref(),
            Some("https://cdn.example/c")
        );
        assert_eq!(lead("http://hub.example/c"), None);
        assert_eq!(lead("file:///etc/passwd"), None);
        assert_eq!(lead(""), None);
    }

    #[test]
    fn only_the_same_scheme_host_and_port_are_the_hub() {
        let variables = |name: &str| match name {
            "HOME" => Some("/".into()),
            "HF_ENDPOINT" => Some("https://hub.example".into()),
            _ => None,
        };
        let client = Client::new(&HubSettings::read(variables).unwrap()).unwrap();
        let is_hub = |place: &str| client.is_hub(&place.parse().unwrap());
        assert!(is_hub("https://hub.example/a") && is_hub("https://HUB.example:443/"));
        for other in [
            "http://hub.example/",
            "https://hub.example:444/",
            "https://cdn.hub.example/",
            "https://hub.example.com/",
        ] {
            assert!(!is_hub(other), "{other}");
        }
    }
}
