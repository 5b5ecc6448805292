//! Pages of odd data: one class or hundreds, pictures of one pixel, numbers that are none, names that look like HTML.

use longhand_report::{Chart, Curve, NumbersReport, Pad, Report, RunSummary, Runs};
use ndarray::{Array2, Array3};

const NAME: &str = "\"><img src=x onerror=alert(1)></script>\n";

fn page(
    classes: &[String],
    (rows, columns): (usize, usize),
    samples: usize,
    values: Vec<f64>,
) -> String {
    let images =
        Array3::from_shape_fn((samples, rows, columns), |(i, r, c)| (i * 31 + r * 7 + c) as u8);
    let labels: Vec<usize> = (0..samples).map(|i| i % classes.len()).collect();
    let probabilities = Array2::from_elem((samples, classes.len()), 1.0 / classes.len() as f32);
    let weights = Array2::from_shape_fn((rows * columns, 120), |(i, j)| i as f32 - j as f32);
    let report = Report {
        title: NAME.to_owned(),
        settings: vec![(NAME.to_owned(), NAME.to_owned())],
        made: vec![(NAME.to_owned(), NAME.to_owned())],
        files: &["metrics.csv"],
        losses: vec![
            Curve::new("train", values.clone()).training(),
            Curve::new("valid", values.clone()),
        ],
        accuracies: vec![Curve::new("valid", values)],
        classes: classes.to_vec(),
        images: Some(images.view()),
        labels: &labels,
        probabilities: probabilities.view(),
        weights: Some(weights),
        hidden: true,
        active: Some(vec![0.0; 120]),
        pad: Some(Pad { model: &[1, 2, 3], centred: false }),
    };
    for svg in
        [report.loss_svg(), report.accuracy_svg(), report.confusion_svg(), report.calibration_svg()]
    {
        // Said in words, but no coordinate.
        let drawn = svg.split("</desc>").last().unwrap();
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{svg}");
    }
    report.weights_png().unwrap();
    report.html()
}

#[test]
fn odd_data_have_a_page() {
    let names = |n: usize| (0..n).map(|i| format!("{i}{NAME}")).collect::<Vec<_>>();
    for (classes, shape, samples, values) in [
        (1, (28, 28), 5, vec![0.0, 0.0, 0.0]),
        (2, (1, 1), 3, vec![f64::NAN, f64::INFINITY, 1.0]),
        (3, (2, 70), 30, vec![1.0]),
        (10, (28, 28), 200, vec![]),
        (300, (8, 8), 900, vec![2.0; 400]),
    ] {
        let html = page(&names(classes), shape, samples, values);
        assert!(!html.contains("<img"), "a name is no element");
        assert_eq!(html.matches("</script>").count(), 2, "the model's and the page's");
        assert!(html.len() < 8_000_000, "{}", html.len());
    }
}

#[test]
fn axes_have_room_for_their_numbers() {
    for values in [vec![1.0; 5], vec![0.0; 5], vec![0.7], vec![1e-12, 2e-12]] {
        let curves = [Curve::new("valid", values)];
        let svg =
            Chart { title: "t", x: "epoch", y: "y", curves: &curves, ..Chart::default() }.svg();
        let labels =
            svg.split("text-anchor=\"end\">").skip(1).map(|part| part.split('<').next().unwrap());
        assert!(
            labels.clone().count() >= 2 && labels.clone().all(|label| label.len() <= 15),
            "{svg}"
        );
    }
}

#[test]
fn numbers_and_runs_may_be_none() {
    let report = NumbersReport {
        title: NAME.to_owned(),
        settings: vec![],
        made: vec![],
        files: &[],
        losses: vec![Curve::new("valid", vec![f64::NAN])],
        errors: vec![],
        name: NAME.to_owned(),
        targets: &[1.0, 1.0],
        predictions: &[f64::NAN, 1.0],
    };
    assert!(!report.html().contains("<img"));

    let run = |name: &str, measures: &[f64], kept| RunSummary {
        name: name.to_owned(),
        page: Some("./a%20b/report.html".to_owned()),
        losses: measures.iter().map(|m| 1.0 - m).collect(),
        measures: measures.to_vec(),
        kept,
        ..RunSummary::default()
    };
    let runs = [
        run("diverged", &[0.1, f64::NAN], None),
        run("best at the end", &[0.1, 0.9], None),
        run("best in the middle", &[0.1, 0.95, 0.2], Some(1)),
        run("nothing", &[], None),
        run(NAME, &[0.3], None),
    ];
    let html = Runs { title: "t", runs: &runs, measure: "accuracy", larger_is_better: true }.html();
    let table = html.split("</table>").next().unwrap();
    let at = |name: &str| table.find(&format!(">{name}<")).unwrap();
    assert!(
        at("best in the middle") < at("best at the end") && at("best at the end") < at("diverged")
    );
    assert!(!html.contains("<img"));
}
