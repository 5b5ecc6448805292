use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::idx_folder::FILES;

/// A data set that can be fetched by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Name {
    /// `mnist`: handwritten digits. Y. LeCun, C. Cortes, C. Burges, 1998; CC BY-SA 3.0.
    Mnist,
    /// `fashion-mnist`: clothes. H. Xiao, K. Rasul, R. Vollgraf, 2017; MIT.
    FashionMnist,
    /// `kmnist`: classical Japanese characters. T. Clanuwat et al., 2018; CC BY-SA 4.0.
    Kmnist,
}

impl Name {
    /// All of them.
    pub const ALL: [Name; 3] = [Name::Mnist, Name::FashionMnist, Name::Kmnist];

    /// Addresses of folders with the four files. Kuzushiji-MNIST has one host only.
    pub(crate) fn mirrors(self) -> &'static [&'static str] {
        match self {
            Name::Mnist => &[
                "http://ossci-datasets.s3.amazonaws.com/mnist/",
                "http://storage.googleapis.com/cvdf-datasets/mnist/",
            ],
            Name::FashionMnist => &[
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "http://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            ],
            Name::Kmnist => &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
        }
    }

    /// SHA-256 of the decompressed files, in the order of [`FILES`], where genuine ones were at
    /// hand when this was written.
    pub(crate) fn sha256(self) -> Option<[&'static str; 4]> {
        match self {
            Name::Mnist => Some([
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ]),
            Name::FashionMnist => Some([
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ]),
            Name::Kmnist => None,
        }
    }

    /// The file of any of the sets that has this content.
    pub(crate) fn of_content(sha256: &str) -> Option<(Name, &'static str)> {
        Name::ALL.into_iter().find_map(|name| {
            let i = name.sha256()?.iter().position(|known| *known == sha256)?;
            Some((name, FILES[i]))
        })
    }

    pub(crate) fn class_names(self) -> Vec<String> {
        let names = match self {
            Name::Mnist => return crate::dataset::digit_names(),
            Name::FashionMnist => [
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ],
            Name::Kmnist => ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
        };
        names.map(str::to_owned).to_vec()
    }
}

/// The name by which it is asked for: `fashion-mnist`.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Name::Mnist => "mnist",
            Name::FashionMnist => "fashion-mnist",
            Name::Kmnist => "kmnist",
        })
    }
}

/// ```
/// use longhand_mnist::Name;
/// assert_eq!("fashion-mnist".parse::<Name>().unwrap(), Name::FashionMnist);
/// let error = "imagenet".parse::<Name>().unwrap_err();
/// assert_eq!(error.to_string(), "expected mnist, fashion-mnist or kmnist, found `imagenet`");
/// ```
impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Name, Error> {
        let name = Name::ALL.into_iter().find(|name| name.to_string() == text);
        name.ok_or_else(|| Error::Name { found: text.to_owned() })
    }
}
