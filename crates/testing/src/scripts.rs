//! Programs that a test makes up, in place of real ones.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes an executable script. Another process writes it: while any process has it open for writing, as a child of a
/// test beside may by inheritance, it could not be started.
pub fn install_script(path: &Path, text: &str) {
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("install (coreutils) starts");
    let mut stdin = install.stdin.take().expect("its input is a pipe");
    stdin.write_all(text.as_bytes()).expect("it reads everything");
    drop(stdin);
    assert!(install.wait().expect("it ends").success());
}
