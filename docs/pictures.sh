#!/usr/bin/env bash
# Makes the pictures of README.md and docs/homework.md from runs: docs/pictures/*, and docs/report.png and docs/playground.png, which need
# Chromium and Node.
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

cargo run --release --quiet --example mlp -- --out "$runs/drawn" --augment 10 --lr 0.05 > /dev/null
cargo run --release --quiet --example playground -- --out "$runs/playground.html" > /dev/null
node docs/pictures.mjs chromium "$runs/drawn/report.html" "$runs/playground.html" docs
