//! Loads NVIDIA's libraries and asks them for versions and the device. The only file that calls them.
//!
//! Each library stays loaded to the end of the process: the CUDA provider finds it by its name from then on.

#![allow(
    unsafe_code,
    reason = "dlopen and C functions; each signature is the one in NVIDIA's public header"
)]

use crate::runtime::device::Device;
use libloading::{Library, Symbol};
use std::error::Error;
use std::ffi::{CStr, c_char, c_int, c_uint};

/// The driver's own library, the same name on every Linux.
pub const DRIVER: &str = "libcuda.so.1";
/// Attributes of `cuDeviceGetAttribute` (`CUdevice_attribute` in cuda.h).
const COMPUTE_CAPABILITY_MAJOR: c_int = 75;
const COMPUTE_CAPABILITY_MINOR: c_int = 76;
/// `cudaErrorInsufficientDriver` (driver_types.h).
const INSUFFICIENT_DRIVER: c_int = 35;

type Text = unsafe extern "C" fn(c_int) -> *const c_char;
type GetName = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
type GetAttribute = unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int;
type GetInt = unsafe extern "C" fn(*mut c_int) -> c_int;

/// Loads a library by its name, along the search path of the system's loader, for good.
///
/// # Errors
/// The loader's own words.
pub fn open(name: &str) -> Result<&'static Library, String> {
    // SAFETY: the initialisers of NVIDIA's libraries, which the provider runs anyway.
    match unsafe { Library::new(name) } {
        Ok(library) => Ok(Box::leak(Box::new(library))),
        Err(error) => Err(error
            .source()
            .map_or_else(|| error.to_string(), ToString::to_string)),
    }
}

/// The file from which a library of this name was loaded.
pub fn path_of(name: &str) -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let paths = maps
        .lines()
        .filter_map(|line| line.find('/').map(|start| &line[start..]));
    let mut named = paths.filter(|path| {
        path.rsplit('/')
            .next()
            .is_some_and(|file| file.starts_with(name))
    });
    named.next().map(str::to_owned)
}

/// Asks the driver for the first device.
///
/// # Errors
/// What the driver said instead: it is too old, or there is no device.
pub fn ask_driver(library: &Library, found: &mut Device) -> Result<(), String> {
    found.driver_cuda = get_int(library, c"cuDriverGetVersion").map(cuda_version);
    found.driver = driver_version();
    let init: Symbol<'_, unsafe extern "C" fn(c_uint) -> c_int> = symbol(library, c"cuInit")?;
    // SAFETY: `CUresult cuInit(unsigned int)`.
    let code = unsafe { init(0) };
    if code != 0 {
        return Err(driver_error(library, "cuInit", code));
    }
    let count = get_int(library, c"cuDeviceGetCount").unwrap_or(0);
    if count < 1 {
        return Err("the driver knows no device".to_owned());
    }
    if let Ok(get) = symbol::<GetName>(library, c"cuDeviceGetName") {
        let mut name = [0_u8; 256];
        // SAFETY: `CUresult cuDeviceGetName(char *, int, CUdevice)`; device 0 exists.
        if unsafe { get(name.as_mut_ptr().cast(), 255, 0) } == 0 {
            found.device = CStr::from_bytes_until_nul(&name)
                .ok()
                .map(|name| name.to_string_lossy().into_owned());
        }
    }
    if let Ok(get) = symbol::<GetAttribute>(library, c"cuDeviceGetAttribute") {
        let (mut major, mut minor) = (0, 0);
        // SAFETY: `CUresult cuDeviceGetAttribute(int *, CUdevice_attribute, CUdevice)`.
        let codes = unsafe {
            get(&raw mut major, COMPUTE_CAPABILITY_MAJOR, 0)
                | get(&raw mut minor, COMPUTE_CAPABILITY_MINOR, 0)
        };
        found.compute_capability = (codes == 0).then(|| format!("{major}.{minor}"));
    }
    Ok(())
}

