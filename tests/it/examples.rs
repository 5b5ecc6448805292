use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::run::{program, run, run_args, stderr, success};

/// The lines of epochs, cut into columns.
fn table(stdout: &str) -> Vec<Vec<f64>> {
    let rows = stdout.lines().skip_while(|l| !l.starts_with("epoch ")).skip(1);
    let rows = rows.take_while(|l| !l.is_empty());
    rows.map(|l| l.split_whitespace().map(|c| c.parse().expect("a number")).collect()).collect()
}

/// A run's output without the two columns of times.
fn without_times(stdout: &str) -> String {
    let timeless = |line: &str| {
        let is_row = line.split_whitespace().count() == 6 && !line.starts_with("epoch");
        let kept = if is_row { 49 } else { line.len() };
        line[..kept].to_owned()
    };
    stdout.lines().map(timeless).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_run_prints_a_line_per_epoch_and_leaves_three_files() {
    let folder = tempfile::tempdir().unwrap();
    for (example, net) in [("logistic", "784-10"), ("mlp", "784-30-10")] {
        let out = success(&run(example, "--epochs 3 --seed 7", folder.path()));
        let rows = table(&out);
        assert_eq!(rows.len(), 3, "{out}");
        assert!(
            rows.iter().zip(1..).all(|(row, epoch)| row.len() == 6 && row[0] == f64::from(epoch))
        );
        let widths: Vec<usize> =
            out.lines().skip_while(|l| !l.starts_with("epoch ")).take(4).map(str::len).collect();
        assert!(widths.iter().all(|&w| w == widths[0]), "the columns are aligned: {out}");
        assert!(out.contains(&format!("model  {net}")), "{out}");
        assert!(out.contains("(ln 10 = 2.3026)"), "{out}");

        let files = folder.path().join(format!("runs/{example}-seed7"));
        let last = out.lines().last().unwrap();
        assert!(last.contains(&format!("validation accuracy {:.4}", rows[2][3])), "{last}");
        assert!(last.ends_with(&format!("see runs/{example}-seed7/report.html")), "{last}");

        let metrics = fs::read_to_string(files.join("metrics.csv")).unwrap();
        let lines: Vec<&str> = metrics.lines().collect();
        assert_eq!(lines[0], "epoch,train_loss,train_accuracy,valid_loss,valid_accuracy,seconds");
        assert_eq!(lines.len(), 5, "a heading, epoch 0 and three epochs");
        for (epoch, line) in lines[1..].iter().enumerate() {
            let cells: Vec<f64> = line.split(',').map(|c| c.parse().unwrap()).collect();
            assert_eq!((cells.len(), cells[0]), (6, epoch as f64));
            assert!(cells[2..5].iter().all(|c| (0.0..10.0).contains(c)));
        }

        let config: Value =
            serde_json::from_slice(&fs::read(files.join("config.json")).unwrap()).unwrap();
        assert_eq!(config["example"], example);
        assert_eq!(config["options"]["seed"], 7);
        assert_eq!(config["options"]["epochs"], 3);
        assert_eq!(config["options"]["per_class"], 500);
        assert_eq!(config["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(config["data"]["sha256"].as_str().unwrap().len(), 64);

        let plot = fs::read_to_string(files.join("loss.svg")).unwrap();
        assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"));
        for part in [
            "class=\"curve m0 dashed\"",
            "class=\"curve m0\"",
            ">valid</text>",
            "ln 10 = 2.303: guessing<",
        ] {
            assert!(plot.contains(part), "{part} is missing in {plot}");
        }

        for name in ["accuracy.svg", "confusion.svg", "calibration.svg"] {
            let svg = fs::read_to_string(files.join(name)).unwrap();
            assert!(svg.starts_with("<svg ") && svg.contains("<title>"), "{name}");
        }
        let size = |name: &str| {
            let file = std::io::Cursor::new(fs::read(files.join(name)).unwrap());
            let info = png::Decoder::new(file).read_info().unwrap().info().clone();
            (info.width, info.height)
        };
        let expected = match example {
            "mlp" => (10 * (3 * 28 + 8), 3 * (3 * 28 + 24)),
            _ => (5 * (6 * 28 + 8), 2 * (6 * 28 + 24)), // so few are larger
        };
        assert_eq!(size("weights.png"), expected);
        assert_eq!(size("mistakes.png"), (6 * 28, 4 * 28));

        // The page loads nothing, links to what is beside it, is small, and counts what it shows.
        let page = fs::read_to_string(files.join("report.html")).unwrap();
        assert!(page.len() < 2_000_000 && page.ends_with("</html>\n"), "{}", page.len());
        let links: Vec<&str> =
            page.split("href=\"").skip(1).map(|link| link.split('"').next().unwrap()).collect();
        assert_eq!(links, ["metrics.csv", "config.json", "model.safetensors"]);
        for elsewhere in ["src=", "@import", "url(http", "fetch("] {
            assert!(!page.contains(elsewhere), "{elsewhere}");
        }
        let metrics = fs::read_to_string(files.join("metrics.csv")).unwrap();
        let accuracy: f64 =
            metrics.lines().last().unwrap().split(',').nth(4).unwrap().parse().unwrap();
        assert!(page.contains(&format!("{:.1} % on 5000 images", 100.0 * accuracy)), "{accuracy}");
        let cells = page.split(" data-n=\"").skip(1);
        let counts: Vec<usize> =
            cells.map(|cell| cell.split('"').next().unwrap().parse().unwrap()).collect();
        assert_eq!((counts.len(), counts.iter().sum::<usize>()), (100, 5000));
        let right: usize = (0..10).map(|digit| counts[11 * digit]).sum();
        assert_eq!(right as f64 / 5000.0, accuracy);
    }
}

/// Runs an example on a terminal of 80 columns, if there is a program to make one, and returns what
/// it showed.
fn on_a_terminal(example: &str, flags: &str, variables: &[(&str, &str)]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let command = format!("stty cols 80; {} {flags}", program(example).display());
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).current_dir(folder.path());
    script.env_remove("NO_COLOR").env("TERM", "xterm").envs(variables.iter().copied());
    let output = script.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_terminal_gets_a_chart_a_digit_and_colours_and_others_do_not() {
    let Some(shown) = on_a_terminal("mlp", "--epochs 3", &[]) else {
        println!("skipped: there is no program `script`");
        return;
    };
    assert!(shown.contains("loss by epoch: o train, + valid"), "{shown}");
    assert!(shown.contains("the worst mistake: a "), "{shown}");
    let visible = |line: &str| line.rsplit("\x1b[K").next().unwrap().trim_end().chars().count();
    assert!(shown.lines().all(|line| visible(line) <= 80), "{shown}");

    for (flags, variables) in [
        ("--epochs 3 --quiet", &[][..]),
        ("--epochs 3 --json", &[]),
        ("--epochs 3", &[("TERM", "dumb")]),
    ] {
        let shown = on_a_terminal("mlp", flags, variables).unwrap();
        assert!(!shown.contains("loss by epoch"), "{flags} {variables:?}: {shown}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(!success(&run("mlp", "--epochs 3", folder.path())).contains("loss by epoch"));

    let green = "\x1b[32mpassed\x1b[0m";
    let check = "--check --epochs 5 --per-class 100";
    // Few epochs on few images need not pass every check: the first one does.
    let checks = |variables: &[(&str, &str)]| {
        on_a_terminal("logistic", &format!("{check}; true"), variables).unwrap()
    };
    assert!(checks(&[]).contains(green));
    assert!(!checks(&[("NO_COLOR", "1")]).contains("\x1b[32m"));
    assert!(checks(&[("NO_COLOR", "")]).contains(green), "empty is as if it were not set");
}

#[test]
fn a_sweep_tries_every_combination_and_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let flags =
        "--hidden 0,5 --lr 0.1,1e30 --weight-decay 0 --seeds 2 --epochs 2 --per-class 50 --out o";
    let rows = |printed: &str| -> Vec<Vec<String>> {
        let rows = printed.lines().skip_while(|l| !l.starts_with("hidden ")).skip(1);
        let cells = |l: &str| l.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        rows.take_while(|l| !l.is_empty()).map(|l| cells(l)[..4].to_vec()).collect()
    };
    let first = success(&run("sweep", flags, folder.path()));
    let table = rows(&first);
    assert_eq!(table.len(), 4, "{first}");
    assert!(first.lines().all(|l| l.chars().count() <= 80), "{first}");
    assert!(table[1][3] == "diverged" || table[3][3] == "diverged", "{first}");
    let best = table.iter().filter_map(|row| row[3].parse::<f64>().ok()).fold(0.0, f64::max);
    assert!(first.contains(&format!(": accuracy {best:.4}\n")), "{first}");
    assert!(first.contains("from 4 settings on these same images"), "{first}");
    let map = fs::read_to_string(folder.path().join("o/sweep.svg")).unwrap();
    assert!(
        map.contains(&format!(">{:.2}<", 100.0 * best))
            || map.contains(&format!(">{:.1}<", 100.0 * best))
    );
    let csv = fs::read_to_string(folder.path().join("o/sweep.csv")).unwrap();
    assert_eq!(csv.lines().count(), 5);

    // Interrupted in the middle of the last line, and begun again: one run is made anew, and all is
    // as it was.
    let path = folder.path().join("o/runs.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 8);
    fs::write(&path, &text[..text.len() - 20]).unwrap();
    let again = success(&run("sweep", &format!("{flags} --threads 1"), folder.path()));
    assert!(again.contains("8 runs of 2 epochs; 7 of them were there already"), "{again}");
    assert_eq!(rows(&again), table);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 8);

    // Another net joins those that are there; other images are other runs.
    let more = success(&run("sweep", &flags.replace("0,5", "0,5,6"), folder.path()));
    assert!(more.contains("12 runs of 2 epochs; 8 of them were there already"), "{more}");
    let held_out = success(&run("sweep", &format!("{flags} --held-out 10"), folder.path()));
    assert!(held_out.contains("8 runs of 2 epochs\n"), "{held_out}");
    let accuracy_after = |part: &str| held_out.split(part).nth(1).unwrap()[..6].to_owned();
    let chosen = accuracy_after(": accuracy ");
    let judged = accuracy_after(
        "On the 500 validation images, which were not used for choosing, its accuracy is ",
    );
    assert_ne!(chosen, judged, "of 100 images, and of 500 others");

    fs::write(&path, "no run\n").unwrap();
    let refused = run("sweep", flags, folder.path());
    assert_eq!(refused.status.code(), Some(1));
    let message = stderr(&refused);
    assert!(message.contains("runs.jsonl, line 1: expected a finished run"), "{message}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "no run\n", "nothing is lost");
    for (flags, part) in [
        ("--hidden x", "--hidden: expected widths"),
        ("--lr 0.1,-1", "--lr: expected for each"),
        ("--held-out 501", "--held-out: cannot draw 501"),
        ("--held-out 500", "found all of them"),
        ("--seeds 0", "found `0`"),
        ("--nonsense 1", "nonsense"),
    ] {
        let refused = run("sweep", flags, folder.path());
        assert_eq!(refused.status.code(), Some(2), "{flags}");
        assert!(stderr(&refused).contains(part), "{flags}: {}", stderr(&refused));
    }
}

#[test]
fn lr_find_follows_its_flags() {
    let folder = tempfile::tempdir().unwrap();
    let printed = success(&run("lr_find", "--hidden 0 --from 0.01 --to 1 --out o", folder.path()));
    assert!(
        printed.starts_with("784-10, batches of 16") && printed.contains("usual choice"),
        "{printed}"
    );
    let rates = printed.lines().filter_map(|l| l.split_whitespace().next()?.parse::<f64>().ok());
    assert!(rates.into_iter().all(|rate| (0.0099..1.01).contains(&rate)), "{printed}");
    let svg = fs::read_to_string(folder.path().join("o/lr_find.svg")).unwrap();
    assert!(svg.contains(">0.01<") && svg.contains(">0.1<") && !svg.contains(">10<"), "{svg}");
    let refused = run("lr_find", "--from 2 --to 1", folder.path());
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("expected less than --to"), "{}", stderr(&refused));
}

#[test]
fn compare_says_which_of_the_models_is_better_and_how_sure_that_is() {
    let folder = tempfile::tempdir().unwrap();
    let printed = success(&run("compare", "--seeds 2 --epochs 8 --out o", folder.path()));
    let rows: Vec<Vec<&str>> = printed
        .lines()
        .filter(|l| l.trim_start().starts_with("42 ") || l.trim_start().starts_with("43 "))
        .map(|l| l.split_whitespace().collect())
        .collect();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        let number = |i: usize| row[i].parse::<f64>().unwrap();
        // What only one of them reads is what their accuracies differ by.
        assert!(
            (5000.0 * (number(2) - number(1)) - (number(4) - number(3))).abs() < 1e-6,
            "{row:?}"
        );
        assert!(number(5) < 0.05 && number(2) > number(1), "{row:?}");
    }
    assert!(printed.contains("The perceptron is better on these digits"), "{printed}");
    let plot = fs::read_to_string(folder.path().join("o/compare.svg")).unwrap();
    assert_eq!(plot.matches("<path class=\"curve").count(), 4);
    // The page shows as many images as only one of them read, up to 48 of each.
    let page = fs::read_to_string(folder.path().join("o/compare.html")).unwrap();
    for (name, cell) in [("logistic regression", rows[0][3]), ("the perceptron", rows[0][4])] {
        assert!(page.contains(&format!("Only {name} was right: {cell} images")), "{name} {cell}");
    }
    let shown: usize = rows[0][3..5].iter().map(|n| n.parse::<usize>().unwrap().min(48)).sum();
    assert_eq!(page.matches("<figure>").count(), shown);
    // It begins with the result, as a sentence and a table.
    let lead = page.find("<p class=\"lead\">The perceptron is better on these digits").unwrap();
    let row = page.find("</i> logistic regression</th><td>0.").unwrap();
    assert!(lead < row && row < page.find("<svg").unwrap());
    assert!(printed.lines().all(|l| l.chars().count() <= 80), "{printed}");

    let refused = run("compare", "--seeds 0", folder.path());
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("expected a whole number, 1 or more, found `0`"),
        "{}",
        stderr(&refused)
    );
}

/// PyTorch's nets reach 0.23 and 0.44 to 0.46 after rounding, where as classifiers they reach 0.90
/// and 0.93.
#[test]
fn regression_is_as_bad_as_it_is_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let printed = success(&run("regression", "", folder.path()));
    let accuracies = |name: &str| {
        let line = printed.lines().find(|l| l.starts_with(name)).unwrap();
        line.split_whitespace().skip(1).map(|n| n.parse().unwrap()).collect::<Vec<f64>>()
    };
    let (one, two) = (accuracies("784-k"), accuracies("784-30-k"));
    assert!((0.20..0.26).contains(&one[0]) && one[1] > 0.895, "{one:?}");
    assert!((0.40..0.50).contains(&two[0]) && two[1] > 0.92, "{two:?}");
    let map = fs::read_to_string(folder.path().join("runs/regression/regression.svg")).unwrap();
    assert_eq!(map.matches("<g class=\"cell").count(), 100);
    let refused = run("regression", "--hidden 0", folder.path());
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = |name: &str| {
        let text = fs::read_to_string(folder.path().join(name).join("metrics.csv")).unwrap();
        text.lines().map(|l| l.rsplit_once(',').unwrap().0.to_owned()).collect::<Vec<_>>()
    };
    let mut outputs = vec![];
    for (name, seed) in [("a", 1), ("b", 1), ("c", 2)] {
        let flags = format!("--epochs 2 --per-class 50 --seed {seed} --out {name}");
        let out = without_times(&success(&run("mlp", &flags, folder.path())));
        assert!(out.contains("weights "), "the hash of the weights is compared as well: {out}");
        outputs.push(out.replace(&format!(" {name}/"), " DIR/"));
    }
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(metrics("a"), metrics("b"));
    assert_ne!(outputs[0], outputs[2]);
    assert_ne!(metrics("a"), metrics("c"));
}

#[test]
fn hidden_layers_can_be_wider_and_more() {
    let folder = tempfile::tempdir().unwrap();
    let out = success(&run("mlp", "--hidden 16,12 --epochs 1 --per-class 20", folder.path()));
    let parameters = 785 * 16 + 17 * 12 + 13 * 10;
    assert!(out.contains(&format!("784-16-12-10, {parameters} parameters")), "{out}");
    assert!(out.contains("200 training and 200 validation images"), "{out}");
}

#[test]
fn zero_epochs_only_evaluate() {
    let folder = tempfile::tempdir().unwrap();
    let out = success(&run("logistic", "--epochs 0 --out o", folder.path()));
    assert!(table(&out).is_empty());
    assert!(out.contains("after 0 epochs"), "{out}");
    assert_eq!(fs::read_to_string(folder.path().join("o/metrics.csv")).unwrap().lines().count(), 2);
}

#[test]
fn quiet_prints_the_last_line_only() {
    let folder = tempfile::tempdir().unwrap();
    let out = success(&run("mlp", "--quiet --epochs 1 --per-class 10", folder.path()));
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.starts_with("validation accuracy "));
}

