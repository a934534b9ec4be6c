//! Lengths and limits of pickles.

use super::*;

fn walk(mut bytes: &[u8]) -> Result<(Outline, usize), String> {
    let outline = outline(&mut bytes).map_err(|error| error.to_string())?;
    Ok((outline, bytes.len()))
}

#[test]
fn a_pickle_ends_at_its_stop() {
    // Python: pickle.dumps({"a": (1, 300, -2, 1 << 33, 2.5, None, b"x")}, 2), then two bytes of something else.
    let pickle = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01(K\x01M,\x01J\xfe\xff\xff\xff\x8a\x05\x00\x00\x00\x00\x02\
        G@\x04\x00\x00\x00\x00\x00\x00Nc_codecs\nencode\nq\x02X\x01\x00\x00\x00xq\x03X\x06\x00\x00\x00latin1q\x04\
        \x86q\x05Rq\x06tq\x07s..";
    let (outline, left) = walk(&[pickle, &b"?"[..]].concat()).unwrap();
    assert_eq!(left, 2);
    assert_eq!(outline.bytes, pickle.len() as u64 - 1);
    assert_eq!(outline.integers, [1, 300, -2, 1 << 33]);
    assert_eq!(
        outline.globals,
        [("_codecs".to_string(), "encode".to_string())]
    );
}

#[test]
fn a_text_that_is_not_the_key_of_a_truth_is_no_flag() {
    // {"neg": False}, ("neg", 1, True) and {"negative": True}.
    for pickle in [
        &b"\x80\x02}X\x03\x00\x00\x00neg\x89s."[..],
        b"\x80\x02(X\x03\x00\x00\x00negK\x01\x88t.",
        b"\x80\x02}X\x08\x00\x00\x00negative\x88s.",
    ] {
        walk(pickle).unwrap();
    }
}

#[test]
fn bombs_and_stumps_are_refused() {
    let many = vec![b')'; 500_001];
    for (pickle, expected) in [
        (&b""[..], "ends inside"),
        (b"\x80", "ends inside"),
        (b"X\xff\x00\x00\x00short.", "ends inside"),
        (b"cno newline", "ends inside"),
        (
            b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
            "more than 16777216 bytes",
        ),
        (b"S'text'\n.", "opcode 0x53"),
        // {"neg": True} as protocols 2 and 0 write it, and with the key from the memo.
        (
            b"\x80\x02}q\x00X\x03\x00\x00\x00negq\x01\x88s.",
            "its `neg` bit",
        ),
        (b"(dp0\nVneg\np1\nI01\ns.", "its `neg` bit"),
        (b"X\x04\x00\x00\x00conjq\x01h\x01\x88s.", "its `conj` bit"),
        (b"\x82\x01.", "opcode 0x82"),
        (b"cposix\nsystem\n.", "names `posix.system`"),
        (
            b"\x8c\x05posix\x94\x8c\x06system\x940\x8c\x01xh\x00h\x01\x93.",
            "names `posix.system`",
        ),
        (&many, "more than 500000 instructions"),
    ] {
        let error = walk(pickle).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
