//! Numbers in place of weights, for a file whose tensors all begin at one place: a skeleton.

use super::bind::constant;
use super::random::Stream;
use crate::onnx::graph::{Graph, ValueKind};
use crate::onnx::model::SharedRange;
use crate::tensor::{SourceError, TensorInfo, TensorReader, TensorSource};

/// Deviation of the numbers that stand for weights: signals stay finite, as no layer of these networks amplifies them.
const DEVIATION: f32 = 0.02;
/// Half the width of the range around 1 of the numbers that stand for variances.
const SPREAD: f32 = 0.5;
/// The rule's name in streams of random numbers.
const RULE: &str = "skeleton";

/// Numbers drawn from a seed, and the constants of a graph.
pub(crate) struct Skeleton<'a> {
    graph: &'a Graph,
    seed: u64,
}

/// Elements of a range.
struct Drawn {
    stream: Stream,
    range: SharedRange,
}

impl<'a> Skeleton<'a> {
    /// What a skeleton of `graph` holds.
    pub(crate) fn new(graph: &'a Graph, seed: u64) -> Self {
        Self { graph, seed }
    }
}

impl TensorSource for Skeleton<'_> {
    /// None: its ranges are in no graph, and have any number of elements.
    fn tensors(&self) -> &[TensorInfo] {
        &[]
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        if let Some(range) = SharedRange::by_name(name) {
            let stream = Stream::new(self.seed, RULE, name);
            return Ok(Box::new(Drawn { stream, range }));
        }
        let mut values = self.graph.stored_values().into_iter();
        let value = values.find(|id| self.graph.value(*id).name == name);
        match value.map(|id| &self.graph.value(id).kind) {
            Some(ValueKind::Constant(elements)) => Ok(constant(elements)),
            _ => Err(SourceError::Missing(name.to_owned())),
        }
    }
}

impl TensorReader for Drawn {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        match self.range {
            SharedRange::Weights => self.stream.fill_normal(offset, out, 0.0, DEVIATION),
            SharedRange::Variances => {
                self.stream.fill_uniform(offset, out, SPREAD);
                for element in out {
                    *element += 1.0;
                }
            }
        }
        Ok(())
    }
}