#[test]
fn help_lists_every_flag() {
    let folder = tempfile::tempdir().unwrap();
    let common = [
        "--epochs",
        "--lr",
        "--batch-size",
        "--seed",
        "--data",
        "--per-class",
        "--out",
        "--quiet",
        "--help",
    ];
    for example in ["logistic", "mlp"] {
        let out = success(&run(example, "--help", folder.path()));
        assert!(common.iter().all(|flag| out.contains(flag)), "{out}");
        assert!(
            out.lines().all(|l| l.chars().count() <= 80),
            "fits a terminal of 80 columns: {out}"
        );
        assert_eq!(out.contains("--hidden"), example == "mlp");
    }
}

#[test]
fn a_closed_pipe_is_no_panic_and_the_files_are_complete() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(program("logistic"))
        .args(["--epochs", "5", "--out", "o"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap(); // and the pipe is closed
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fs::read_to_string(folder.path().join("o/metrics.csv")).unwrap().lines().count(), 7);
    assert!(folder.path().join("o/loss.svg").exists());
}

#[test]
fn look_shows_the_embedded_digits() {
    let folder = tempfile::tempdir().unwrap();
    let out = success(&run("look", "", folder.path()));
    assert!(out.starts_with("embedded MNIST subset\n"), "{out}");
    assert_eq!(out.lines().filter(|l| l.ends_with("     500      500")).count(), 10, "{out}");
    assert!(out.contains("mean 0.1321, standard deviation 0.3096"), "{out}");
    assert!(out.lines().all(|l| l.chars().count() <= 84), "three digits side by side: {out}");
    assert!(out.lines().any(|l| l.contains("%%%%")), "{out}");
}

