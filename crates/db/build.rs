//! Rebuilds the crate when a migration changes: `embed_migrations!` does not tell cargo by itself.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
