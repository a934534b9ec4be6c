//! What names stand for.

use super::*;
use crate::metadata::{Framing, Normal};
use crate::weights::names::conventions::implied;
use Padding::{Same, Static, Symmetric};
use std::collections::BTreeSet;

#[test]
fn every_library_has_all_its_names() {
    for (library, models, rows) in [
        (Library::Timm, 69, 139),
        (Library::Torchvision, 17, 24),
        (Library::Lukemelas, 15, 23),
        (Library::Transformers, 8, 8),
        (Library::Keras, 15, 15),
        (Library::TensorFlow, 30, 62),
    ] {
        let all = all();
        let own: Vec<&Like> = all.iter().filter(|like| like.library == library).collect();
        let names: BTreeSet<String> = own.iter().map(|like| like.untagged()).collect();
        assert_eq!((names.len(), own.len()), (models, rows), "{library}");
    }
}

#[test]
fn names_find_what_they_name() {
    for like in all() {
        assert_eq!(find(&like.name()).as_ref(), Ok(&like));
    }
    for (name, found) in [
        (
            "timm/tf_efficientnet_b2",
            "timm/tf_efficientnet_b2.ns_jft_in1k",
        ),
        (
            "timm/tf_efficientnet_l2",
            "timm/tf_efficientnet_l2.ns_jft_in1k_475",
        ),
        (
            "torchvision/efficientnet_b1",
            "torchvision/efficientnet_b1.IMAGENET1K_V2",
        ),
        ("timm/resnet50", "timm/resnet50.a1_in1k"),
        ("timm/wide_resnet50_2", "timm/wide_resnet50_2.racm_in1k"),
        ("torchvision/resnet50", "torchvision/resnet50.IMAGENET1K_V2"),
        ("lukemelas/efficientnet-b0", "lukemelas/efficientnet-b0"),
        (
            "lukemelas/efficientnet-b8",
            "lukemelas/efficientnet-b8.advprop",
        ),
        ("keras/EfficientNetV2S", "keras/EfficientNetV2S"),
        ("tf/efficientnet-b6", "tf/efficientnet-b6.autoaugment"),
    ] {
        assert_eq!(find(name).map(|like| like.name()).as_deref(), Ok(found));
    }
}

#[test]
fn names_of_tensors_stand_for_a_librarys_default() {
    let b1 = Variant::by_name("b1").unwrap();
    for (naming, name) in [
        (Naming::Timm, None),
        (
            Naming::Torchvision,
            Some("torchvision/efficientnet_b1.IMAGENET1K_V2"),
        ),
        (Naming::Lukemelas, Some("lukemelas/efficientnet-b1")),
        (Naming::Transformers, Some("transformers/efficientnet-b1")),
        (
            Naming::TransformersBase,
            Some("transformers/efficientnet-b1"),
        ),
        (Naming::Keras, Some("keras/EfficientNetB1")),
        (Naming::TensorFlow, Some("tf/efficientnet-b1.baseline")),
    ] {
        let found = named_so(naming, b1).map(|like| like.name());
        assert_eq!(found.as_deref(), name, "{naming}");
    }
    for (naming, variant, name) in [
        (
            Naming::MobileNetV2,
            "mobilenet-v2",
            Some("torchvision/mobilenet_v2.IMAGENET1K_V2"),
        ),
        // Both libraries'.
        (Naming::Resnet, "resnet-50", None),
        (Naming::Timm, "mobilenet-v2", None),
    ] {
        let variant = Variant::by_name(variant).unwrap();
        let found = named_so(naming, variant).map(|like| like.name());
        assert_eq!(found.as_deref(), name, "{naming}");
    }
    let lite0 = Variant::by_name("lite0").unwrap();
    assert_eq!(named_so(Naming::Torchvision, lite0), None);
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    for (name, nearest) in [
        (
            "timm/efficientnet_b2.ra_in1",
            "timm/efficientnet_b2.ra_in1k",
        ),
        ("keras/efficientnetb0", "keras/EfficientNetB0"),
        ("torchvision/efficientnetb3", "torchvision/efficientnet_b3"),
        ("tf/efficientnet-b0.advpropp", "tf/efficientnet-b0.advprop"),
    ] {
        let error = find(name).unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some(nearest));
        assert_eq!(
            error.to_string(),
            format!("no library here has a model `{name}`; the nearest name is `{nearest}`")
        );
    }
}

