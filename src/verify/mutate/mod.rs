//! Planted mistakes: copies of a model with one mistake each, of the sort that exporters and converters make, and whether
//! verification catches them.
//!
//! A [`Kind`] finds its sites in a graph by operators and wiring alone, whatever program wrote the file; each site is a
//! list of edits, and a mutant is the model with the edits of one site. Every mutant computes outputs of the same shapes.
//! Graphs within nodes and functions of the model are left alone.
//!
//! The file is decoded as a whole, so it must be smaller than 2 GiB, which protobuf demands anyway. Elements of tensors
//! are shared with it, and those in other files stay there.

mod batch_norm;
mod convolution;
mod edit;
mod kind;
mod self_test;
mod tensor;
mod view;
mod wiring;

use crate::files::foreign::Foreign;
pub use edit::Edit;
pub use kind::Kind;
pub use self_test::{
    Seen, SelfTest, SelfTestError, SelfTestSettings, Trial, TrialVerdict, self_test,
};
pub use tensor::TensorChange;

use crate::onnx::checksums;
use crate::onnx::file::{CopyError, FileError, ModelCopy, ModelFile};
use crate::onnx::proto::ModelProto;
use view::View;

/// Why there is no mutant.
#[derive(Debug, thiserror::Error)]
pub enum MutateError {
    /// The original cannot be decoded as a whole.
    #[error(transparent)]
    File(#[from] FileError),
    /// The copy cannot be written.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A tensor that is to be changed cannot be read.
    #[error("initializer `{name}`: {reason}", name = name.shown(), reason = reason.shown())]
    Tensor {
        /// The initializer.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// One mistake at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutation {
    /// The kind of mistake; none if there is none.
    pub kind: Option<Kind>,
    /// The node at which it is, by name or by its output.
    pub site: String,
    /// What is changed.
    pub edits: Vec<Edit>,
}

impl Mutation {
    /// No mistake, to make a copy in the same way.
    #[must_use]
    pub fn none() -> Self {
        Self {
            kind: None,
            site: String::new(),
            edits: Vec::new(),
        }
    }

    fn new(view: &View, kind: Kind, node: usize, edits: Vec<Edit>) -> Self {
        Self {
            kind: Some(kind),
            site: view.name(node).to_owned(),
            edits,
        }
    }
}

/// A model that can be mutated.
#[derive(Debug)]
pub struct Original<'f> {
    file: &'f ModelFile,
    model: ModelProto,
}

impl<'f> Original<'f> {
    /// Decodes a file as a whole.
    ///
    /// # Errors
    /// If it cannot be read again or is no model.
    pub fn read(file: &'f ModelFile) -> Result<Self, MutateError> {
        let model = file.whole()?;
        Ok(Self { file, model })
    }

    /// The places for a kind of mistake, in the order of the graph; none if it cannot be made here.
    #[must_use]
    pub fn sites(&self, kind: Kind) -> Vec<Mutation> {
        let Some(graph) = &self.model.graph else {
            return Vec::new();
        };
        let view = View::new(graph);
        let finders = [convolution::sites, batch_norm::sites, wiring::sites];
        finders.iter().flat_map(|find| find(&view, kind)).collect()
    }

    /// The model with a mistake.
    ///
    /// # Errors
    /// If a tensor that is changed cannot be read.
    pub fn mutate(&self, mutation: &Mutation) -> Result<ModelProto, MutateError> {
        let mut model = self.model.clone();
        edit::apply(&mut model, mutation, self.file.folder())?;
        if !mutation.edits.is_empty() {
            // They are those of the original.
            model
                .metadata_props
                .retain(|entry| entry.key.as_deref() != Some(checksums::KEY));
        }
        Ok(model)
    }

    /// Writes the model with a mistake into a temporary folder.
    ///
    /// # Errors
    /// If a tensor that is changed cannot be read, or the copy cannot be written.
    pub fn write(&self, mutation: &Mutation) -> Result<ModelCopy, MutateError> {
        let model = self.mutate(mutation)?;
        Ok(ModelCopy::of(self.file, &model)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::proto::attribute_proto::AttributeType;
    use crate::onnx::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};

    fn node(op_type: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: Some(op_type.to_owned()),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            ..NodeProto::default()
        }
    }

    fn sites(nodes: Vec<NodeProto>, kind: Kind) -> Vec<Mutation> {
        let weight = TensorProto {
            name: Some("w".to_owned()),
            dims: vec![4, 4, 3, 3],
            data_type: Some(1),
            ..TensorProto::default()
        };
        let graph = GraphProto {
            node: nodes,
            initializer: vec![weight],
            ..GraphProto::default()
        };
        let view = View::new(&graph);
        let finders = [convolution::sites, batch_norm::sites, wiring::sites];
        finders.iter().flat_map(|find| find(&view, kind)).collect()
    }

    #[test]
    fn names_are_all_different_and_files_of_other_programs_have_sites() {
        let mut names: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());

        let mut automatic = node("Conv", &["x", "w"], "y");
        for (name, ints, s) in [
            ("strides", vec![2, 2], None),
            ("auto_pad", vec![], Some(b"SAME_UPPER".to_vec())),
        ] {
            let r#type = if s.is_some() {
                AttributeType::String
            } else {
                AttributeType::Ints
            };
            let attribute = AttributeProto {
                name: Some(name.to_owned()),
                r#type: Some(r#type.into()),
                ints,
                s,
                ..AttributeProto::default()
            };
            automatic.attribute.push(attribute);
        }
        let moved = sites(vec![automatic.clone()], Kind::PadsMoved);
        assert_eq!(
            (moved[0].site.as_str(), &moved[0].edits),
            ("y", &vec![Edit::Text(0, "auto_pad", "SAME_LOWER")])
        );
        // Shifting what the runtime computes for itself is no mistake that an exporter could make.
        assert!(sites(vec![automatic.clone()], Kind::PadsShifted).is_empty());
        assert!(sites(vec![automatic], Kind::Dilated).is_empty());
        assert_eq!(
            sites(
                vec![node("GlobalAveragePool", &["x"], "y")],
                Kind::MeanMaximum
            )[0]
            .edits,
            [Edit::Rename(0, "GlobalMaxPool")]
        );
    }

    #[test]
    fn what_only_looks_like_a_site_is_none() {
        let mut foreign = node("Conv", &["x", "w"], "y");
        foreign.domain = Some("com.example".to_owned());
        assert!(sites(vec![foreign], Kind::WeightScaled).is_empty());
        // A bias is no residual, and a sum of one value with itself has no older operand.
        let relu = node("Relu", &["x"], "a");
        for inputs in [["a", "w"], ["a", "x"], ["a", "a"]] {
            assert!(
                sites(
                    vec![relu.clone(), node("Add", &inputs, "y")],
                    Kind::ResidualDropped
                )
                .is_empty(),
                "{inputs:?}"
            );
        }
        // A sigmoid that others take too is not only a gate's.
        let nodes = vec![
            relu,
            node("Relu", &["a"], "b"),
            node("Sigmoid", &["b"], "s"),
            node("Mul", &["a", "s"], "y"),
        ];
        assert_eq!(sites(nodes.clone(), Kind::GateDropped).len(), 1);
        let shared = [nodes, vec![node("Neg", &["s"], "z")]].concat();
        assert!(sites(shared, Kind::GateDropped).is_empty());
    }
}