#[test]
fn look_knows_the_moments_of_the_full_set() {
    let Some(full) = crate::full_mnist::folder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = success(&run_args("look", ["--data".as_ref(), full.as_os_str()], folder.path()));
    assert!(out.contains("mean 0.1307, standard deviation 0.3081"), "{out}");
    assert!(out.contains("all             60000    10000"), "{out}");
}

#[test]
fn look_refuses_what_is_no_flag_and_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, code) in [("--datum x", 2), ("--data nowhere", 1)] {
        let output = run("look", flags, folder.path());
        assert_eq!(output.status.code(), Some(code));
        assert!(crate::run::stderr(&output).starts_with("error: "));
    }
}

/// Pictures in folders, and the IDX files of the same digits, give the same training to the bit.
#[test]
fn pictures_train_as_idx_files_do() {
    let folder = tempfile::tempdir().unwrap();
    let digits = longhand_mnist::Dataset::embedded().draw_per_class(5, 1).unwrap();
    for (tree, idx, split) in
        [("training", "train", &digits.train), ("testing", "t10k", &digits.test)]
    {
        for (i, label) in split.labels().iter().enumerate() {
            let class = folder.path().join(format!("png/{tree}/{label}"));
            fs::create_dir_all(&class).unwrap();
            let file = fs::File::create(class.join(format!("{i}.png"))).unwrap();
            let mut encoder = png::Encoder::new(file, 28, 28);
            encoder.set_color(png::ColorType::Grayscale);
            let pixels: Vec<u8> = split.image(i).iter().copied().collect();
            encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        }
        fs::create_dir_all(folder.path().join("idx")).unwrap();
        let path = |what: &str| folder.path().join(format!("idx/{idx}-{what}-ubyte"));
        longhand_idx::write(path("images-idx3"), split.images()).unwrap();
        let labels = ndarray::Array1::from(split.labels().to_vec());
        longhand_idx::write(path("labels-idx1"), &labels).unwrap();
    }
    let runs = ["png", "idx"].map(|source| {
        let flags = format!("--data {source} --per-class 4 --epochs 2 --out o");
        let out = without_times(&success(&run("mlp", &flags, folder.path())));
        out.lines().skip(1).collect::<Vec<_>>().join("\n")
    });
    assert_eq!(runs[0], runs[1]);
}

