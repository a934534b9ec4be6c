//! What the classes of a pickled module compute in inference: the one place that knows their names.
//!
//! A class is known by its package and its own name. A class of another package is never taken for one of these, whatever it is
//! called.

use crate::architecture::HeadPool;
use crate::graph::Activation;

/// What a class of module is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// A whole network.
    Network,
    /// Runs its parts as a block of a network does, one after the other.
    Block,
    /// Parts in a row, without more.
    Sequence,
    /// A list of parts.
    List,
    /// Convolution, batch norm and perhaps an activation in a row (torchvision).
    ConvNorm,
    /// Squeeze-and-excitation.
    Squeeze,
    /// A convolution.
    Conv(Border),
    /// A batch norm, perhaps with an activation of its own.
    Norm,
    /// An activation that networks here can have.
    Activation(Activation),
    /// Softmax.
    Softmax,
    /// The logarithm of softmax.
    LogSoftmax,
    /// A linear layer.
    Linear,
    /// Batch normalisation of a vector's elements.
    VectorNorm,
    /// Normalisation over a vector's elements.
    LayerNorm,
    /// The maximum over windows.
    MaxPool,
    /// The identity in inference, such as dropout.
    Inert,
    /// Dimensions of 1 become one.
    Flatten,
    /// A pool over height and width, if its output size is 1.
    Pool(HeadPool),
    /// A pool with a choice of its own (timm).
    ChosenPool,
    /// A generalised mean, by what the class is called.
    PowerPool,
    /// A wrapper that uses a network up to its last feature maps (fastai).
    Features,
    /// A wrapper that only calls what it wraps.
    Wrapper,
    /// A loss or a metric, which training alone computes.
    Loss,
    /// Anything else.
    Unknown,
}

/// Where a convolution keeps how it pads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Border {
    /// Its attribute `padding`.
    Own,
    /// TensorFlow's rule, computed at every call.
    Same,
    /// A module `static_padding`, before what `padding` says.
    Static,
    /// TensorFlow's rule if `dynamic_padding` is true, else its attribute `padding`.
    Flagged,
}

const INERT: [&str; 10] = [
    "Identity",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "AlphaDropout",
    "FeatureAlphaDropout",
    "DropPath",
    "DropBlock2d",
    "StochasticDepth",
];
const NORMS: [&str; 6] = [
    "BatchNorm2d",
    "SyncBatchNorm",
    "BatchNormAct2d",
    "SyncBatchNormAct",
    "FrozenBatchNormAct2d",
    "FrozenBatchNorm2d",
];
const WRAPPERS: [&str; 13] = [
    "torch.nn.parallel.data_parallel.DataParallel",
    "torch.nn.parallel.distributed.DistributedDataParallel",
    "torch.distributed.fsdp.fully_sharded_data_parallel.FullyShardedDataParallel",
    "torch.distributed.algorithms._checkpoint.checkpoint_wrapper.CheckpointWrapper",
    "torch._dynamo.eval_frame.OptimizedModule",
    "torch.optim.swa_utils.AveragedModel",
    "timm.utils.model_ema.ModelEma",
    "timm.utils.model_ema.ModelEmaV2",
    "timm.utils.model_ema.ModelEmaV3",
    "torch_ema.ExponentialMovingAverage",
    "apex.parallel.distributed.DistributedDataParallel",
    "lightning.fabric.wrappers._FabricModule",
    "lightning_fabric.wrappers._FabricModule",
];
/// What classes of generalised means are called, in whatever package.
const POWER_POOLS: [&str; 5] = [
    "GeM",
    "GeMPool",
    "GeM2d",
    "GeneralizedMeanPooling",
    "GeneralizedMeanPoolingP",
];
/// Packages of efficientnet_pytorch and its Lite port.
const LUKEMELAS: [&str; 2] = ["efficientnet_pytorch", "efficientnet_lite_pytorch"];

/// The kind of a class: `torch.nn.modules.conv.Conv2d`.
pub(super) fn kind(class: &str) -> Kind {
    let package = class.split('.').next().unwrap_or_default();
    let name = class.rsplit('.').next().unwrap_or_default();
    if WRAPPERS.contains(&class) {
        return Kind::Wrapper;
    }
    let found = match package {
        "torch" => torch(class, name),
        "torchvision" => torchvision(name),
        "timm" | "geffnet" => timm(name),
        "fastai" => fastai(name),
        "torchmetrics" => Some(Kind::Loss),
        _ if LUKEMELAS.contains(&package) => lukemelas(name),
        _ => None,
    };
    let own = || POWER_POOLS.contains(&name).then_some(Kind::PowerPool);
    found.or_else(own).unwrap_or(Kind::Unknown)
}

