//! Reads a pickle into plain data, without calling or importing anything.
//!
//! An instruction makes at most one value, so that the limits that [`super::pickle`] has checked bound its memory. Opcodes are
//! those that it lets through.

mod input;

use super::opcode as op;
use super::value::{Id, Node, Object, Payload, Pickle};
use std::collections::BTreeMap;
use std::io;

/// What a call of a class or function stands for, where it stands for data.
const MAPPINGS: [&str; 2] = ["collections.OrderedDict", "collections.defaultdict"];
const SEQUENCES: [&str; 6] = [
    "builtins.set",
    "builtins.frozenset",
    "builtins.list",
    "__builtin__.set",
    "__builtin__.frozenset",
    "torch.Size",
];
/// What protocols 0 to 2 write bytes as: a text of the characters up to U+00FF, and its encoding.
const ENCODED: &str = "_codecs.encode";
/// What is made of bytes and is the same.
const BYTES: [&str; 4] = [
    "builtins.bytearray",
    "builtins.bytes",
    "__builtin__.bytearray",
    "__builtin__.bytes",
];
/// What protocols 0 and 1 build objects with: the class is its first argument.
const RECONSTRUCTORS: [&str; 2] = ["copyreg._reconstructor", "copy_reg._reconstructor"];

/// Entries that calls may copy into dictionaries: more than any pickle needs, which fills them by instructions.
const MOST_COPIED: usize = 100_000;

/// Reads one pickle, of which `bytes` are the skeleton and nothing else before it.
///
/// # Errors
/// If it is not a pickle that Python would read, or its modules exceed the limits.
pub(super) fn interpret(bytes: Vec<u8>) -> io::Result<Pickle> {
    let mut machine = Machine {
        pickle: Pickle {
            bytes,
            elided: Vec::new(),
            nodes: Vec::new(),
            root: 0,
        },
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: BTreeMap::new(),
        copied: 0,
    };
    let end = machine.run();
    let fault = match end {
        Some(root) => {
            machine.pickle.root = root;
            machine.pickle.excess()
        }
        None => Some(format!("its pickle is malformed at byte {}", machine.at)),
    };
    match fault {
        None => Ok(machine.pickle),
        Some(fault) => Err(io::Error::new(io::ErrorKind::InvalidData, fault)),
    }
}

struct Machine {
    pickle: Pickle,
    /// Place of the next byte.
    at: usize,
    stack: Vec<Id>,
    /// Heights of the stack at which marks lie.
    marks: Vec<usize>,
    memo: BTreeMap<u64, Id>,
    /// Entries that were copied from a list into a dictionary.
    copied: usize,
}

impl Machine {
    /// The value at the pickle's end; none where it is malformed.
    fn run(&mut self) -> Option<Id> {
        loop {
            let [opcode] = self.take()?;
            match opcode {
                op::STOP => return self.pop(),
                op::PROTO => drop(self.take::<1>()?),
                op::FRAME => drop(self.take::<8>()?),
                op::MARK => self.marks.push(self.stack.len()),
                op::POP => {
                    if self.marks.last() == Some(&self.stack.len()) {
                        self.marks.pop();
                    } else {
                        self.pop()?;
                    }
                }
                op::POP_MARK => drop(self.pop_to_mark()?),
                op::DUP => self.stack.push(self.top()?),
                op::PUT | op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => {
                    let place = self.place(opcode)?;
                    self.put(place)?;
                }
                op::GET | op::BINGET | op::LONG_BINGET => {
                    let place = self.place(opcode)?;
                    self.get(place)?;
                }
                op::SETITEM | op::SETITEMS | op::APPEND | op::APPENDS | op::ADDITEMS => {
                    self.extend(opcode)?;
                }
                op::REDUCE | op::BUILD | op::NEWOBJ | op::NEWOBJ_EX => self.call(opcode)?,
                _ => {
                    let node = self.value(opcode)?;
                    self.push(node)?;
                }
            }
        }
    }

    /// The place in the memo that an instruction names.
    fn place(&mut self, opcode: u8) -> Option<u64> {
        Some(match opcode {
            op::PUT | op::GET => {
                let place = self.line()?;
                self.pickle.span(place).parse().ok()?
            }
            op::BINPUT | op::BINGET => u64::from(u8::from_le_bytes(self.take()?)),
            op::LONG_BINPUT | op::LONG_BINGET => u64::from(u32::from_le_bytes(self.take()?)),
            _ => self.memo.len() as u64,
        })
    }