#[test]
fn what_sets_models_apart() {
    let of = |name: &str| {
        let like = find(name).unwrap();
        let Like {
            variant,
            padding,
            batch_norm_epsilon,
            size,
            classes,
            ..
        } = like;
        (variant.name, padding, batch_norm_epsilon, size, classes)
    };
    for (name, expected) in [
        (
            "timm/tf_efficientnet_lite4",
            ("lite4", Same, 1e-3, 380, 1000),
        ),
        (
            "timm/efficientnet_cc_b1_8e",
            ("condconv-b0-8e-depth", Symmetric, 1e-5, 240, 1000),
        ),
        (
            "timm/efficientnet_b5.sw_in12k",
            ("b5", Symmetric, 1e-5, 416, 11_821),
        ),
        (
            "timm/tf_efficientnet_em",
            ("edgetpu-m", Same, 1e-3, 240, 1000),
        ),
        (
            "torchvision/efficientnet_b4",
            ("b4", Symmetric, 1e-5, 380, 1000),
        ),
        (
            "torchvision/efficientnet_b5",
            ("b5", Symmetric, 1e-3, 456, 1000),
        ),
        (
            "lukemelas/efficientnet-lite3",
            ("lite3", Static([280; 2]), 1e-3, 280, 1000),
        ),
        ("keras/EfficientNetV2B3", ("v2-b3", Same, 1e-3, 300, 1000)),
        (
            "tf/efficientnet-edgetpu-L",
            ("edgetpu-l", Same, 1e-3, 300, 1001),
        ),
        ("tf/efficientnet-l2-475", ("l2", Same, 1e-3, 475, 1000)),
        (
            "tf/efficientnetv2-xl.in21k",
            ("v2-xl", Same, 1e-3, 512, 21_843),
        ),
    ] {
        assert_eq!(of(name), expected, "{name}");
    }
}

/// Names of tensors and the names of models stand for the same padding.
#[test]
fn efficientnet_pytorch_pads_for_its_own_sizes() {
    let models = all();
    let theirs = models
        .iter()
        .filter(|like| like.library == Library::Lukemelas);
    for like in theirs {
        assert_eq!(like.padding, Static([like.size; 2]), "{}", like.name());
        let implied = implied(Naming::Lukemelas, Some(like.variant.name));
        assert_eq!(implied.padding, Some(like.padding), "{}", like.name());
    }
}

#[test]
fn departures_are_told() {
    let like = find("timm/efficientnet_b1.ft_in1k").unwrap();
    let mut request = like.request();
    assert_eq!(like.differences(&request), [""; 0]);
    request.size = [Extent::Fixed(256); 2];
    assert_eq!(like.differences(&request), [""; 0], "timm tests it at 256");
    request.size = [Extent::Fixed(256), Extent::MultipleOf32];
    request.options.padding = Padding::Same;
    request.options.classes = 10;
    request.options.batch_norm_epsilon = 1e-3;
    request.options.in_channels = 1;
    assert_eq!(
        like.differences(&request),
        [
            "size is 256xdynamic:32, not 224",
            "padding is same, not symmetric",
            "epsilon is 1e-3, not 1e-5",
            "classes are 10, not 1000",
            "input channels are 1, not 3",
        ]
    );
}

