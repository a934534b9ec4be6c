//! The table: what is known, of which release, from where.

use super::Outcome::{Caution, Refuses, Wrong};
use super::Trigger::{
    Always, AutoPad, AutoPadOfAnySize, AutoPadOfFixedSize, AxesOperand, Bfloat16, ComputedPads,
    Domain, External, FirstSwish, ForeignDomain, Functions, Half, HalfGemm, IrAfter, LateSwish,
    Operator, OpsetAfter, PadMode, Quantised, QuantisedBefore,
};
use super::{Outcome, Rule, Trigger};

/// Layouts and fused operators that ONNX Runtime writes into files that it has optimised.
const BLOCKED: &str = "com.microsoft.nchwc";
const NOT_PORTABLE: &str = "microsoft/onnxruntime issues 15129 and 23119";

const fn rule(
    target: &'static str,
    trigger: Trigger,
    outcome: Outcome,
    says: &'static str,
    source: &'static str,
) -> Rule {
    Rule {
        target,
        trigger,
        outcome,
        says,
        source,
    }
}

const BURN: &str = "a run of burn-onnx 0.22.0";
const CANDLE: &str = "a run of candle-onnx 0.11.1";
const IREE: &str = "a run of IREE 3.13.0";
const MNN: &str = "a run of MNN 3.6.1";
const NCNN: &str = "a run of pnnx 20261020 and ncnn 1.0.20261020";
const REFERENCE: &str = "a run of onnx 1.23.2";
const TORCH: &str = "a run of onnx2torch 1.5.15";
const ORT: &str = "a run of ONNX Runtime 1.32.0";
const WEB: &str = "a run of onnxruntime-web 1.30.0";
const OPENCV: &str = "a run of OpenCV 5.0.0";
const RTEN: &str = "a run of rten 0.27.0";
const TFLITE: &str = "a run of onnx2tf 1.29.24";
const TRACT: &str = "a run of tract-onnx 0.23.9";
const TVM: &str = "a run of TVM 0.27.0";

