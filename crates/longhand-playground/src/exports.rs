//! What a page calls. It writes a request to where [`longhand_request`] says, calls, and reads the answer from
//! where [`longhand_answer`] says. A call returns the length of the answer; below 0, the answer is the text of
//! an error, and its length is minus that less 1.

use std::sync::Mutex;

use crate::{Playground, Settings, digits};

struct Page {
    request: Vec<u8>,
    answer: Vec<u8>,
    playground: Option<Playground>,
}

static PAGE: Mutex<Page> = Mutex::new(Page { request: vec![], answer: vec![], playground: None });

/// Keeps the answer and returns its length.
fn answer(of: impl FnOnce(&mut Page) -> Result<Vec<u8>, String>) -> i32 {
    let mut page = PAGE.lock().expect("one thread");
    let answer = of(&mut page);
    let failed = answer.is_err();
    page.answer = answer.unwrap_or_else(String::into_bytes);
    let length = page.answer.len() as i32;
    if failed { -1 - length } else { length }
}

/// An answer of the net.
fn of_net(of: impl FnOnce(&mut Playground, &[u8]) -> Result<Vec<u8>, String>) -> i32 {
    answer(|Page { request, playground, .. }| match playground {
        Some(playground) => of(playground, request),
        None => Err("expected the digits first".to_owned()),
    })
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Functions under the names that a page knows. No other function has these names, and none reads memory that it is
/// given.
macro_rules! exports {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty $body:block)+) => {
        $($(#[$doc])*
        #[allow(unsafe_code)] // the name has to be as it is
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($argument: $type),*) -> $result $body)+
    };
}

exports! {
    /// Makes room for a request of so many bytes.
    fn longhand_request(length: u32) -> *mut u8 {
        let mut page = PAGE.lock().expect("one thread");
        page.request = vec![0; length as usize];
        page.request.as_mut_ptr()
    }

    /// Where the answer is.
    fn longhand_answer() -> *const u8 {
        PAGE.lock().expect("one thread").answer.as_ptr()
    }

    /// Reads the digits: the four files one behind the other, in IDX format, with their lengths.
    fn longhand_open(images: u32, labels: u32, test_images: u32, test_labels: u32) -> i32 {
        answer(|page| {
            let mut rest = &page.request[..];
            let files = [images, labels, test_images, test_labels].map(|length| {
                let file;
                (file, rest) = rest.split_at_checked(length as usize).unwrap_or((&[], rest));
                file
            });
            page.playground = Some(Playground::new(digits(files)?, &Settings::default())?);
            Ok(vec![])
        })
    }

    /// Begins with these settings. The request has those that are no single number, with spaces between them:
    /// the words of activation and optimizer, and the widths of the hidden layers.
    fn longhand_start(
        dropout: f64, learning_rate: f64, momentum: f64, weight_decay: f64, batch_size: u32, per_class: u32,
        augment: u32, seed: f64
    ) -> i32 {
        of_net(|playground, request| {
            let text = String::from_utf8_lossy(request);
            let mut words = text.split_whitespace().map(str::to_owned);
            let (activation, optimizer) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let width = |word: String| word.parse().map_err(|_| format!("hidden widths: expected whole numbers, found {word}"));
            let hidden = words.map(width).collect::<Result<Vec<usize>, String>>()?;
            let [batch_size, per_class, augment] = [batch_size, per_class, augment].map(|n| n as usize);
            let seed = seed as u64;
            playground.restart(&Settings {
                hidden, activation, dropout, optimizer, learning_rate, momentum, weight_decay, batch_size, per_class, augment, seed,
            })?;
            Ok(vec![])
        })
    }

    /// Trains for so many steps. The answer is the state, with the epochs from `from` on, as JSON.
    fn longhand_train(steps: u32, from: u32) -> i32 {
        of_net(|playground, _| {
            playground.train(steps as usize);
            serde_json::to_vec(&playground.state(from as usize)).map_err(|error| error.to_string())
        })
    }

    /// Changes the learning rate.
    fn longhand_learning_rate(learning_rate: f64) -> i32 {
        of_net(|playground, _| playground.set_learning_rate(learning_rate).map(|()| vec![]))
    }

    /// Reads the image of the request. The answer is `f32`: ten probabilities, then the hidden units.
    fn longhand_read() -> i32 {
        of_net(|playground, request| {
            let (probabilities, units) = playground.read(request)?;
            Ok(bytes(&[probabilities, units].concat()))
        })
    }

    /// Of each validation image three bytes: label, prediction, percent.
    fn longhand_predictions() -> i32 {
        of_net(|playground, _| Ok(playground.predictions()))
    }

    /// The pixels of a validation image.
    fn longhand_image(at: u32) -> i32 {
        of_net(|playground, _| playground.image(at as usize))
    }

    /// The weights of the first layer as `f32`, `[pixels, units]`.
    fn longhand_weights() -> i32 {
        of_net(|playground, _| Ok(bytes(&playground.weights())))
    }

    /// SHA-256 of the weights.
    fn longhand_hash() -> i32 {
        of_net(|playground, _| Ok(playground.hash().into_bytes()))
    }

    /// The model's file.
    fn longhand_model() -> i32 {
        of_net(|playground, _| playground.model())
    }

    /// Which kernels run.
    fn longhand_kernels() -> i32 {
        answer(|_| Ok(longhand_tensor::kernels().into()))
    }
}
