//! `ORG/NAME[@REV]`: a repository of models and one of its revisions.

use crate::files::foreign::Foreign;
use std::fmt;
use std::str::FromStr;

/// A repository and a revision. Neither can lead out of a folder or a URL's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    owner: String,
    name: String,
    revision: String,
}

/// The branch that is meant where none is named.
const DEFAULT_REVISION: &str = "main";
/// Longest name of a repository, as huggingface_hub has it.
const LONGEST_NAME: usize = 96;
/// Longest name of a revision.
const LONGEST_REVISION: usize = 200;
/// Hexadecimal digits of a commit.
const COMMIT_DIGITS: usize = 40;

impl Address {
    /// `ORG/NAME`.
    #[must_use]
    pub fn repository(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// A branch, a tag or a commit.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The repository's folder in the cache.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("models--{}--{}", self.owner, self.name)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (repository, revision) = text.split_once('@').unwrap_or((text, DEFAULT_REVISION));
        let refused = |what: &str| {
            let found = text.shown();
            format!("expected `hf:ORG/NAME` or `hf:ORG/NAME@REV`, found `hf:{found}`: {what}")
        };
        let (owner, name) = repository
            .split_once('/')
            .ok_or_else(|| refused("there is no `/`"))?;
        if repository.len() > LONGEST_NAME || ![owner, name].into_iter().all(is_name) {
            return Err(refused("that is no name of a repository"));
        }
        if !is_revision(revision) {
            return Err(refused("that is no name of a revision"));
        }
        Ok(Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
            revision: revision.to_owned(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hf:{}/{}", self.owner, self.name)?;
        match self.revision.as_str() {
            DEFAULT_REVISION => Ok(()),
            revision => write!(f, "@{revision}"),
        }
    }
}

/// Whether a text is a commit's full name.
#[must_use]
pub fn is_commit(text: &str) -> bool {
    text.len() == COMMIT_DIGITS && is_hexadecimal(text)
}

/// Whether a text has only lower-case hexadecimal digits.
pub(super) fn is_hexadecimal(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The characters of huggingface_hub's `validate_repo_id`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// The rules of huggingface_hub's `validate_repo_id`.
fn is_name(text: &str) -> bool {
    let edges = ['-', '.'];
    !text.is_empty()
        && text.bytes().all(is_plain)
        && !text.starts_with(edges)
        && !text.ends_with(edges)
        && !text.contains("--")
        && !text.contains("..")
        && text.strip_suffix(".git").is_none()
}

/// As git has it, but for rarer characters: parts of a path, none of which is hidden.
fn is_revision(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(is_plain)
            && !part.starts_with(['.', '-'])
            && !part.contains("..")
    };
    text.len() <= LONGEST_REVISION && text.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_revisions_are_told_apart() {
        let address: Address = "timm/tf_efficientnet_b0.ns_jft_in1k".parse().unwrap();
        assert_eq!(address.repository(), "timm/tf_efficientnet_b0.ns_jft_in1k");
        assert_eq!(address.revision(), "main");
        assert_eq!(
            address.folder(),
            "models--timm--tf_efficientnet_b0.ns_jft_in1k"
        );
        let address: Address = "me/mine@refs/pr/1".parse().unwrap();
        assert_eq!(address.revision(), "refs/pr/1");
        assert_eq!(address.to_string(), "hf:me/mine@refs/pr/1");
    }

    #[test]
    fn what_could_leave_a_folder_is_refused() {
        for text in [
            "",
            "b0",
            "../..",
            "..",
            "a/..",
            "a/b/c",
            "a/../b",
            "/etc",
            "a/",
            "/a",
            "a/b--c",
            "a/.b",
            "a/b.git",
            "a\\b/c",
            "a/b@",
            "a/b@..",
            "a/b@../../x",
            "a/b@/x",
            "a/b@x/../y",
            "a/b@x//y",
            "a/b@-x",
            "a/b@x?y",
            "a/b@x y",
            "a/b@@",
            "a/b@.git/x",
            "a/b%2f",
            "a/b\n",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        let long = format!("a/{}", "b".repeat(95));
        assert!(long.parse::<Address>().is_err());
    }
}
