//! Opcodes of pickles, by the names of Python's `pickletools`: protocols 0 to 5, without the ones that name a Python 1 class,
//! an extension code or a buffer elsewhere, which `torch.save` does not write.

// Values without an argument.
pub(super) const NONE: u8 = b'N';
pub(super) const NEW_TRUE: u8 = 0x88;
pub(super) const NEW_FALSE: u8 = 0x89;
pub(super) const EMPTY_TUPLE: u8 = b')';
pub(super) const EMPTY_LIST: u8 = b']';
pub(super) const EMPTY_DICT: u8 = b'}';
pub(super) const EMPTY_SET: u8 = 0x8f;

// Values written as a line of text.
pub(super) const INT: u8 = b'I';
pub(super) const LONG: u8 = b'L';
pub(super) const FLOAT: u8 = b'F';
pub(super) const UNICODE: u8 = b'V';
pub(super) const PERSID: u8 = b'P';
/// Two lines: module and name.
pub(super) const GLOBAL: u8 = b'c';

// Numbers in binary.
pub(super) const BININT1: u8 = b'K';
pub(super) const BININT2: u8 = b'M';
pub(super) const BININT: u8 = b'J';
pub(super) const LONG1: u8 = 0x8a;
pub(super) const LONG4: u8 = 0x8b;
pub(super) const BINFLOAT: u8 = b'G';

// Texts and bytes, after a length of 1, 4 or 8 bytes.
pub(super) const SHORT_BINSTRING: u8 = b'U';
pub(super) const BINSTRING: u8 = b'T';
pub(super) const SHORT_BINUNICODE: u8 = 0x8c;
pub(super) const BINUNICODE: u8 = b'X';
pub(super) const BINUNICODE8: u8 = 0x8d;
pub(super) const SHORT_BINBYTES: u8 = b'C';
pub(super) const BINBYTES: u8 = b'B';
pub(super) const BINBYTES8: u8 = 0x8e;
pub(super) const BYTEARRAY8: u8 = 0x96;

// Values made of what is on the stack.
pub(super) const TUPLE: u8 = b't';
pub(super) const TUPLE1: u8 = 0x85;
pub(super) const TUPLE2: u8 = 0x86;
pub(super) const TUPLE3: u8 = 0x87;
pub(super) const LIST: u8 = b'l';
pub(super) const DICT: u8 = b'd';
pub(super) const FROZENSET: u8 = 0x91;
pub(super) const BINPERSID: u8 = b'Q';
pub(super) const STACK_GLOBAL: u8 = 0x93;

// Additions to what is on the stack, and calls.
pub(super) const APPEND: u8 = b'a';
pub(super) const APPENDS: u8 = b'e';
pub(super) const SETITEM: u8 = b's';
pub(super) const SETITEMS: u8 = b'u';
pub(super) const ADDITEMS: u8 = 0x90;
pub(super) const REDUCE: u8 = b'R';
pub(super) const BUILD: u8 = b'b';
pub(super) const NEWOBJ: u8 = 0x81;
pub(super) const NEWOBJ_EX: u8 = 0x92;

// The stack itself.
pub(super) const MARK: u8 = b'(';
pub(super) const POP: u8 = b'0';
pub(super) const POP_MARK: u8 = b'1';
pub(super) const DUP: u8 = b'2';

// The memo: the place is a line, 1 byte, 4 bytes, or the next one.
pub(super) const PUT: u8 = b'p';
pub(super) const BINPUT: u8 = b'q';
pub(super) const LONG_BINPUT: u8 = b'r';
pub(super) const MEMOIZE: u8 = 0x94;
pub(super) const GET: u8 = b'g';
pub(super) const BINGET: u8 = b'h';
pub(super) const LONG_BINGET: u8 = b'j';

// The pickle itself.
pub(super) const PROTO: u8 = 0x80;
pub(super) const FRAME: u8 = 0x95;
pub(super) const STOP: u8 = b'.';

/// Whether an instruction has no argument, and changes nothing but the stack and what lies on it.
pub(super) const fn is_of_the_stack(opcode: u8) -> bool {
    matches!(
        opcode,
        MARK | POP
            | POP_MARK
            | DUP
            | NONE
            | NEW_TRUE
            | NEW_FALSE
            | EMPTY_TUPLE
            | EMPTY_LIST
            | EMPTY_DICT
            | EMPTY_SET
            | TUPLE
            | TUPLE1
            | TUPLE2
            | TUPLE3
            | LIST
            | DICT
            | FROZENSET
            | BINPERSID
            | APPEND
            | APPENDS
            | SETITEM
            | SETITEMS
            | ADDITEMS
            | REDUCE
            | BUILD
            | NEWOBJ
            | NEWOBJ_EX
    )
}
