//! What is read and printed, and what is refused.

use super::*;

fn read(text: &str) -> HeadSketch {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn what_is_printed_is_read_back() {
    // Each text as it is printed.
    for text in [
        "linear",
        "average",
        "max,linear",
        "avgmax,linear-no-bias",
        "catavgmax,bn,linear:512,relu,bn:0.001,linear",
        "catmaxavg,bn,linear-no-bias:512,relu,bn,linear-no-bias",
        "gem:3,ln:1e-6,linear",
        "gem:2.5:1e-4,linear:64,normalize",
        "relu,relu6,swish,sigmoid,tanh,gelu,elu,hard-swish,leaky-relu,leaky-relu:0.2,linear",
    ] {
        let sketch = read(text);
        assert_eq!(sketch.to_string(), text);
        let wide = sketch.complete(7);
        if let Ok(chain) = wide {
            let again = read(&chain.to_string());
            assert_eq!(again.complete(7), Ok(chain), "{text}");
        }
    }
    for (text, printed) in [
        ("average, linear", "linear"),
        ("gem,dropout:0.5,linear", "gem:3,linear"),
        (
            "gem:3:0.000001,bn:1e-5,dropout,linear:8",
            "gem:3,bn,linear:8",
        ),
    ] {
        assert_eq!(read(text).to_string(), printed);
    }
}

#[test]
fn a_chain_has_every_number() {
    let linear = |features, bias| HeadLayer::Linear { features, bias };
    let chain = read("gem,linear-no-bias:64,bn,linear").complete(5);
    let expected = HeadChain {
        pool: HeadPool::GeneralizedMean {
            power: 3.0,
            epsilon: 1e-6,
        },
        layers: vec![
            linear(64, false),
            HeadLayer::BatchNorm { epsilon: 1e-5 },
            linear(5, true),
        ],
    };
    assert_eq!(chain, Ok(expected.clone()));
    assert_eq!(
        (expected.classes(), expected.linear_weights(10)),
        (Some(5), 640 + 320)
    );
    assert_eq!(read("average,linear").complete(9), Ok(HeadChain::usual(9)));
    let embedding = read("linear:64,normalize").complete(5).expect("a chain");
    assert_eq!(embedding.classes(), None);
}

#[test]
fn what_is_no_head_is_refused() {
    for (text, message) in [
        ("", "`` is not a layer"),
        ("linear,,relu", "`` is not a layer"),
        (
            "conv,linear",
            "`conv` is not a layer of a head; available: `linear[:features]`",
        ),
        ("linear,max", "pool `max` is not at the beginning"),
        ("average,gem,linear", "pool `gem` is not at the beginning"),
        (
            "linear:0",
            "`linear:0`: expected a number of features from 1 to 16777216, found `0`",
        ),
        ("linear:-1", "found `-1`"),
        ("linear:1:2", "expected at most one number, found `2`"),
        ("relu:1", "`relu:1`: expected no number, found `1`"),
        ("bn:0", "expected an epsilon above 0 and below 1, found `0`"),
        ("ln:nan", "found `nan`"),
        (
            "gem:0,linear",
            "expected an exponent above 0 and at most 100, found `0`",
        ),
        ("gem:3:1e-6:1,linear", "expected at most two numbers"),
        (
            "leaky-relu:inf",
            "expected a slope from 0 to 1, found `inf`",
        ),
        ("dropout:2", "expected a rate from 0 to 1"),
    ] {
        let error = text.parse::<HeadSketch>().expect_err(text).to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
    let long = ["relu"; 65].join(",");
    let error = long.parse::<HeadSketch>().expect_err("long").to_string();
    assert_eq!(error, "the head has 65 layers, expected at most 64");
    let error = read("linear,relu,linear")
        .complete(5)
        .expect_err("no features");
    assert_eq!(error, HeadTextError::NoFeatures { index: 0 });
}
