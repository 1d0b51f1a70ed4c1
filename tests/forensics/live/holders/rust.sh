#!/usr/bin/env bash
# Builds rust.rs with the crates of Debian's librust-aes-dev and nothing from elsewhere:
#
#     rust.sh CARGO RUSTC SOURCE OUTPUT DIRECTORY
set -euo pipefail

cargo=$1 rustc=$2 source=$3 output=$4 work=$5

unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET CARGO_BUILD_TARGET_DIR
mkdir -p "$work/src" "$work/home"
cp "$source" "$work/src/main.rs"
printf '%s\n' '[package]' 'name = "holder"' 'version = "0.0.0"' 'edition = "2018"' \
    '[dependencies]' 'aes = "0.6"' '[workspace]' >"$work/Cargo.toml"
printf '%s\n' '[source.crates-io]' 'replace-with = "debian"' \
    '[source.debian]' 'directory = "/usr/share/cargo/registry"' >"$work/home/config.toml"
cd "$work"
CARGO_HOME=$work/home RUSTC=$rustc "$cargo" build --quiet --offline --release --target-dir "$work/target"
cp "$work/target/release/holder" "$output"
