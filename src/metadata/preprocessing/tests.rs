//! Records of every version, and what a form leaves of them.

use super::*;
use crate::architecture::Family;

fn tensorflow(family: &str) -> Preprocessing {
    let family = Family::by_name(family).unwrap();
    Preprocessing::tensorflow(family.baseline, [224, 224])
}

#[test]
fn records_of_version_1_are_read() {
    let old = r#"{"version":1,"layout":"NCHW","channels":"RGB","size":[224,224],"mean":[127.0,127.0,127.0],
        "std":[128.0,128.0,128.0],"crop_padding":32,"interpolation":"bilinear"}"#;
    let read: Preprocessing = serde_json::from_str(old).unwrap();
    assert_eq!(read, tensorflow("lite"));
    let new = serde_json::to_string(&read).unwrap();
    assert!(new.starts_with(r#"{"version":2,"#), "{new}");
    assert!(
        new.ends_with(
            r#""framing":{"crop_padding":32},"interpolation":"bilinear","sampling":"antialias"}"#
        ),
        "{new}"
    );
    assert_eq!(serde_json::from_str::<Preprocessing>(&new).unwrap(), read);
    for (from, to, message) in [
        (
            r#""version":1"#,
            r#""version":2"#,
            "`framing` and `sampling`",
        ),
        (
            r#""version":1"#,
            r#""version":3"#,
            "`framing` and `sampling`",
        ),
        (
            r#""version":1"#,
            r#""version":4"#,
            "version 1 to 3, found 4",
        ),
        (r#""crop_padding":32,"#, "", "`crop_padding` alone"),
        (
            r#""crop_padding":32"#,
            r#""crop_padding":32,"framing":{"cover":[9,9]}"#,
            "in version 1",
        ),
        (r#""crop_padding""#, r#""crop_paddding""#, "unknown field"),
    ] {
        let error = serde_json::from_str::<Preprocessing>(&old.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn what_is_left_to_do_and_what_the_graph_does_are_the_whole() {
    let plain = tensorflow("lite");
    for (input, normalize, version, element, end) in [
        (
            InputFormat::Nchw,
            false,
            2,
            None,
            r#""sampling":"antialias"}"#,
        ),
        (
            InputFormat::Nhwc,
            false,
            3,
            Some("f32"),
            r#""element":"f32"}"#,
        ),
        (
            InputFormat::Uint8Nhwc,
            true,
            3,
            Some("u8"),
            r#""element":"u8","inside":{"mean":[127.0,127.0,127.0],"std":[128.0,128.0,128.0]}}"#,
        ),
    ] {
        let form = Form {
            input,
            normalize: normalize.then(|| plain.normal.into()),
            ..Form::default()
        };
        let left = plain.outside(&form);
        assert_eq!(left.normal == Normal::NONE, normalize);
        assert_eq!(
            (left.whole(), left.outside(&form)),
            (plain.clone(), left.clone())
        );
        let text = serde_json::to_string(&left).unwrap();
        assert!(
            text.starts_with(&format!(r#"{{"version":{version},"#)),
            "{text}"
        );
        assert!(text.ends_with(end), "{text}");
        assert_eq!(serde_json::from_str::<Preprocessing>(&text).unwrap(), left);
        let Some(element) = element else { continue };
        let without = text.replace(&format!(r#","element":"{element}""#), "");
        let earlier = text.replace(r#""version":3"#, r#""version":2"#);
        for (wrong, message) in [
            (without, "expected `element` in version 3"),
            (earlier, "in version 3 alone"),
        ] {
            let error = serde_json::from_str::<Preprocessing>(&wrong).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
    }
}

#[test]
fn another_size_scales_what_comes_before_the_crop() {
    for (framing, size, expected) in [
        (
            Framing::Cover([256, 256]),
            [448, 112],
            Framing::Cover([512, 128]),
        ),
        (
            Framing::Stretch([224, 224]),
            [300, 300],
            Framing::Stretch([300, 300]),
        ),
        (
            Framing::CropPadding(32),
            [448, 448],
            Framing::CropPadding(32),
        ),
    ] {
        let record = Preprocessing {
            framing,
            ..tensorflow("v1")
        };
        let scaled = record.at(size);
        assert_eq!((scaled.size, scaled.framing), (size, expected));
    }
}
