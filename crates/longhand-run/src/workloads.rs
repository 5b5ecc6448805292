//! The workloads that longhand is measured by, beside other libraries: `benches/workloads.json`
//! lists them for all languages.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A net, and what it does.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Workload {
    /// `W1`, or the net's widths.
    #[serde(skip)]
    pub name: String,
    /// From the pixels to the classes.
    pub widths: Vec<usize>,
    /// Images at a time.
    pub batch: usize,
    /// Of plain SGD; none where the net only makes predictions.
    pub learning_rate: Option<f64>,
    /// The images of an epoch.
    pub images: Images,
}

/// The images of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Images {
    /// 500 training images of each class.
    PerClass,
    /// As many training images as ten batches take.
    TenBatches,
    /// All training images.
    All,
    /// All test images.
    Test,
}

/// All workloads, in their order.
pub fn workloads() -> Vec<Workload> {
    let listed = include_str!("../workloads.json");
    let listed: BTreeMap<String, Workload> =
        serde_json::from_str(listed).expect("a list of workloads");
    listed.into_iter().map(|(name, workload)| Workload { name, ..workload }).collect()
}

/// The workload of a name.
pub fn workload(name: &str) -> Option<Workload> {
    workloads().into_iter().find(|workload| workload.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole() {
        let names: Vec<String> = workloads().into_iter().map(|w| w.name).collect();
        assert_eq!(names, ["W1", "W2", "W3", "W4", "W5A", "W5B"]);
        assert_eq!(workload("W2").unwrap().widths, [784, 30, 10]);
        assert_eq!(workload("W9"), None);
    }
}
