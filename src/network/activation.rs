//! What turns logits into probabilities.

/// How a network's classes exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassActivation {
    /// Softmax over all classes: an image is of one of them.
    Softmax,
    /// A sigmoid of each logit: each class has its own probability.
    Sigmoid,
}

impl ClassActivation {
    /// Every activation, in the order in which people list them.
    pub const ALL: [Self; 2] = [Self::Softmax, Self::Sigmoid];

    /// The usual one for so many classes: softmax, but a sigmoid for one class, whose softmax is always 1.
    #[must_use]
    pub fn for_classes(classes: u64) -> Self {
        if classes == 1 {
            Self::Sigmoid
        } else {
            Self::Softmax
        }
    }

    /// As in `--activation`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// The activation called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|activation| activation.name() == name)
    }
}
