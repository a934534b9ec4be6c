//! Converts a checkpoint, or weights from a seed, into a request whose every convention is resolved, and writes its file.
//!
//! [`Weights`] are opened, and hold what a checkpoint tells of its network. [`Wishes`] are what the caller asks for. A
//! [`Conversion`] holds one against the other: padding, epsilon, classes, size, head and preparation of pictures come from
//! the wishes, else from the checkpoint's own record, else from what its tensors' names imply. What neither tells is
//! an error, never a guess. What a reader should know of it comes as [`ConvertNote`]s, what contradicts what as a
//! [`ConvertError`].
//!
//! A Lite0 checkpoint of timm's, converted. Its tensors' names tell neither padding nor epsilon, so the model is named:
//!
//! ```
//! use efficientnet_onnx::convert::{Conversion, Network, Weights, Wishes};
//! # use efficientnet_onnx::convert::{Exported, Seed};
//! use efficientnet_onnx::emit::{Destination, Emitted};
//! use efficientnet_onnx::like;
//! use efficientnet_onnx::request::Extent;
//! # use efficientnet_onnx::weights::names::Naming;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let checkpoint = folder.path().join("lite0.safetensors");
//! # let lite0 = Wishes { network: Network::published("lite0"), ..Wishes::default() };
//! # let drawn = Exported::drawn(&lite0, Seed::default(), None)?;
//! # let file = Box::new(std::fs::File::create(&checkpoint)?);
//! # drawn.named(Naming::Timm)?.write(&[], file, &(), &|_| false)?;
//! let wishes = Wishes {
//!     network: Some(Network::Like(Box::new(like::find("timm/tf_efficientnet_lite0")?))),
//!     size: Some([Extent::Fixed(64); 2]),
//!     ..Wishes::default()
//! };
//! let conversion = Conversion::new(Weights::open(&checkpoint)?, wishes)?;
//! for note in conversion.notes() {
//!     println!("{note}");
//! }
//! let recipe = conversion.recipe(None)?;
//! let destination = Destination::new_file(folder.path().join("lite0.onnx"));
//! if let Emitted::Staged(model) = conversion.write(&recipe, destination, &())? {
//!     model.commit()?;
//! }
//! assert_eq!((recipe.parameters, recipe.bn_epsilon), (4_652_008, 1e-3));
//! # Ok(())
//! # }
//! ```

mod checkpoint;
mod checkpoint_head;
mod conversion;
mod error;
mod evidence;
mod export;
mod fitted;
mod fitting;
mod head;
mod islands;
mod keras;
mod layers;
mod listing;
mod locate;
mod model;
mod note;
mod offered;
mod published;
mod recorded;
mod replacement;
mod resolve;
mod weights;
mod wishes;

pub use checkpoint::OpenCheckpoint;
pub use conversion::Conversion;
pub use error::{ConvertError, Counted, Misfit, NotPublished};
pub use export::Exported;
pub use fitted::{FittedClassifier, FittedError};
pub use islands::{PlaceError, PlacedIslands};
pub use layers::HeadMisfit;
pub use listing::{ListedModel, Listing, list};
pub use locate::Located;
pub use model::{departure, elsewhere, misnamed, preprocessing, recorded_name};
pub use note::{ConvertNote, Place, ReplacedHead};
pub use published::Published;
pub use replacement::{Replacement, Reset};
pub use weights::{Seed, Weights};
pub use wishes::{Network, Wishes};