fn torch(class: &str, name: &str) -> Option<Kind> {
    if class.starts_with("torch.nn.modules.loss.") {
        return Some(Kind::Loss);
    }
    if !class.starts_with("torch.nn.modules.") {
        return None;
    }
    Some(match name {
        "Conv2d" => Kind::Conv(Border::Own),
        "SiLU" => Kind::Activation(Activation::Swish),
        "ReLU" => Kind::Activation(Activation::Relu),
        "ReLU6" => Kind::Activation(Activation::Relu6),
        "Sigmoid" => Kind::Activation(Activation::Sigmoid),
        "Softmax" => Kind::Softmax,
        "LogSoftmax" => Kind::LogSoftmax,
        "Linear" => Kind::Linear,
        "BatchNorm1d" => Kind::VectorNorm,
        "LayerNorm" => Kind::LayerNorm,
        "Flatten" => Kind::Flatten,
        "AdaptiveAvgPool2d" => Kind::Pool(HeadPool::Average),
        "AdaptiveMaxPool2d" => Kind::Pool(HeadPool::Max),
        "MaxPool2d" => Kind::MaxPool,
        "Sequential" => Kind::Sequence,
        "ModuleList" => Kind::List,
        _ => return shared(name),
    })
}

/// Names that mean the same in every package here.
fn shared(name: &str) -> Option<Kind> {
    if INERT.contains(&name) {
        Some(Kind::Inert)
    } else if NORMS.contains(&name) {
        Some(Kind::Norm)
    } else {
        None
    }
}

fn torchvision(name: &str) -> Option<Kind> {
    Some(match name {
        "EfficientNet" | "MobileNetV2" | "ResNet" => Kind::Network,
        "MBConv" | "FusedMBConv" | "InvertedResidual" | "Bottleneck" => Kind::Block,
        "Conv2dNormActivation" | "ConvNormActivation" | "ConvBNActivation" | "ConvBNReLU" => {
            Kind::ConvNorm
        }
        "SqueezeExcitation" => Kind::Squeeze,
        _ => return shared(name),
    })
}

fn timm(name: &str) -> Option<Kind> {
    Some(match name {
        "EfficientNet" | "GenEfficientNet" | "ResNet" => Kind::Network,
        "ConvBnAct"
        | "Bottleneck"
        | "DepthwiseSeparableConv"
        | "InvertedResidual"
        | "EdgeResidual"
        | "CondConvResidual" => Kind::Block,
        "SqueezeExcite" => Kind::Squeeze,
        "Conv2dSame" | "Conv2dSameExport" => Kind::Conv(Border::Same),
        "CondConv2d" => Kind::Conv(Border::Flagged),
        "Swish" | "SwishMe" | "SwishJit" | "SwishJitMe" => Kind::Activation(Activation::Swish),
        "Sigmoid" => Kind::Activation(Activation::Sigmoid),
        "Linear" => Kind::Linear,
        "SelectAdaptivePool2d" => Kind::ChosenPool,
        "FastAdaptiveAvgPool" | "FastAdaptiveAvgPool2d" | "FastGlobalAvgPool2d" => {
            Kind::Pool(HeadPool::Average)
        }
        "FastAdaptiveMaxPool" => Kind::Pool(HeadPool::Max),
        "AdaptiveAvgMaxPool2d" | "FastAdaptiveAvgMaxPool" => {
            Kind::Pool(HeadPool::HalfAverageHalfMax)
        }
        "AdaptiveCatAvgMaxPool2d" | "FastAdaptiveCatAvgMaxPool" => {
            Kind::Pool(HeadPool::AverageThenMax)
        }
        _ => return shared(name),
    })
}

/// fastai `layers.py` and `vision/learner.py`.
fn fastai(name: &str) -> Option<Kind> {
    Some(match name {
        "AdaptiveConcatPool2d" => Kind::Pool(HeadPool::MaxThenAverage),
        "Flatten" => Kind::Flatten,
        "LinBnDrop" => Kind::Sequence,
        "TimmBody" => Kind::Features,
        _ => return None,
    })
}

fn lukemelas(name: &str) -> Option<Kind> {
    Some(match name {
        "EfficientNet" => Kind::Network,
        "MBConvBlock" => Kind::Block,
        "Conv2dStaticSamePadding" => Kind::Conv(Border::Static),
        "Conv2dDynamicSamePadding" | "Conv2dSamePadding" => Kind::Conv(Border::Same),
        "MemoryEfficientSwish" | "Swish" => Kind::Activation(Activation::Swish),
        _ => return shared(name),
    })
}
