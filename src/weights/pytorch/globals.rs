//! What a pickle names that runs code or reaches outside when Python loads it. Nothing here is ever run; but a file that holds
//! such a thing is no checkpoint that anyone should load elsewhere.

/// Modules, whole, and single functions, with their module: what scanners of pickles refuse too.
const DANGEROUS: [&str; 72] = [
    "os",
    "posix",
    "posixpath",
    "nt",
    "ntpath",
    "subprocess",
    "commands",
    "popen2",
    "sys",
    "shutil",
    "pty",
    "runpy",
    "imp",
    "importlib",
    "pkgutil",
    "zipimport",
    "ctypes",
    "_ctypes",
    "socket",
    "_socket",
    "ssl",
    "asyncio",
    "multiprocessing",
    "threading",
    "_thread",
    "signal",
    "webbrowser",
    "requests",
    "urllib",
    "urllib2",
    "http",
    "httplib",
    "aiohttp",
    "ftplib",
    "smtplib",
    "telnetlib",
    "xmlrpc",
    "pip",
    "ensurepip",
    "venv",
    "pydoc",
    "pdb",
    "bdb",
    "doctest",
    "timeit",
    "trace",
    "cProfile",
    "profile",
    "code",
    "codeop",
    "marshal",
    "types.CodeType",
    "types.FunctionType",
    "operator.attrgetter",
    "operator.methodcaller",
    "_operator.attrgetter",
    "_operator.methodcaller",
    "pickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "io.open",
    "io.FileIO",
    "_io.open",
    "_io.FileIO",
    "codecs.open",
    "platform.popen",
    "torch.hub",
    "torch.utils.cpp_extension",
    "torch._inductor",
    "numpy.testing",
    "numpy.f2py",
];
/// Functions of Python's own that run, reach or change what they are given.
const BUILT_IN: [&str; 17] = [
    "eval",
    "exec",
    "execfile",
    "compile",
    "__import__",
    "getattr",
    "setattr",
    "delattr",
    "open",
    "file",
    "input",
    "raw_input",
    "apply",
    "globals",
    "locals",
    "vars",
    "breakpoint",
];
/// What Python 3 and 2 call the module of those.
const BUILT_INS: [&str; 2] = ["builtins.", "__builtin__."];

/// What `torch.compile` makes of a module, and why that is not read.
pub(super) const COMPILED: &str = "OptimizedModule";
pub(super) const COMPILED_REASON: &str = "it is a module that `torch.compile` has made, pickled with its compiler; save the state \
    dict: `torch.save(model.state_dict(), \"model.pth\")`";

/// Why tensors that a pickle builds with `named` are not read, and what to save instead.
pub(super) fn unread(named: &str) -> Option<&'static str> {
    if named.starts_with("joblib.") {
        return Some(
            "`joblib.dump` wrote it, with arrays between the parts of its pickle; load it, and save it with `pickle.dump` or \
             `numpy.savez(\"model.npz\", **arrays)`",
        );
    }
    Some(match named.strip_prefix("torch._utils.")? {
        "_rebuild_meta_tensor_no_storage" => {
            "its tensors are on the device `meta`: they have shapes and no elements; load the weights into the model before \
             `torch.save(model.state_dict(), \"model.pth\")`"
        }
        "_rebuild_qtensor" => {
            "it has quantised tensors; save the state dict of the model before quantisation, or \
             `{name: tensor.dequantize() for name, tensor in state_dict.items()}`"
        }
        "_rebuild_sparse_tensor" | "_rebuild_nested_tensor" => {
            "it has sparse or nested tensors; save `{name: tensor.to_dense() for name, tensor in state_dict.items()}`"
        }
        "_rebuild_wrapper_subclass" => {
            "it has tensors of a class of their own, such as distributed or quantised ones; save plain tensors"
        }
        _ => return None,
    })
}

/// Whether weights never need `named`, a module and a name in it with a dot between.
pub(super) fn runs_code(named: &str) -> bool {
    let is_within = |module: &str| {
        let rest = named.strip_prefix(module);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let mut built_in = BUILT_INS.iter().filter_map(|own| named.strip_prefix(own));
    DANGEROUS.into_iter().any(is_within)
        || built_in.any(|name| BUILT_IN.contains(&name.split('.').next().unwrap_or(name)))
}