/// Everything that is known.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule("burn", ForeignDomain, Refuses, "needs a hook for operators of other domains", BURN),
    rule("burn", AutoPadOfFixedSize, Wrong, "takes the shapes after `auto_pad` from `pads`, which are zero, where height and width are fixed; with one of them fixed it was not tried", BURN),
    rule("burn", Quantised, Refuses, "does not take 8-bit constants", BURN),
    rule("candle", Operator("GlobalAveragePool"), Refuses, "does not have GlobalAveragePool", CANDLE),
    rule("candle", Operator("Swish"), Refuses, "does not have Swish", CANDLE),
    rule("candle", ForeignDomain, Refuses, "does not have operators of other domains", CANDLE),
    rule("candle", AxesOperand, Wrong, "ignores the axes of ReduceMean where they are an operand, and reduces all", CANDLE),
    rule("candle", AutoPad, Refuses, "does not take `auto_pad`", CANDLE),
    rule("candle", PadMode, Refuses, "does not take a Pad that spells out its mode", CANDLE),
    rule("candle", External, Refuses, "finds external data empty", CANDLE),
    rule("candle", Bfloat16, Refuses, "does not take bfloat16 constants", CANDLE),
    rule("candle", HalfGemm, Refuses, "multiplies the halves of a Gemm with singles", CANDLE),
    rule("candle", Quantised, Refuses, "does not take 8-bit constants", CANDLE),
    rule("coreml", Always, Refuses, "reads no ONNX since coremltools 6; ONNX Runtime has an execution provider for Core ML", "apple/coremltools issue 1864"),
    rule("iree", Operator("Swish"), Refuses, "does not have Swish", IREE),
    rule("iree", ForeignDomain, Refuses, "does not have operators of other domains", IREE),
    rule("mnn", Operator("Swish"), Refuses, "does not have Swish", MNN),
    rule("mnn", ForeignDomain, Refuses, "does not have operators of other domains", MNN),
    rule("mnn", Bfloat16, Refuses, "converts bfloat16 and then cannot run it", MNN),
    rule("mnn", Quantised, Refuses, "converts quantised convolutions and then aborts", MNN),
    rule("ncnn", ForeignDomain, Refuses, "crashes on operators of other domains", NCNN),
    rule("ncnn", Half, Refuses, "does not take half precision in the file; it stores halves itself", NCNN),
    rule("ncnn", Bfloat16, Refuses, "crashes on bfloat16", NCNN),
    rule("ncnn", Quantised, Refuses, "does not have QuantizeLinear", NCNN),
    rule("ncnn", IrAfter(13), Refuses, "crashes on IR versions after 13", NCNN),
    rule("onnx-reference", ForeignDomain, Refuses, "does not have operators of other domains", REFERENCE),
    rule("onnx-reference", QuantisedBefore(19), Refuses, "has DequantizeLinear from opset 19 on", REFERENCE),
    rule("onnx2torch", OpsetAfter(20), Refuses, "has operators up to opset 20", TORCH),
    rule("onnx2torch", AutoPad, Refuses, "does not take `auto_pad`", TORCH),
    rule("onnx2torch", AxesOperand, Refuses, "does not have ReduceMean of opset 18", TORCH),
    rule("onnx2torch", Quantised, Refuses, "does not have DequantizeLinear", TORCH),
    rule("onnx2torch", Bfloat16, Refuses, "does not take bfloat16", TORCH),
    rule("onnx2torch", ForeignDomain, Refuses, "does not have operators of other domains", TORCH),
    rule("onnxruntime", FirstSwish, Caution, "runs Swish as Sigmoid and Mul that it does not fuse, so that the file is slower", ORT),
    rule("onnxruntime", LateSwish, Refuses, "has Swish in opset 24 alone", "runs of ONNX Runtime 1.24 to 1.32"),
    rule("onnxruntime", Bfloat16, Refuses, "has no bfloat16 convolution on the CPU", ORT),
    rule("onnxruntime", IrAfter(14), Refuses, "takes IR versions up to 14", ORT),
    rule("onnxruntime", IrAfter(13), Caution, "takes IR version 14 from 1.32 on", "runs of ONNX Runtime 1.24 to 1.32"),
    rule("onnxruntime", Domain(BLOCKED), Caution, "takes blocked layouts only on the kind of CPU that they were made on", NOT_PORTABLE),
    rule("onnxruntime-web", IrAfter(13), Refuses, "takes IR versions up to 13", WEB),
    rule("onnxruntime-web", Bfloat16, Refuses, "has no bfloat16 convolution", WEB),
    rule("onnxruntime-web", LateSwish, Refuses, "has Swish in opset 24 alone", "runs of ONNX Runtime 1.24 to 1.32"),
    rule("onnxruntime-web", Domain(BLOCKED), Refuses, "does not have the blocked layouts of other CPUs", NOT_PORTABLE),
    rule("opencv", AutoPad, Wrong, "computes SAME_UPPER as SAME_LOWER at stride 2 and even sizes", OPENCV),
    rule("opencv", ForeignDomain, Refuses, "does not have operators of other domains", OPENCV),
    rule("opencv", Bfloat16, Refuses, "does not take bfloat16", OPENCV),
    rule("opencv", Quantised, Refuses, "fails on quantised files in its default engine", OPENCV),
    rule("openvino", Domain(BLOCKED), Refuses, "does not have ONNX Runtime's blocked layouts", NOT_PORTABLE),
    rule("rten", Bfloat16, Refuses, "does not take bfloat16", RTEN),
    rule("rten", Domain(BLOCKED), Refuses, "does not have ONNX Runtime's blocked layouts", NOT_PORTABLE),
    rule("tensorrt", ComputedPads, Refuses, "does not take a Pad whose pads are no constants", "lukemelas/EfficientNet-PyTorch issues 296 and 302"),
    rule("tensorrt", Domain(BLOCKED), Refuses, "does not have ONNX Runtime's blocked layouts", NOT_PORTABLE),
    rule("tflite", Operator("Swish"), Refuses, "has no conversion of Swish", TFLITE),
    rule("tflite", ForeignDomain, Refuses, "has no conversion of operators of other domains", TFLITE),
    rule("tflite", Bfloat16, Refuses, "does not take bfloat16", TFLITE),
    rule("tflite", Quantised, Wrong, "converts quantised files to something else", TFLITE),
    rule("tract", Bfloat16, Refuses, "does not take bfloat16", TRACT),
    rule("tract", HalfGemm, Refuses, "makes singles of a Gemm of halves and then misses them; MatMul and Add pass", TRACT),
    rule("tract", Functions, Refuses, "does not look into functions", TRACT),
    rule("tract", Domain(BLOCKED), Refuses, "ignores domains, and has not these layouts", TRACT),
    rule("tvm", Operator("Swish"), Refuses, "does not have Swish", TVM),
    rule("tvm", ForeignDomain, Refuses, "does not have operators of other domains", TVM),
    rule("tvm", AutoPadOfAnySize, Refuses, "cannot compute `auto_pad` of a symbolic size", TVM),
];
