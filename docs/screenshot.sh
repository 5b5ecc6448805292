#!/usr/bin/env bash
# Makes docs/report.png, the picture in the README, from a run of the mlp: needs Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
cargo run --release --quiet --example mlp -- --out "$run/mlp" --quiet
chromium --headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync \
  --user-data-dir="$run/chromium" --hide-scrollbars --window-size=1040,1290 --screenshot="$PWD/docs/report.png" \
  "file://$run/mlp/report.html" 2> /dev/null
