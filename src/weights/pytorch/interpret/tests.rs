//! Pickles as Python writes them, and others.

use super::*;

/// Python: `pickle.dumps({"a": [1, -2, 2.5, None, True], 3: (1 << 40, {"b"})}, protocol)`.
#[test]
fn protocols_2_and_4_build_the_same_data() {
    let two = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffG@\x04\x00\x00\x00\x00\x00\x00N\x88eK\x03\x8a\x06\x00\x00\x00\x00\x00\x01c__builtin__\nset\nq\x03]q\x04X\x01\x00\x00\x00bq\x05a\x85q\x06Rq\x07\x86q\x08u.";
    let four = b"\x80\x04\x95:\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01J\xfe\xff\xff\xffG@\x04\x00\x00\x00\x00\x00\x00N\x88eK\x03\x8a\x06\x00\x00\x00\x00\x00\x01\x8f\x94(\x8c\x01b\x94\x90\x86\x94u.";
    for pickle in [&two[..], four] {
        let pickle = interpret(pickle.to_vec()).expect("a pickle");
        let list = pickle.entry(pickle.root(), "a").expect("an entry");
        let &[one, minus, float, none, truth] = pickle.sequence(list).expect("a list") else {
            panic!("five elements");
        };
        assert_eq!(pickle.integer(one), Some(1));
        assert_eq!(pickle.integer(minus), Some(-2));
        assert_eq!(pickle.number(float), Some(2.5));
        assert!(pickle.is_none(none));
        assert_eq!(pickle.truth(truth), Some(true));
        let entries = pickle.mapping(pickle.root()).expect("a dictionary");
        assert_eq!(pickle.key(entries[1].0).as_deref(), Some("3"));
        let &[long, set] = pickle.sequence(entries[1].1).expect("a tuple") else {
            panic!("two elements");
        };
        assert_eq!(pickle.integer(long), Some(1 << 40));
        let set = pickle.sequence(set).expect("a set");
        assert_eq!(pickle.text(set[0]), Some("b"));
    }
}

#[test]
fn objects_are_records_and_functions_are_names() {
    let pickle =
        b"\x80\x02cos\nPathLike\n)\x81q\x00}X\x01\x00\x00\x00fcproject\nrun\nK\x05\x85Rsb.";
    let pickle = interpret(pickle.to_vec()).expect("a pickle");
    let root = pickle.root();
    assert_eq!(pickle.class(root).as_deref(), Some("os.PathLike"));
    assert!(!pickle.is_module(root));
    let called = pickle.attribute(root, "f").expect("an attribute");
    assert_eq!(pickle.class(called).as_deref(), Some("project.run"));
    let arguments = pickle.arguments(called).expect("a tuple");
    assert_eq!(pickle.integer(arguments[0]), Some(5));
}

#[test]
fn what_python_would_not_read_is_malformed() {
    for pickle in [
        &b""[..],
        b"\x80\x02",
        b".",
        b"K\x01K",
        b"(.",
        b"K\x01(\x85.",
        b"h\x00.",
        b"}K\x01K\x02K\x03u.",
        b"}(K\x01u.",
        b"X\xff\xff\xff\xffa.",
        b"cmodule",
        b"K\x01K\x02\x93.",
    ] {
        let error = interpret(pickle.to_vec()).map(drop).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("its pickle is malformed at byte"), "{error}");
    }
}

/// Each call would copy the list: 300,000 entries from 30,000 that the file has.
#[test]
fn copies_do_not_multiply() {
    let pair = b"K\x01K\x02\x86".repeat(10_000);
    let call = b"ccollections\nOrderedDict\nh\x00\x85R".repeat(30);
    let pickle = [b"(", pair.as_slice(), b"lq\x00(", &call, b"t."].concat();
    assert!(interpret(pickle).is_err());
}