/// Asks the CUDA runtime for its version and whether it can work with the driver.
///
/// # Errors
/// Whether the driver is too old, and what the runtime said.
pub fn ask_runtime(library: &Library, found: &mut Device) -> Result<(), (bool, String)> {
    found.cuda = get_int(library, c"cudaRuntimeGetVersion").map(cuda_version);
    let count: Symbol<'_, GetInt> =
        symbol(library, c"cudaGetDeviceCount").map_err(|error| (false, error))?;
    let mut devices = 0;
    // SAFETY: `cudaError_t cudaGetDeviceCount(int *)`.
    let code = unsafe { count(&raw mut devices) };
    if code == 0 && devices > 0 {
        return Ok(());
    }
    let text = symbol::<Text>(library, c"cudaGetErrorString")
        // SAFETY: `const char *cudaGetErrorString(cudaError_t)`, a string of the library's own, or null.
        .map_or_else(|_| String::new(), |text| text_at(unsafe { text(code) }));
    let message = format!("`cudaGetDeviceCount` gives {devices} devices and error {code} ({text})");
    Err((code == INSUFFICIENT_DRIVER, message))
}

/// Asks cuDNN for its version.
pub fn ask_cudnn(library: &Library, found: &mut Device) {
    let Ok(version) = symbol::<unsafe extern "C" fn() -> usize>(library, c"cudnnGetVersion") else {
        return;
    };
    // SAFETY: `size_t cudnnGetVersion(void)`.
    let version = unsafe { version() };
    // CUDNN_VERSION is major * 10000 + minor * 100 + patch since 9.0 (cudnn_version.h).
    let (major, minor, patch) = (version / 10_000, version / 100 % 100, version % 100);
    found.cudnn = Some(format!("{major}.{minor}.{patch}"));
}

/// The driver's version, from NVML; none where it is not installed.
fn driver_version() -> Option<String> {
    let library = open("libnvidia-ml.so.1").ok()?;
    let init: Symbol<'_, unsafe extern "C" fn() -> c_int> = symbol(library, c"nvmlInit_v2").ok()?;
    let get: Symbol<'_, unsafe extern "C" fn(*mut c_char, c_uint) -> c_int> =
        symbol(library, c"nvmlSystemGetDriverVersion").ok()?;
    let mut text = [0_u8; 96];
    // SAFETY: `nvmlReturn_t nvmlInit_v2(void)` and `nvmlReturn_t nvmlSystemGetDriverVersion(char *, unsigned int)`.
    let code = unsafe {
        match init() {
            0 => get(text.as_mut_ptr().cast(), 95),
            code => code,
        }
    };
    let text = CStr::from_bytes_until_nul(&text).ok()?;
    (code == 0).then(|| text.to_string_lossy().into_owned())
}

fn driver_error(library: &Library, call: &str, code: c_int) -> String {
    type ErrorName = unsafe extern "C" fn(c_int, *mut *const c_char) -> c_int;
    let mut name = std::ptr::null();
    if let Ok(get) = symbol::<ErrorName>(library, c"cuGetErrorName") {
        // SAFETY: `CUresult cuGetErrorName(CUresult, const char **)`.
        unsafe { get(code, &raw mut name) };
    }
    format!("`{call}` gives error {code} ({})", text_at(name))
}

fn get_int(library: &Library, name: &CStr) -> Option<c_int> {
    let get: Symbol<'_, GetInt> = symbol(library, name).ok()?;
    let mut value = 0;
    // SAFETY: every function that is asked for like this has one `int *` and returns an error code.
    (unsafe { get(&raw mut value) } == 0).then_some(value)
}

fn symbol<'a, T>(library: &'a Library, name: &CStr) -> Result<Symbol<'a, T>, String> {
    // SAFETY: the callers give the signatures of NVIDIA's headers.
    unsafe { library.get(name) }
        .map_err(|_| format!("there is no `{}` in it", name.to_string_lossy()))
}

fn text_at(text: *const c_char) -> String {
    if text.is_null() {
        return "no message".to_owned();
    }
    // SAFETY: the libraries' error strings are constants with an end.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

/// `CUDART_VERSION` is major * 1000 + minor * 10 (cuda_runtime_api.h).
fn cuda_version(version: c_int) -> String {
    format!("{}.{}", version / 1000, version % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_nvidia_writes_them() {
        assert_eq!(cuda_version(13_000), "13.0");
        assert_eq!(cuda_version(12_080), "12.8");
    }

    #[test]
    fn a_library_that_is_not_there_is_an_error() {
        let error = open("libnot_there.so.7").expect_err("no library");
        assert!(error.contains("libnot_there.so.7"), "{error}");
        assert_eq!(path_of("libnot_there.so.7"), None);
    }
}