/// Nothing is fetched where a mirror cannot be reached; the error says how to do without.
#[test]
fn a_name_is_a_download() {
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(program("look"))
        .args(["--data", "kmnist"])
        .env("LONGHAND_CACHE", folder.path().join("cache"))
        .env("http_proxy", "http://127.0.0.1:9") // nobody listens there
        .output()
        .unwrap();
    let message = crate::run::stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("cannot download train-images-idx3-ubyte.gz; tried"), "{message}");
    assert!(
        message
            .contains("http://codh.rois.ac.jp/kmnist/dataset/kmnist/train-images-idx3-ubyte.gz: "),
        "{message}"
    );
    assert!(message.trim_end().ends_with("cache/longhand/kmnist"), "{message}");
}

#[test]
fn workloads_print_a_json_line_each() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, names) in [
        ("--workloads W1,W2,W5B --reps 2", &["W1", "W2", "W5B"][..]),
        ("--dims 784,12,10 --batch 37 --reps 1 --threads 1", &["784-12-10"]),
        (
            "--dims 784,20,10 --activation gelu --optimizer momentum --dropout 0.1,0.1 --layer-norm --reps 1",
            &["784-20-10"],
        ),
    ] {
        let out = success(&run("workloads", flags, folder.path()));
        let lines: Vec<Value> =
            out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines.iter().map(|l| l["workload"].as_str().unwrap()).collect::<Vec<_>>(),
            names
        );
        for line in &lines {
            assert_eq!(line["peer"], "longhand");
            assert!(line["samples"].as_array().unwrap().iter().all(|s| s.as_f64().unwrap() > 0.0));
            // Trained: well below ln 10 after the epoch to warm up.
            assert!(line["loss"].as_f64().is_none_or(|loss| loss < 1.0), "{line}");
        }
    }
    for (flags, part) in [
        ("--workloads W9", "`W9`"),
        ("--dims 783,10", "--dims"),
        ("--batch 0", "found `0`"),
        ("--dims 784,10 --optimizer lion", "expected one of sgd, momentum"),
        ("--dims 784,10 --dropout 0.1,0.2,0.3", "one or two shares"),
        ("--optimizer adam", "--dims"),
        ("--nonsense", "nonsense"),
    ] {
        let output = run("workloads", flags, folder.path());
        assert_eq!(output.status.code(), Some(2));
        assert!(crate::run::stderr(&output).contains(part), "{}", crate::run::stderr(&output));
    }
}

