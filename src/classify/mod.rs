//! Classifies pictures: opens a file with its preprocessing, head activation and labels, runs it, and ranks classes by
//! probability.
//!
//! Works for every file that `emit` wrote for a published network, and for any other whose metadata has the same record of
//! preprocessing ([`crate::metadata::PREPROCESSING_KEY`]). A [`Host`](crate::runtime::process::Host) says whether the
//! runtime runs in this process or in a worker.
//!
//! A picture, classified by a small network with random weights:
//!
//! ```
//! use efficientnet_onnx::classify::{Classifier, ClassifyOptions};
//! use efficientnet_onnx::convert::{Conversion, Network, Seed, Weights, Wishes};
//! use efficientnet_onnx::emit::{Destination, Emitted};
//! use efficientnet_onnx::request::Extent;
//! use efficientnet_onnx::runtime::discover::Places;
//! use efficientnet_onnx::runtime::process::Host;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("lite0.onnx");
//! let wishes = Wishes {
//!     network: Network::published("lite0"),
//!     size: Some([Extent::Fixed(32); 2]),
//!     ..Wishes::default()
//! };
//! let conversion = Conversion::new(Weights::Seed(Seed::default()), wishes)?;
//! let recipe = conversion.recipe(None)?;
//! let destination = Destination::new_file(path.clone());
//! if let Emitted::Staged(model) = conversion.write(&recipe, destination, &())? {
//!     model.commit()?;
//! }
//!
//! let classifier = Classifier::open(&path)?;
//! let host = Host::in_this_process(Places::default());
//! let pictures = ["tests/fixtures/pictures/cmyk.jpg"];
//! let found = classifier.classify(&pictures, &ClassifyOptions::default(), &host, &mut |note| println!("{note:?}"))?;
//! for ranked in &found.pictures[0].top {
//!     println!("{:.4} {}", ranked.probability, ranked.name.as_deref().unwrap_or("?"));
//! }
//! # assert_eq!(found.failure, None);
//! # let top = &found.pictures[0].top;
//! # assert!(top.len() == 5 && top.is_sorted_by(|one, other| one.probability >= other.probability));
//! # Ok(())
//! # }
//! ```

mod accuracy;
mod classifier;
mod error;
mod figure;
mod labelled;
mod lines;
mod map;
mod named;
mod probability;
mod ranked;
mod run;
mod told;

pub use accuracy::{Accuracy, AccuracyError, Score};
pub use classifier::Classifier;
pub use error::{ClassifierError, NoPreprocessing, OutputsError, ToldPart, Unfit};
pub use figure::figure;
pub use labelled::{LABELS_FILE, LabelledError, LabelledPicture};
pub use map::{ClassMap, MappedClass, MapsError};
pub use named::ClassError;
pub use ranked::RankedClass;
pub use run::{Classification, ClassifiedPicture, ClassifyFailure, ClassifyNote, ClassifyOptions};
pub use told::{Told, ToldActivation};
