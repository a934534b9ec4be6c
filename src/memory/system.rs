//! How much memory the machine, the control groups above this process and its own limits allow.

use std::fs;
use std::path::{Path, PathBuf};

/// Half of the least of the machine's memory, the limits of the control groups above this process (versions 1 and 2, up to
/// the root) and the limit of its address space (`RLIMIT_AS`, `ulimit -v`), in bytes. Where the system tells none of them,
/// there is no limit: `u64::MAX`.
#[must_use]
pub fn default_limit() -> u64 {
    let root = Path::new("/");
    let least = [machine(root), control_groups(root), address_space()];
    least
        .into_iter()
        .flatten()
        .min()
        .map_or(u64::MAX, |bytes| bytes / 2)
}

/// The machine's memory, as Linux tells it. `root` is where the system's files are.
fn machine(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The least limit of the control groups above this process.
///
/// A group's folder is below the mount of its hierarchy. In a container the mount may show a part of the hierarchy
/// only, so that the group's own folder is not to be seen: then those of the groups above it that are there are asked.
fn control_groups(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let mounts: Vec<Mount<'_>> = mounts.lines().filter_map(Mount::read).collect();
    let limits = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
        let file = match controllers {
            "" => "memory.max",
            _ if controllers.split(',').any(|name| name == "memory") => "memory.limit_in_bytes",
            _ => return None,
        };
        let of_hierarchy = mounts
            .iter()
            .filter(|mount| mount.unified == controllers.is_empty());
        let limits = of_hierarchy.filter_map(|mount| mount.least(root, group, file));
        limits.min()
    });
    limits.min()
}

/// Where a hierarchy of control groups is mounted.
struct Mount<'a> {
    /// The group that the mount shows as its root.
    group: &'a str,
    folder: &'a str,
    /// Of version 2.
    unified: bool,
}

impl<'a> Mount<'a> {
    /// Reads a line of `mountinfo` (`proc_pid_mountinfo(5)`); none of a mount that has no limits of memory.
    fn read(line: &'a str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut system = system.split(' ');
        let unified = match system.next()? {
            "cgroup2" => true,
            "cgroup" if system.nth(1)?.split(',').any(|option| option == "memory") => false,
            _ => return None,
        };
        let mut fields = mount.split(' ').skip(3);
        Some(Self {
            group: fields.next()?,
            folder: fields.next()?,
            unified,
        })
    }

    /// The least limit of a group and of those above it.
    fn least(&self, root: &Path, group: &str, file: &str) -> Option<u64> {
        let top = root.join(self.folder.trim_start_matches('/'));
        let below = Path::new(group).strip_prefix(self.group).ok();
        let mut folder = top.join(below.unwrap_or(Path::new("")));
        let mut least = None;
        loop {
            let limit = read_number(folder.join(file));
            least = least.into_iter().chain(limit).min();
            if folder == top || !folder.pop() {
                return least;
            }
        }
    }
}

/// The number in a file; none where it says `max`.
fn read_number(path: PathBuf) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The limit of this process's address space.
#[cfg(unix)]
fn address_space() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

/// The limit of this process's address space: not known here.
#[cfg(not(unix))]
fn address_space() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files.
    fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    const UNIFIED: &str =
        "30 23 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn the_machine_is_asked() {
        let root = files(&[(
            "proc/meminfo",
            "MemTotal:       24684084 kB\nMemFree: 1 kB\n",
        )]);
        assert_eq!(machine(root.path()), Some(24_684_084 << 10));
        assert_eq!(machine(Path::new("/nonexistent")), None);
        #[cfg(target_os = "linux")]
        assert!(machine(Path::new("/")).unwrap() / 2 >= default_limit());
    }

    #[test]
    fn every_group_above_is_asked() {
        let group = "sys/fs/cgroup/a/b/c/memory.max";
        let above = "sys/fs/cgroup/a/memory.max";
        for (own, of_above, least) in [
            ("700\n", "max\n", Some(700)),
            ("max\n", "500\n", Some(500)),
            ("700\n", "500\n", Some(500)),
            ("max\n", "max\n", None),
        ] {
            let root = files(&[
                ("proc/self/cgroup", "0::/a/b/c\n"),
                ("proc/self/mountinfo", UNIFIED),
                (group, own),
                (above, of_above),
            ]);
            assert_eq!(control_groups(root.path()), least, "{own}{of_above}");
        }
    }

    #[test]
    fn both_versions_are_asked_and_a_container_sees_its_root() {
        let mounts = "34 31 0:32 /box /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      35 31 0:33 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let root = |groups: &str| {
            files(&[
                ("proc/self/cgroup", groups),
                ("proc/self/mountinfo", mounts),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9000\n"),
                ("sys/fs/cgroup/memory/in/memory.limit_in_bytes", "8000\n"),
                ("sys/fs/cgroup/cpu/memory.limit_in_bytes", "1\n"),
                ("sys/fs/cgroup/unified/memory.max", "max\n"),
            ])
        };
        for (groups, least) in [
            ("4:memory:/box/in\n1:cpu:/\n0::/\n", Some(8000)),
            ("4:cpu,memory:/box\n0::/\n", Some(9000)),
            // Outside of what the mount shows.
            ("4:memory:/other\n", Some(9000)),
            ("1:cpu:/\n0::/\n", None),
            ("nonsense\n", None),
        ] {
            assert_eq!(control_groups(root(groups).path()), least, "{groups}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_space_without_a_limit_has_none() {
        assert!(address_space().is_none_or(|bytes| bytes > 0));
    }
}
