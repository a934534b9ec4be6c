//! What a caller asks for: which network, and what of it is not to be as the checkpoint or the baseline has it.

use super::error::ConvertError;
use crate::architecture::{HeadSketch, Variant};
use crate::form::Form;
use crate::graph::Padding;
use crate::like::Like;
use crate::metadata::Thresholds;
use crate::network::{ClassActivation, Output};
use crate::request::{Blueprint, Extent, Request};
use crate::weights::names::conventions::Known;

/// What is asked for. Whatever is `None` is as the checkpoint tells it, else as the network's baseline has it.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Which network; none only with a checkpoint that tells.
    pub network: Option<Network>,
    /// Height and width of the input.
    pub size: Option<[Extent; 2]>,
    /// Padding of convolutions.
    pub padding: Option<Padding>,
    /// Epsilon of batch norms, above 0 and below 1.
    pub batch_norm_epsilon: Option<f64>,
    /// Number of classes.
    pub classes: Option<u64>,
    /// The pool and the layers after it.
    pub head: Option<HeadSketch>,
    /// Channels of the input.
    pub in_channels: Option<u64>,
    /// Images at once; none is symbolic.
    pub batch: Option<u64>,
    /// Results, in order. By default the logits, or the embedding of a head that has no classes.
    pub outputs: Option<Vec<Output>>,
    /// What turns logits into probabilities. By default the checkpoint's, else a softmax, but a sigmoid for one class.
    pub activation: Option<ClassActivation>,
    /// From which probability on a picture is of a class; only of a sigmoid. By default the checkpoint's, if it has any.
    pub thresholds: Option<Thresholds>,
    /// How the graph is spelled. By default batch norms are folded, at opset 17.
    pub form: Form,
    /// Whether the graph itself normalises its input, pixels from 0 to 255, as pictures are prepared for the network. A graph
    /// that takes bytes always does. The form's own numbers are replaced.
    pub normalize: bool,
    /// Names of the classes, one each. By default those that the checkpoint carries.
    pub labels: Option<Vec<String>>,
}

/// A network that is asked for.
#[derive(Clone, Debug)]
pub enum Network {
    /// A baseline and its scale, or a design of one's own.
    Blueprint(Blueprint),
    /// Just a library's model, with all that sets it apart.
    Like(Box<Like>),
}

impl Network {
    /// The published model of a name, such as `b0`; none if there is none.
    #[must_use]
    pub fn published(name: &str) -> Option<Self> {
        Variant::by_name(name).map(|variant| Self::Blueprint(Blueprint::published(variant)))
    }
}

impl Wishes {
    /// The request of the wishes alone, without a checkpoint.
    ///
    /// # Errors
    /// If no network is asked for, or a layer of the head lacks its number of features.
    pub fn request(&self) -> Result<Request, ConvertError> {
        let request = match &self.network {
            Some(Network::Like(like)) => like.request(),
            Some(Network::Blueprint(blueprint)) => Request::new(blueprint.clone()),
            None => return Err(ConvertError::NoNetwork),
        };
        let mut request = self.over(request);
        if let Some(head) = &self.head {
            request.head = Some(head.complete(request.options.classes)?);
            request.outputs = vec![request.whole()];
        }
        Ok(request)
    }

    /// The library's model that is asked for.
    #[must_use]
    pub fn like(&self) -> Option<&Like> {
        match &self.network {
            Some(Network::Like(like)) => Some(like),
            _ => None,
        }
    }

    /// A request with these wishes in place of its own.
    pub(super) fn over(&self, mut request: Request) -> Request {
        request.size = self.size.unwrap_or(request.size);
        let options = &mut request.options;
        options.padding = self.padding.unwrap_or(options.padding);
        options.batch_norm_epsilon = self
            .batch_norm_epsilon
            .unwrap_or(options.batch_norm_epsilon);
        options.classes = self.classes.unwrap_or(options.classes);
        options.in_channels = self.in_channels.unwrap_or(options.in_channels);
        request
    }

    /// What of padding and epsilon is asked for.
    pub(super) fn conventions(&self) -> Known {
        Known {
            padding: self.padding,
            batch_norm_epsilon: self.batch_norm_epsilon,
        }
    }
}
