//! What a published model's `config.json` stands for: a library's model with preprocessing and labels of its own.

mod timm;
mod transformers;

use super::error::ConvertError;
use super::note::ConvertNote;
use crate::architecture::HeadPool;
use crate::hub::folder::{Description, Folder};
use crate::like::{self, Library, Like};
use crate::request::{Extent, Request};

/// What a published model says beside its checkpoint.
#[derive(Clone, Debug)]
pub struct Published {
    /// The library's model, with what the configuration changes.
    pub like: Like,
    /// Class names, as JSON.
    pub labels: Option<String>,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// `hf:ORG/NAME@COMMIT`, where it is from the hub.
    pub source: Option<String>,
    /// Classes that the configuration counts.
    pub classes: Option<u64>,
    /// How feature maps are pooled, if that is not the mean.
    pub pool: Option<HeadPool>,
    /// In what the model is not the table's.
    differences: Vec<String>,
}

/// What a configuration stands for.
struct Read {
    /// The library's model.
    table: Like,
    /// The same, as the configuration has it.
    like: Like,
    /// Names of the classes.
    labels: Option<Vec<String>>,
    /// How many classes it counts.
    classes: Option<u64>,
    /// In what else it is not the library's.
    more: Option<String>,
}

impl Published {
    /// The model of a folder.
    ///
    /// # Errors
    /// If its configuration names no model of timm's, describes none that transformers publishes, or has a value that is not
    /// supported.
    pub fn read(folder: &Folder, source: Option<String>) -> Result<Self, ConvertError> {
        let Read {
            table,
            like,
            labels,
            classes,
            more,
        } = match &folder.description {
            Description::Timm(config) => timm::read(folder, config)?,
            Description::Transformers { config, processor } => {
                transformers::read(folder, config, processor.as_ref())?
            }
        };
        let mut differences = differences(&table, &like);
        differences.extend(more);
        let pool = match &folder.description {
            Description::Timm(config) => timm::pool(config),
            Description::Transformers { .. } => None,
        };
        differences.extend(pool.map(|(_, name)| format!("the pool is `{name}`, not `avg`")));
        Ok(Self {
            pool: pool.map(|(pool, _)| pool),
            like,
            labels: labels.map(|labels| serde_json::Value::from(labels).to_string()),
            licence: folder.licence.clone(),
            source,
            classes: classes.filter(|classes| *classes > 0),
            differences,
        })
    }

    /// Whether a configuration that was found in a checkpoint's folder is of a network of these families or their kin, by the
    /// name of its model. Any other name is a user's own, which tells nothing.
    #[must_use]
    pub fn may_describe(folder: &Folder) -> bool {
        let name = match &folder.description {
            Description::Timm(config) => &config.architecture,
            Description::Transformers { config, .. } => {
                return transformers::variant(config).is_some();
            }
        };
        let families = ["efficientnet", "mobilenet", "resnet"];
        families.iter().any(|family| name.contains(family))
            || like::find(&format!("timm/{name}")).is_ok()
    }

    /// Whether its configuration has pads, which timm's leave to the model's name.
    pub(super) fn records_padding(&self) -> bool {
        self.like.library == Library::Transformers
    }

    /// The request for just this model.
    #[must_use]
    pub fn request(&self) -> Request {
        let mut request = self.like.request();
        request.size = self.like.preprocessing.size.map(Extent::Fixed);
        request
    }

    /// The table's model, if it is just that.
    #[must_use]
    pub fn table(&self) -> Option<Like> {
        self.differences.is_empty().then(|| self.like.clone())
    }

    /// What it is, and where its configuration is followed rather than the table.
    #[must_use]
    pub fn note(&self) -> ConvertNote {
        ConvertNote::Published {
            model: self.like.name(),
            differences: self.differences.clone(),
        }
    }
}

fn differences(table: &Like, like: &Like) -> Vec<String> {
    let mut found = Vec::new();
    if table.classes != like.classes {
        found.push(format!(
            "classes are {}, not {}",
            like.classes, table.classes
        ));
    }
    if table.preprocessing.size != like.preprocessing.size {
        let [height, width] = like.preprocessing.size;
        found.push(format!("the size is {height}x{width}, not {}", table.size));
    }
    if table.padding != like.padding {
        let (own, theirs) = (like.padding.name(), table.padding.name());
        found.push(format!("the padding is {own}, not {theirs}"));
    }
    if table.batch_norm_epsilon.to_bits() != like.batch_norm_epsilon.to_bits() {
        let (own, theirs) = (like.batch_norm_epsilon, table.batch_norm_epsilon);
        found.push(format!("epsilon is {own:e}, not {theirs:e}"));
    }
    let size = like.preprocessing.size;
    if table.preprocessing.at(size) != like.preprocessing || table.test != like.test {
        found.push("pictures are prepared in another way".to_owned());
    }
    found
}
