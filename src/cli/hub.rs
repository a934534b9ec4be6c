//! Models on Hugging Face: the download with its progress, and what to do where one cannot be had.

use super::exit::{Failure, Status};
use super::progress::Bar;
use efficientnet_onnx::hub::address::Address;
use efficientnet_onnx::hub::folder::FolderError;
use efficientnet_onnx::hub::json::ConfigError;
use efficientnet_onnx::hub::settings::HubSettings;
use efficientnet_onnx::hub::{self, HubError, NoNetwork};

/// The snapshot at an address: from the cache, else from the network, with its progress.
pub fn fetch(address: &Address, quiet: bool) -> Result<hub::Snapshot, HubError> {
    let bar = Bar::new();
    let snapshot = HubSettings::read(|name| std::env::var_os(name)).and_then(|settings| {
        hub::snapshot(address, &settings, &|bytes| bar.start(bytes, quiet), &bar)
    });
    bar.finish();
    snapshot
}

/// The error of a model that cannot be had.
pub fn failure(error: &HubError) -> Failure {
    let mut failure = Failure::bad_input(error);
    failure.hint = hint(error);
    if matches!(error, HubError::Cancelled) {
        failure.status = Status::Interrupted;
    }
    failure
}

fn hint(error: &HubError) -> Option<String> {
    Some(match error {
        HubError::NotCached {
            reason: NoNetwork::Forbidden,
            ..
        } => "unset `HF_HUB_OFFLINE`, or give a folder with `--weights DIR`".to_owned(),
        HubError::NotCached {
            reason: NoNetwork::NoClient,
            ..
        } => "build it with the feature `hub` (`cargo install --path . --features hub`), or fetch the files with `hf download`".to_owned(),
        HubError::Refused {
            page,
            had_token: true,
            ..
        } => format!(
            "accept its conditions at {page} with the account of the token, or use another token"
        ),
        HubError::Refused { page, .. } => format!(
            "it is gated, private or not there: see {page}, then set `HF_TOKEN` to a token of your account"
        ),
        HubError::Absent {
            what: "repository", ..
        } => "check the name; a private one needs a token in `HF_TOKEN`".to_owned(),
        HubError::Absent { .. } => {
            "check what comes after the `@`: a branch, a tag or a commit".to_owned()
        }
        HubError::Folder(error) => return folder_hint(error),
        HubError::Network { .. } => "what is in the cache needs no network; `HF_ENDPOINT` names another hub, `SSL_CERT_FILE` other certificates".to_owned(),
        HubError::HubSettings(_)
        | HubError::Answer { .. }
        | HubError::Write { .. }
        | HubError::Cancelled => return None,
    })
}

/// What to do about a folder without a model that can be read.
pub fn folder_hint(error: &FolderError) -> Option<String> {
    let hint = match error {
        FolderError::NoWeights { .. } | FolderError::NoConfig { .. } => {
            "name a checkpoint file, the folder of a model as timm or transformers publishes it on Hugging Face, or what the files of a TensorFlow checkpoint have in common, such as `FOLDER/model.ckpt`"
        }
        FolderError::Sharded { .. } => "save the model into one file",
        // Without the configuration the reason would be forgotten.
        FolderError::Config {
            source: ConfigError::Changed { .. },
            ..
        }
        | FolderError::Orbax { .. } => return None,
        FolderError::Config {
            source: ConfigError::Value { .. } | ConfigError::Labels { .. },
            ..
        } => "correct this value in that file",
        FolderError::Config { .. } => {
            "name the weights file itself, and the network with `--like LIB/MODEL`; `inspect --like list` has all names"
        }
    };
    Some(hint.to_owned())
}
