//! Places islands of f32 in a form of half precision where an audit of the same graph in f32 asks for them.

use super::{Conversion, ConvertError};
use crate::emit::{Destination, Emitted, Observer};
use crate::files::TemporaryFolder;
use crate::files::foreign::said;
use crate::form::{Form, Islands, usual_islands};
use crate::onnx::file::ModelFile;
use crate::onnx::proto::{NodeProto, ValueInfoProto};
use crate::tensor::{Element, Progress};
use crate::verify::range::{Island, IslandRules, RangeReport, ValueRange, islands};
use crate::verify::session::{PictureSample, RangeOptions, SessionError, Tell, Verifier};
use crate::weights::finite::Unsound;
use std::collections::BTreeSet;

/// Islands that were placed, and the audit that asked for them.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedIslands {
    /// The audit of the graph in f32.
    pub report: RangeReport,
    /// Nodes that the audit makes islands, with the reasons.
    pub audited: Vec<Island>,
    /// How many nodes are islands by default, with or without the audit.
    pub usual: usize,
    /// Inputs and outputs of the graph that the audit found too large for the half precision that they have all the same.
    pub too_large: Vec<String>,
}

/// Why no islands are placed.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The form is not of half precision.
    #[error("islands are for files of f16 and bf16, found {0}")]
    Precision(Element),
    /// The form in f32 cannot be written.
    #[error(transparent)]
    Convert(#[from] Box<ConvertError>),
    /// The form in f32 cannot be audited.
    #[error(transparent)]
    Audit(#[from] Box<SessionError>),
    /// Temporary files cannot be written.
    #[error("cannot write to the folder for temporary files: {text}", text = said(.0))]
    TemporaryFiles(std::io::Error),
}

/// An observer that is only asked whether to go on.
struct Quiet<'a>(&'a dyn Observer);

impl Progress for Quiet<'_> {
    fn advance(&self, _bytes: u64) {}

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

impl Observer for Quiet<'_> {
    fn accepts(&self, found: &Unsound) -> bool {
        self.0.accepts(found)
    }
}

impl Conversion {
    /// Writes the same graph in f32 into a temporary folder, audits it on pictures, and makes islands of the nodes that the
    /// audit names, beside those that are islands by default. Where it names none, the form stays as it is.
    ///
    /// # Errors
    /// If the form is not of half precision, or its graph in f32 cannot be written or audited.
    pub fn place_islands(
        &mut self,
        verifier: &Verifier,
        pictures: PictureSample,
        observer: &dyn Observer,
        tell: &mut Tell<'_>,
    ) -> Result<PlacedIslands, PlaceError> {
        let asked = self.request.form.clone();
        if !matches!(asked.element, Element::F16 | Element::Bf16) {
            return Err(PlaceError::Precision(asked.element));
        }
        self.request.form = Form {
            element: Element::F32,
            // So its nodes are those of the form that is asked for.
            head: Some(asked.head()),
            keeps_io: false,
            islands: Islands::Auto,
            ..asked.clone()
        };
        let options = RangeOptions {
            pictures: Some(pictures),
            each_value: vec![asked.element],
        };
        let placed = self.audit(verifier, &options, &asked, observer, tell);
        self.request.form = asked;
        let (placed, names) = placed?;
        if !placed.audited.is_empty() {
            self.request.form.islands = Islands::Nodes(names);
        }
        Ok(placed)
    }

    /// Audits the graph as it is, for the form that is asked for: what is found, and the names of all islands in the order of
    /// the graph.
    fn audit(
        &self,
        verifier: &Verifier,
        options: &RangeOptions,
        asked: &Form,
        observer: &dyn Observer,
        tell: &mut Tell<'_>,
    ) -> Result<(PlacedIslands, Vec<String>), PlaceError> {
        let folder = TemporaryFolder::new().map_err(PlaceError::TemporaryFiles)?;
        let path = folder.path().join("audited.onnx");
        let recipe = self.recipe(None).map_err(Box::new)?;
        let destination = Destination::new_file(path.clone());
        let written = self.write(&recipe, destination, &Quiet(observer));
        if let Emitted::Staged(staged) = written.map_err(Box::new)? {
            let committed = staged.commit().map_err(ConvertError::Emit);
            committed.map_err(Box::new)?;
        }
        let report = verifier.range(&path, options, tell).map_err(Box::new)?;
        let model = ModelFile::open(&path).map_err(|error| Box::new(SessionError::from(error)))?;
        let nodes = &model.contents.nodes;
        let audited = islands(nodes, &report, &IslandRules::new(asked.element));
        let graph = self.request.graph().map_err(ConvertError::Request);
        let usual = usual_islands(&graph.map_err(Box::new)?);
        let of_audit = audited.iter().map(|island| island.node.as_str());
        let all: BTreeSet<&str> = of_audit.chain(usual.iter().map(String::as_str)).collect();
        let names = nodes.iter().map(NodeProto::name);
        let names = names.filter(|name| all.contains(name));
        let names = names.map(str::to_owned).collect();
        let ends = model.contents.inputs.iter().chain(&model.contents.outputs);
        let ends: BTreeSet<&str> = ends.map(ValueInfoProto::name).collect();
        let is_too_large = |one: &&ValueRange| {
            let is_half = ends.contains(one.value.as_str()) && !asked.keeps_io;
            is_half && !one.magnitudes.fits(asked.element)
        };
        let too_large = report.values.iter().filter(is_too_large);
        let placed = PlacedIslands {
            audited,
            usual: usual.len(),
            too_large: too_large.map(|one| one.value.clone()).collect(),
            report,
        };
        Ok((placed, names))
    }
}