#[test]
fn pictures_are_prepared_as_each_library_does() {
    use crate::metadata::{Interpolation, Sampling};
    use Framing::{Cover, CropPadding, Stretch};
    use Interpolation::{Bicubic, Bilinear};
    use Sampling::{Antialias, HalfPixel, Legacy};
    const IMAGENET: Normal = Normal::IMAGENET;
    const HALF: Normal = Normal::HALF;
    for (name, framing, interpolation, sampling, normal) in [
        (
            "timm/tf_efficientnet_b0",
            Cover([256; 2]),
            Bicubic,
            Antialias,
            IMAGENET,
        ),
        (
            "timm/tf_efficientnet_b3.ap_in1k",
            Cover([331; 2]),
            Bicubic,
            Antialias,
            HALF,
        ),
        (
            "timm/tf_efficientnet_lite4",
            Cover([413; 2]),
            Bilinear,
            Antialias,
            HALF,
        ),
        (
            "timm/tf_efficientnetv2_m",
            Stretch([384; 2]),
            Bicubic,
            Antialias,
            HALF,
        ),
        (
            "timm/tf_efficientnetv2_b3",
            Stretch([266; 2]),
            Bicubic,
            Antialias,
            HALF,
        ),
        (
            "timm/efficientnet_b5",
            Stretch([448; 2]),
            Bicubic,
            Antialias,
            IMAGENET,
        ),
        (
            "torchvision/efficientnet_b1",
            Cover([255; 2]),
            Bilinear,
            Antialias,
            IMAGENET,
        ),
        (
            "torchvision/efficientnet_b1.IMAGENET1K_V1",
            Cover([256; 2]),
            Bicubic,
            Antialias,
            IMAGENET,
        ),
        (
            "torchvision/efficientnet_v2_l",
            Cover([480; 2]),
            Bicubic,
            Antialias,
            HALF,
        ),
        (
            "lukemelas/efficientnet-b4",
            Cover([380; 2]),
            Bicubic,
            Antialias,
            IMAGENET,
        ),
        (
            "lukemelas/efficientnet-b4.advprop",
            Cover([380; 2]),
            Bicubic,
            Antialias,
            HALF,
        ),
        (
            "lukemelas/efficientnet-lite1",
            CropPadding(32),
            Bilinear,
            Antialias,
            Normal::LITE,
        ),
        (
            "keras/EfficientNetB7",
            Stretch([600; 2]),
            Bilinear,
            HalfPixel,
            IMAGENET,
        ),
        (
            "keras/EfficientNetV2M",
            Stretch([480; 2]),
            Bilinear,
            HalfPixel,
            Normal::V2,
        ),
        (
            "tf/efficientnet-b0",
            CropPadding(32),
            Bicubic,
            Legacy,
            IMAGENET,
        ),
        (
            "tf/efficientnet-b7.advprop",
            CropPadding(86),
            Bicubic,
            Legacy,
            HALF,
        ),
        (
            "tf/efficientnet-lite0",
            CropPadding(32),
            Bilinear,
            Legacy,
            Normal::LITE,
        ),
        (
            "tf/efficientnet-condconv-b0-4e",
            CropPadding(32),
            Bicubic,
            Legacy,
            Normal::LITE,
        ),
        (
            "tf/efficientnetv2-xl",
            Stretch([512; 2]),
            Bilinear,
            HalfPixel,
            Normal::V2,
        ),
        (
            "tf/efficientnetv2-b3",
            CropPadding(32),
            Bicubic,
            Legacy,
            IMAGENET,
        ),
    ] {
        let like = find(name).unwrap();
        let record = Preprocessing::rgb([like.size; 2], normal, framing, interpolation, sampling);
        assert_eq!(like.preprocessing, record, "{name}");
        assert_eq!(like.preprocessing_at([like.size; 2]), record, "{name}");
    }
    let b1 = find("timm/efficientnet_b1.ft_in1k").unwrap();
    let at = |size| b1.preprocessing_at([size; 2]).framing;
    assert_eq!(at(224), Cover([256; 2]));
    assert_eq!(at(256), Cover([256; 2]), "timm tests it without a margin");
    assert_eq!(at(448), Cover([512; 2]));
}

#[test]
fn small_inputs_of_v2_are_cropped_as_its_authors_did() {
    let like = find("tf/efficientnetv2-s").unwrap();
    for (size, framing) in [
        ([320, 320], Framing::Stretch([320, 320])),
        ([319, 319], Framing::CropPadding(32)),
    ] {
        assert_eq!(like.preprocessing_at(size).framing, framing);
    }
    let keras = find("keras/EfficientNetV2S").unwrap();
    assert_eq!(
        keras.preprocessing_at([224, 224]).framing,
        Framing::Stretch([224, 224])
    );
}
