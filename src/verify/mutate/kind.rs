//! The kinds of mistake that can be put into a file: their names, and what each one does.

use std::fmt;

macro_rules! kinds {
    ($($kind:ident $name:literal $what:literal,)*) => {
        /// A kind of mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = $what] $kind,)*
        }

        impl Kind {
            /// Every kind, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its name in reports, which is stable.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// What it does, in words.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self { $(Self::$kind => $what,)* }
            }
        }
    };
}

kinds! {
    PadsMoved "pads-moved" "asymmetric zeros of a convolution are moved from the end to the beginning",
    PadsShifted "pads-shifted" "symmetric zeros of a convolution are shifted by one position",
    Dilated "dilated" "the window of a convolution is dilated to twice its reach",
    DepthwiseRotated "depthwise-rotated" "the channels of a depthwise weight are off by one",
    EpsilonChanged "epsilon-changed" "every batch norm has the other customary epsilon: 1e-5 for 1e-3, or 1e-3",
    BatchNormsSwapped "batch-norms-swapped" "two batch norms of one width exchange their parameters",
    ScaleNegated "scale-negated" "the scale of a batch norm has the other sign",
    ScaleBiasSwapped "scale-bias-swapped" "scale and bias of a batch norm are exchanged",
    MeanVarianceSwapped "mean-variance-swapped" "mean and variance of a batch norm are exchanged",
    MeanDropped "mean-dropped" "the mean of a batch norm is zero",
    VarianceIsDeviation "variance-is-deviation" "the variance of a batch norm is its square root",
    BatchNormRotated "batch-norm-rotated" "the bias of a batch norm is off by one channel",
    WeightScaled "weight-scaled" "the weight of a convolution is 1 % larger",
    WeightZeroed "channel-zeroed" "one output channel of a convolution has weights of zero",
    ChannelsSwapped "channels-swapped" "two output channels of a convolution are exchanged",
    WeightTransposed "weight-transposed" "height and width of a convolution's window are exchanged",
    WeightFlipped "weight-flipped" "the window of a convolution is turned around, as if it were not a correlation",
    WeightLayout "weight-layout" "the weight of a 1x1 convolution is stored with input channels first",
    WeightsSwapped "weights-swapped" "two convolutions of one shape exchange their weights",
    WeightRounded "weight-rounded" "the weight of a convolution is rounded to bfloat16",
    InputReversed "input-reversed" "the first convolution takes blue, green, red",
    BiasDropped "bias-dropped" "a convolution or linear layer has no bias",
    BiasRotated "bias-rotated" "the bias of a convolution or linear layer is off by one channel",
    ResidualDropped "residual-dropped" "a sum of two branches keeps the newer one only",
    BranchDropped "branch-dropped" "a sum of two branches keeps the older one only",
    ResidualDoubled "residual-doubled" "a sum of two branches takes the older one twice",
    ResidualEarlier "residual-earlier" "a residual comes from one block earlier",
    ActivationDropped "activation-dropped" "an activation passes on what it is given",
    ActivationRelu "activation-relu" "a swish is a ReLU",
    SigmoidHard "sigmoid-hard" "the sigmoid of a swish is a hard sigmoid",
    SigmoidTanh "sigmoid-tanh" "the sigmoid of a gate is a hyperbolic tangent",
    ClipLower "clip-lower" "the upper bound of a clip is five sixths of what it was",
    ClipWithoutMaximum "clip-without-maximum" "a clip has no upper bound",
    ClipWithoutMinimum "clip-without-minimum" "a clip has no lower bound",
    GateDropped "gate-dropped" "a gate is not applied",
    GateElsewhere "gate-elsewhere" "a gate comes from another block",
    SqueezeOneAxis "squeeze-one-axis" "the mean before a gate is over one axis only",
    MeanMaximum "mean-maximum" "a mean is a maximum",
    ClassesRotated "classes-rotated" "the rows of the last linear layer are off by one",
    LinearLayout "linear-layout" "the weight of the last linear layer is stored transposed",
    SoftmaxAxis "softmax-axis" "a softmax runs along the batch",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