#[test]
fn the_checks_pass_and_can_fail() {
    let folder = tempfile::tempdir().unwrap();
    for (example, flags, count) in [
        ("logistic", "", 8),
        ("mlp", "", 8),
        ("lr_find", "--hidden 0", 8),
        ("compare", "", 15),
        ("sweep", "--hidden 0,10", 15),
        ("regression", "", 30),
    ] {
        let printed = success(&run(example, &format!("--check {flags}"), folder.path()));
        assert_eq!(printed.matches("passed  ").count(), count, "{printed}");
        assert!(printed.ends_with(&format!("\nall {count} checks passed\n")), "{printed}");
        assert!(printed.lines().all(|line| line.chars().count() <= 80), "{printed}");
    }
    // Without training, nothing is learned. (The biases take an epoch of their own.)
    let failed = run("mlp", "--check --epochs 0", folder.path());
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&failed.stdout).contains("FAILED  two layers beat"));
    assert!(stderr(&failed).contains("2 of 8 checks failed"), "{}", stderr(&failed));
    // A learning rate of 0 learns no bias.
    let failed = run("mlp", "--check --lr 0", folder.path());
    assert!(String::from_utf8_lossy(&failed.stdout).contains("FAILED  biases"));
    // The checks are of the options that are given.
    for (example, check) in
        [("mlp", "FAILED  overfits 16 images"), ("logistic", "FAILED  it learns")]
    {
        let failed = run(example, "--check --lr 3", folder.path());
        assert_eq!(failed.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&failed.stdout).contains(check), "{example}");
    }
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "a check leaves no files");
}

#[test]
fn json_is_one_object_for_each_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let printed = success(&run("mlp", "--json --epochs 2 --per-class 20 --out o", folder.path()));
    let epochs: Vec<Value> = printed.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(epochs.len(), 3);
    let metrics = fs::read_to_string(folder.path().join("o/metrics.csv")).unwrap();
    for (i, (epoch, row)) in epochs.iter().zip(metrics.lines().skip(1)).enumerate() {
        assert_eq!(epoch["epoch"], i);
        assert_eq!(epoch["valid_loss"].to_string(), row.split(',').nth(3).unwrap());
    }
}