    /// The value that an opcode makes of nothing but its argument and the stack.
    fn value(&mut self, opcode: u8) -> Option<Node> {
        Some(match opcode {
            op::NONE => Node::None,
            op::NEW_TRUE => Node::Bool(true),
            op::NEW_FALSE => Node::Bool(false),
            op::INT => {
                let line = self.line()?;
                match self.pickle.span(line) {
                    "01" => Node::Bool(true),
                    "00" => Node::Bool(false),
                    text => Node::Int(text.parse().ok()?),
                }
            }
            op::LONG => {
                let line = self.line()?;
                let text = self.pickle.span(line).trim_end_matches('L');
                text.parse().map_or(Node::Other, Node::Int)
            }
            op::BININT => Node::Int(i64::from(i32::from_le_bytes(self.take()?))),
            op::BININT1 => {
                let [byte] = self.take()?;
                Node::Int(i64::from(byte))
            }
            op::BININT2 => Node::Int(i64::from(u16::from_le_bytes(self.take()?))),
            op::LONG1 => {
                let [length] = self.take()?;
                self.long(u64::from(length))?
            }
            op::LONG4 => {
                let length = u32::from_le_bytes(self.take()?);
                self.long(u64::from(length))?
            }
            op::FLOAT => {
                let line = self.line()?;
                Node::Float(self.pickle.span(line).parse().ok()?)
            }
            op::BINFLOAT => Node::Float(f64::from_be_bytes(self.take()?)),
            op::UNICODE => Node::Text(self.line()?),
            op::SHORT_BINSTRING | op::SHORT_BINUNICODE => {
                let [length] = self.take()?;
                Node::Text(self.bytes(u64::from(length))?)
            }
            op::BINSTRING | op::BINUNICODE => {
                let length = u32::from_le_bytes(self.take()?);
                self.text(u64::from(length))?
            }
            op::BINUNICODE8 => {
                let length = u64::from_le_bytes(self.take()?);
                self.text(length)?
            }
            op::SHORT_BINBYTES => {
                let [length] = self.take()?;
                self.payload(u64::from(length), false)?
            }
            op::BINBYTES => {
                let length = u32::from_le_bytes(self.take()?);
                self.payload(u64::from(length), false)?
            }
            op::BINBYTES8 | op::BYTEARRAY8 => {
                let length = u64::from_le_bytes(self.take()?);
                self.payload(length, false)?
            }
            op::PERSID => {
                self.line()?;
                Node::Other
            }
            op::BINPERSID => Node::Storage(self.pop()?),
            op::GLOBAL => Node::Global(self.line()?, self.line()?),
            op::STACK_GLOBAL => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.node(module)?, self.node(name)?) {
                    (Node::Text(module), Node::Text(name)) => Node::Global(*module, *name),
                    _ => return None,
                }
            }
            op::EMPTY_TUPLE | op::EMPTY_LIST | op::EMPTY_SET => Node::Sequence(Vec::new()),
            op::EMPTY_DICT => Node::Mapping(Vec::new()),
            op::TUPLE | op::LIST | op::FROZENSET => Node::Sequence(self.pop_to_mark()?),
            op::TUPLE1..=op::TUPLE3 => {
                let count = usize::from(opcode - op::TUPLE1) + 1;
                let start = self.stack.len().checked_sub(count)?;
                if self.marks.last().is_some_and(|mark| *mark > start) {
                    return None;
                }
                Node::Sequence(self.stack.split_off(start))
            }
            op::DICT => {
                let items = self.pop_to_mark()?;
                Node::Mapping(pairs(&items)?)
            }
            _ => return None,
        })
    }

    /// Adds to a dictionary, a list or a set; other objects that can be added to, such as a list's subclass, stay as they are.
    fn extend(&mut self, opcode: u8) -> Option<()> {
        let items = match opcode {
            op::SETITEM => {
                let (value, key) = (self.pop()?, self.pop()?);
                vec![key, value]
            }
            op::APPEND => vec![self.pop()?],
            _ => self.pop_to_mark()?,
        };
        let target = self.top()? as usize;
        match self.pickle.nodes.get_mut(target)? {
            Node::Mapping(entries) if matches!(opcode, op::SETITEM | op::SETITEMS) => {
                entries.extend(pairs(&items)?);
            }
            Node::Sequence(own) if matches!(opcode, op::APPEND | op::APPENDS | op::ADDITEMS) => {
                own.extend(items)
            }
            _ => {}
        }
        Some(())
    }

    /// Records a call, or the state of an object.
    fn call(&mut self, opcode: u8) -> Option<()> {
        if opcode == op::BUILD {
            let state = self.pop()?;
            let target = self.top()? as usize;
            if let Node::Object(object) = self.pickle.nodes.get_mut(target)? {
                object.state = Some(state);
            }
            return Some(());
        }
        if opcode == op::NEWOBJ_EX {
            // Keyword arguments.
            self.pop()?;
        }
        let (arguments, class) = (self.pop()?, self.pop()?);
        let named = self.pickle.named(class).unwrap_or_default();
        let own = self.pickle.sequence(arguments);
        let first = own.and_then(|own| own.first()).copied();
        let node = if MAPPINGS.contains(&named.as_str()) {
            let items = own.and_then(|own| own.last());
            let items = items.and_then(|items| self.pickle.sequence(*items));
            let pair = |item: &Id| match self.pickle.sequence(*item) {
                Some(&[key, value]) => Some((key, value)),
                _ => None,
            };
            let entries: Vec<(Id, Id)> =
                items.unwrap_or_default().iter().filter_map(pair).collect();
            self.copied += entries.len();
            if self.copied > MOST_COPIED {
                return None;
            }
            Node::Mapping(entries)
        } else if SEQUENCES.contains(&named.as_str()) {
            match first.map(|first| self.node(first)) {
                None => Node::Sequence(Vec::new()),
                // The list itself, not a copy: copies of copies would multiply.
                Some(Some(Node::Sequence(_))) => {
                    self.stack.push(first?);
                    return Some(());
                }
                Some(_) => Node::Other,
            }
        } else if named == ENCODED
            && let Some(payload) = first.and_then(|first| self.encoded(first))
        {
            Node::Payload(payload)
        } else if BYTES.contains(&named.as_str())
            && let Some(Node::Payload(payload)) = first.and_then(|first| self.node(first))
        {
            Node::Payload(*payload)
        } else {
            let class = match first {
                Some(first) if RECONSTRUCTORS.contains(&named.as_str()) => first,
                _ => class,
            };
            Node::Object(Box::new(Object {
                class,
                arguments: Some(arguments),
                state: None,
            }))
        };
        self.push(node)
    }

    /// The bytes that a text stands for.
    fn encoded(&self, text: Id) -> Option<Payload> {
        match self.node(text)? {
            Node::Text(span) => Some(Payload {
                at: span.start,
                length: u64::from(span.end - span.start),
                is_text: true,
            }),
            Node::Payload(payload) if payload.is_text => Some(*payload),
            _ => None,
        }
    }

    fn node(&self, id: Id) -> Option<&Node> {
        self.pickle.nodes.get(id as usize)
    }

    fn push(&mut self, node: Node) -> Option<()> {
        let id = Id::try_from(self.pickle.nodes.len()).ok()?;
        self.pickle.nodes.push(node);
        self.stack.push(id);
        Some(())
    }

    fn top(&self) -> Option<Id> {
        let is_mark = self.marks.last() == Some(&self.stack.len());
        self.stack.last().copied().filter(|_| !is_mark)
    }

    fn pop(&mut self) -> Option<Id> {
        self.top()?;
        self.stack.pop()
    }

    fn pop_to_mark(&mut self) -> Option<Vec<Id>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn put(&mut self, place: u64) -> Option<()> {
        let top = self.top()?;
        self.memo.insert(place, top);
        Some(())
    }

    fn get(&mut self, place: u64) -> Option<()> {
        let id = *self.memo.get(&place)?;
        self.stack.push(id);
        Some(())
    }
}

fn pairs(items: &[Id]) -> Option<Vec<(Id, Id)>> {
    let pairs = items.as_chunks::<2>();
    pairs
        .1
        .is_empty()
        .then(|| pairs.0.iter().map(|[key, value]| (*key, *value)).collect())
}

#[cfg(test)]
mod tests;
