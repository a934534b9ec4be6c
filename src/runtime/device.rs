//! What a run on a GPU stands on: the device and the versions below the runtime. Facts as the libraries tell them,
//! never guesses: what could not be asked is absent.

use crate::files::foreign::Foreign;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The device and the libraries of a CUDA run. The JSON form is part of the report of `verify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The name of device 0, such as `NVIDIA H100 80GB HBM3` (`cuDeviceGetName`).
    pub device: Option<String>,
    /// Its compute capability, such as `9.0` (`cuDeviceGetAttribute`).
    pub compute_capability: Option<String>,
    /// The driver, such as `580.65.06` (`nvmlSystemGetDriverVersion`).
    pub driver: Option<String>,
    /// The newest CUDA that the driver knows, such as `13.0` (`cuDriverGetVersion`).
    pub driver_cuda: Option<String>,
    /// The CUDA runtime that is used, such as `13.0` (`cudaRuntimeGetVersion`).
    pub cuda: Option<String>,
    /// cuDNN, such as `9.19.0` (`cudnnGetVersion`).
    pub cudnn: Option<String>,
    /// The value of `NVIDIA_TF32_OVERRIDE`, which overrules every program's choice of TF32.
    pub tf32_override: Option<String>,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = self.device.as_deref().unwrap_or("unknown device");
        write!(f, "{}", device.shown())?;
        let parts = [
            ("compute capability", &self.compute_capability),
            ("driver", &self.driver),
            ("driver for CUDA", &self.driver_cuda),
            ("CUDA", &self.cuda),
            ("cuDNN", &self.cudnn),
            ("NVIDIA_TF32_OVERRIDE =", &self.tf32_override),
        ];
        for (name, value) in parts {
            if let Some(value) = value {
                write!(f, ", {name} {}", value.shown())?;
            }
        }
        Ok(())
    }
}
