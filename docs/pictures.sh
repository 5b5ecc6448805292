#!/usr/bin/env bash
# Makes the pictures of README.md and docs/homework.md from runs: docs/pictures/*.svg, and docs/report.png, which needs Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
mkdir -p docs/pictures

example() {
  cargo run --release --quiet --example "$1" -- --out "$runs/$1" "${@:2}" > "$runs/$1.txt"
}
example logistic
example mlp
example compare
example lr_find
example sweep --hidden 10,30,100,300 --lr 0.05,0.1,0.2 --weight-decay 0
example regression
for run in logistic mlp; do
  cp "$runs/$run/loss.svg" "docs/pictures/$run.svg"
done
for run in compare lr_find sweep regression; do
  cp "$runs/$run/$run.svg" docs/pictures/
done
cp "$runs/logistic/weights.png" docs/pictures/templates.png

chromium --headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync \
  --user-data-dir="$runs/chromium" --hide-scrollbars --window-size=1040,1290 --screenshot="$PWD/docs/report.png" \
  "file://$runs/mlp/report.html" 2> /dev/null
