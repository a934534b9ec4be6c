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
