//! Downloads from servers on this machine, sound ones and others.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, thread};

use hmac_sha256::Hash;
use longhand_mnist::{Download, Name, Proxies};
use ndarray::Array1;

use super::*;

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// The four files of a data set, by name, and the checksums of what is in them.
fn files(digits: &Dataset) -> (HashMap<String, Vec<u8>>, [String; 4]) {
    let encode = |plain: &mut dyn FnMut(&mut Vec<u8>, bool)| {
        let (mut gzip, mut bytes) = (vec![], vec![]);
        plain(&mut gzip, true);
        plain(&mut bytes, false);
        let sha256 = Hash::hash(&bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
        (gzip, sha256)
    };
    let images = |split: &Split| {
        encode(&mut |out: &mut Vec<u8>, gzip| match gzip {
            true => longhand_idx::write_gzip_to(out, split.images()).unwrap(),
            false => longhand_idx::write_to(out, split.images()).unwrap(),
        })
    };
    let labels = |split: &Split| {
        let labels = Array1::from(split.labels().to_vec());
        encode(&mut |out: &mut Vec<u8>, gzip| match gzip {
            true => longhand_idx::write_gzip_to(out, &labels).unwrap(),
            false => longhand_idx::write_to(out, &labels).unwrap(),
        })
    };
    let encoded =
        [images(&digits.train), labels(&digits.train), images(&digits.test), labels(&digits.test)];
    let sha256 = encoded.clone().map(|(_, sha256)| sha256);
    let names = NAMES.map(|name| format!("/{name}.gz"));
    (names.into_iter().zip(encoded.map(|(gzip, _)| gzip)).collect(), sha256)
}

/// How a mirror answers.
#[derive(Clone, Copy, PartialEq)]
enum Mirror {
    Sound,
    Status(&'static str),
    CutOff,
    /// The stream ends half-way without its length having been announced.
    CutOffUnannounced,
    OtherContent,
    Html,
    Stalled,
}

/// Serves on this machine until the test ends; counts what it was asked.
fn serve(mirror: Mirror) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let (files, _) = files(&digits(if mirror == Mirror::OtherContent { 1 } else { 0 }));
    thread::spawn(move || {
        for stream in listener.incoming().take(100) {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = answer(stream.unwrap(), mirror, &files); // a client may go away
        }
    });
    (address, asked)
}

fn answer(
    stream: TcpStream,
    mirror: Mirror,
    files: &HashMap<String, Vec<u8>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().unwrap()?;
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let file = &files[request.split(' ').nth(1).unwrap()];
    let mut out = &stream;
    let ok = |length: usize| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    match mirror {
        Mirror::Sound | Mirror::OtherContent => {
            out.write_all(ok(file.len()).as_bytes())?;
            out.write_all(file)
        }
        Mirror::Status(status) => out.write_all(
            format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
                .as_bytes(),
        ),
        Mirror::CutOff => {
            out.write_all(ok(file.len()).as_bytes())?;
            out.write_all(&file[..file.len() / 2])
        }
        Mirror::CutOffUnannounced => {
            out.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            out.write_all(&file[..file.len() / 2])
        }
        Mirror::Html => {
            let page = "<html>Please log in to this network</html>";
            out.write_all((ok(page.len()) + page).as_bytes())
        }
        Mirror::Stalled => {
            out.write_all(ok(file.len()).as_bytes())?;
            out.write_all(&file[..10])?;
            thread::sleep(Duration::from_secs(20));
            Ok(())
        }
    }
}

fn download(mirrors: &[&str], folder: &Path) -> Download {
    let mut download = Download::new(Name::Mnist);
    download.mirrors = mirrors.iter().map(ToString::to_string).collect();
    download.sha256 = Some(files(&digits(0)).1);
    download.folder = folder.join("cache");
    download.timeout = Duration::from_millis(2500);
    download.proxies = Proxies::default();
    download
}

/// What stands in the cache, sorted.
fn cached(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("cache")).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_sound_mirror_is_asked_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mirror, asked) = serve(Mirror::Sound);
    let download = download(&[&mirror], folder.path());
    let mut last = HashMap::new();
    let dataset = download
        .run(&mut |p| {
            last.insert(p.file.to_owned(), (p.received, p.total));
        })
        .unwrap();
    assert!(dataset.train == digits(0).train && dataset.test == digits(0).test);
    assert!(dataset.source.starts_with("mnist ("));
    assert_eq!(last.len(), 4);
    assert!(last.values().all(|(received, total)| Some(*received) == *total && *received > 0));
    assert_eq!(cached(folder.path()).len(), 4);
    let again = download.run(&mut |_| panic!("all is there")).unwrap();
    assert!(again.train == dataset.train);
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

/// Each way to fail: the next mirror serves instead; without one, the error says what happened, and
/// nothing is left.
#[test]
fn every_failure_leads_to_the_next_mirror_and_leaves_nothing() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap()) // closed at the end of this block
    };
    let failing = [
        (refused, "refused"),
        (serve(Mirror::Status("403 Forbidden")).0, "403"),
        (serve(Mirror::Status("404 Not Found")).0, "404"),
        (serve(Mirror::Status("500 Oops")).0, "500"),
        (serve(Mirror::CutOff).0, "after "),
        (serve(Mirror::CutOffUnannounced).0, "gzip stream ends early"),
        (serve(Mirror::OtherContent).0, "expected content of SHA-256"),
        (serve(Mirror::Html).0, "this is not an IDX file"),
        (serve(Mirror::Stalled).0, "timeout"),
    ];
    let (sound, _) = serve(Mirror::Sound);
    for (mirror, reason) in &failing {
        let folder = tempfile::tempdir().unwrap();
        let error = download(&[mirror], folder.path()).run(&mut |_| {}).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot download train-images-idx3-ubyte.gz; tried\n"),
            "{error}"
        );
        assert!(error.contains(&format!("{mirror}train-images-idx3-ubyte.gz: ")), "{error}");
        assert!(error.contains(reason), "{reason}: {error}");
        let place = format!("place them in {}", folder.path().join("cache").display());
        assert!(NAMES.iter().all(|name| error.contains(&format!("{name}.gz"))), "{error}");
        assert!(error.ends_with(&place), "{error}");
        assert_eq!(cached(folder.path()), [""; 0]);

        let dataset = download(&[mirror, &sound], folder.path()).run(&mut |_| {}).unwrap();
        assert!(dataset.train == digits(0).train);
    }
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<&str> = failing[..4].iter().map(|(mirror, _)| &mirror[..]).collect();
    let error = download(&all, folder.path()).run(&mut |_| {}).unwrap_err().to_string();
    assert_eq!(error.matches("train-images-idx3-ubyte.gz: ").count(), 4, "{error}");
}

#[test]
fn what_is_damaged_in_the_cache_is_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mirror, asked) = serve(Mirror::Sound);
    let download = download(&[&mirror], folder.path());
    download.run(&mut |_| {}).unwrap();
    let path = folder.path().join("cache/t10k-labels-idx1-ubyte.gz");
    let sound = fs::read(&path).unwrap();
    fs::write(&path, &sound[..sound.len() - 3]).unwrap();
    download.run(&mut |_| {}).unwrap();
    assert_eq!(fs::read(&path).unwrap(), sound);
    assert_eq!(asked.load(Ordering::SeqCst), 5);
}

/// Files placed by hand serve under any of their names, and are checked like others.
#[test]
fn files_placed_by_hand_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    fs::create_dir(&cache).unwrap();
    let digits = digits(0);
    for (name, split) in [("train", &digits.train), ("t10k", &digits.test)] {
        let labels = Array1::from(split.labels().to_vec());
        longhand_idx::write(cache.join(format!("{name}-labels.idx1-ubyte")), &labels).unwrap();
        longhand_idx::write(cache.join(format!("{name}-images-idx3-ubyte")), split.images())
            .unwrap();
    }
    let download = download(&[], folder.path());
    assert!(download.run(&mut |_| {}).unwrap().train == digits.train);

    // Other images are not taken for the right ones; the reason is told.
    let path = cache.join("train-images-idx3-ubyte");
    longhand_idx::write(&path, super::digits(1).train.images()).unwrap();
    let error = download.run(&mut |_| {}).unwrap_err().to_string();
    assert!(error.contains(&format!("{}: expected content of SHA-256", path.display())), "{error}");
    // A sound copy beside them is preferred.
    let gzip = cache.join("train-images-idx3-ubyte.gz");
    longhand_idx::write(gzip, digits.train.images()).unwrap();
    assert!(download.run(&mut |_| {}).unwrap().train == digits.train);
}

#[test]
fn an_interrupted_download_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (mirror, _) = serve(Mirror::Sound);
    let cache = folder.path().join("cache");
    fs::create_dir(&cache).unwrap();
    // What a killed process leaves: a part an hour old, and one that may be another process's.
    let ours = "train-images-idx3-ubyte.gz";
    for (name, age) in [
        (format!("{ours}.1.part"), 4000),
        (format!("{ours}.2.part"), 10),
        ("mine.part".into(), 4000),
    ] {
        let file = fs::File::create(cache.join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    download(&[&mirror], folder.path()).run(&mut |_| {}).unwrap();
    assert_eq!(cached(folder.path()).len(), 6);
    assert!(cache.join(format!("{ours}.2.part")).exists() && cache.join("mine.part").exists());
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cache"), "a file").unwrap();
    let error = download(&[], folder.path()).run(&mut |_| {}).unwrap_err().to_string();
    assert!(
        error.contains("cache: expected a folder") && error.contains("LONGHAND_CACHE"),
        "{error}"
    );
}

#[test]
fn names_and_mirrors_are_as_published() {
    for name in Name::ALL {
        assert_eq!(name.to_string().parse::<Name>().unwrap(), name);
        let download = Download::new(name);
        assert!(download.folder.ends_with(format!("longhand/{name}")));
        assert!(download.mirrors.len() >= if name == Name::Kmnist { 1 } else { 2 });
    }
}

/// A server on this machine that answers each request by its lines; it keeps the requests.
fn answering(
    answer: impl Fn(&[String]) -> Vec<u8> + Send + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let requests = Arc::new(Mutex::new(vec![]));
    let kept = requests.clone();
    thread::spawn(move || {
        for stream in listener.incoming().take(100) {
            let stream = stream.unwrap();
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            kept.lock().unwrap().extend(lines.iter().cloned());
            let _ = (&stream).write_all(&answer(&lines)); // a client may go away
        }
    });
    (address, requests)
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn status(line: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

/// A proxy as they are installed: it passes on whole addresses, and tunnels to port 443 only.
fn proxy(authorization: Option<&'static str>) -> (String, Arc<Mutex<Vec<String>>>) {
    let (files, _) = files(&digits(0));
    answering(move |request| {
        let asked: Vec<&str> = request[0].split(' ').collect();
        let known = authorization
            .is_none_or(|line| request.iter().any(|found| found.eq_ignore_ascii_case(line)));
        match (asked[0], asked[1].strip_prefix("http://mirror.example:8000/")) {
            _ if !known => status("407 Proxy Authentication Required"),
            ("GET", Some(name)) => ok(&files[&format!("/{name}")]),
            ("GET", None) => status("404 Not here"),
            _ => status("403 Tunnels to port 443 only"),
        }
    })
}

/// The host need not be known here: the proxy finds it.
#[test]
fn a_proxy_is_sent_the_whole_address_in_a_plain_get() {
    let folder = tempfile::tempdir().unwrap();
    let (address, requests) = proxy(None);
    let mut download = download(&["http://mirror.example:8000/"], folder.path());
    download.proxies.http = Some(format!("http://{address}"));
    assert!(download.run(&mut |_| {}).unwrap().train == digits(0).train);
    let requests = std::mem::take(&mut *requests.lock().unwrap());
    let first = format!("GET http://mirror.example:8000/{}.gz HTTP/1.1", "train-images-idx3-ubyte");
    assert_eq!(requests[0], first);
    assert_eq!(requests.iter().filter(|line| line.starts_with("GET ")).count(), 4);
    assert!(!requests.iter().any(|line| line.starts_with("CONNECT")), "{requests:?}");
    assert!(requests.iter().any(|line| line.eq_ignore_ascii_case("host: mirror.example:8000")));
    // Without `http://`, a proxy is known as well.
    let again = tempfile::tempdir().unwrap();
    download.folder = again.path().to_owned();
    download.proxies.http = Some(address);
    assert!(download.run(&mut |_| {}).is_ok());
}

#[test]
fn a_proxy_gets_the_name_and_password_of_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let (address, requests) = proxy(Some("Proxy-Authorization: Basic bWU6czNjciB0")); // me:s3cr t
    let mut download = download(&["http://mirror.example:8000/"], folder.path());
    download.proxies.http = Some(format!("http://me:s3cr%20t@{address}/"));
    assert!(download.run(&mut |_| {}).unwrap().train == digits(0).train);
    assert!(!requests.lock().unwrap().iter().any(|line| line.starts_with("Authorization")));
    // Without them, or with others, the message says what to do; passwords are not repeated.
    let again = tempfile::tempdir().unwrap();
    download.folder = again.path().to_owned();
    for user in ["", "me:secret@"] {
        download.proxies.http = Some(format!("http://{user}{address}"));
        let error = download.run(&mut |_| {}).unwrap_err().to_string();
        assert!(error.contains("407"), "{error}");
        assert!(error.contains(&format!("http://name:password@{address}")), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut download = download(&["http://mirror.example/"], folder.path());
    for (proxy, parts) in [
        (format!("http://{closed}"), ["refused", &format!("through the proxy {closed}")]),
        ("socks5://host:1080".to_owned(), ["SOCKS5", "set http_proxy to another"]),
        ("https://host:1080".to_owned(), ["HTTPS", "set http_proxy to another"]),
        ("http://me:secret@".to_owned(), ["expected a proxy such as http://host:port", "found"]),
    ] {
        download.proxies.http = Some(proxy);
        let error = download.run(&mut |_| {}).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn excepted_hosts_are_asked_without_the_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let (address, requests) = proxy(None);
    let (mirror, asked) = serve(Mirror::Sound);
    let mut download = download(&[&mirror], folder.path());
    download.proxies.http = Some(address);
    download.proxies.except = vec!["localhost".into(), "127.0.0.1".into()];
    assert!(download.run(&mut |_| {}).is_ok());
    assert_eq!((asked.load(Ordering::SeqCst), requests.lock().unwrap().len()), (4, 0));
}

/// Parts of known length instead of the whole: proxies make them of answers of unknown length.
#[test]
fn answers_in_chunks_are_put_together() {
    let (files, _) = files(&digits(0));
    let cut_off = |cut: bool| {
        let files = files.clone();
        answering(move |request| {
            let name = request[0].split(' ').nth(1).unwrap();
            let mut out = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in files[name].chunks(1000) {
                out.extend(format!("{:x}\r\n", chunk.len()).bytes());
                out.extend([chunk, b"\r\n"].concat());
            }
            if !cut {
                out.extend(b"0\r\n\r\n");
            }
            out
        })
        .0
    };
    let folder = tempfile::tempdir().unwrap();
    let mirrors = [cut_off(true), cut_off(false)].map(|address| format!("http://{address}/"));
    let download = download(&[&mirrors[0], &mirrors[1]], folder.path());
    assert!(download.run(&mut |_| {}).unwrap().train == digits(0).train);
}

#[test]
fn hosts_send_on_to_others() {
    let (sound, _) = serve(Mirror::Sound);
    let to = |location: String| {
        let (address, _) = answering(move |request| {
            let name = request[0].split(' ').nth(1).unwrap().trim_start_matches('/');
            let place = location.replace("NAME", name);
            let head = "HTTP/1.1 302 Found\r\nContent-Length: 2\r\nConnection: close\r\n";
            format!("{head}Location: {place}\r\n\r\nno").into_bytes()
        });
        format!("http://{address}/")
    };
    let reason = |mirror: &str| {
        let folder = tempfile::tempdir().unwrap();
        download(&[mirror], folder.path()).run(&mut |_| {}).map_err(|error| error.to_string())
    };
    assert!(reason(&to(format!("{sound}NAME"))).is_ok());
    let endless = reason(&to("/again/NAME".into())).unwrap_err();
    assert!(endless.contains("sent on more than 5 times"), "{endless}");
    let nowhere = reason(&to(String::new())).unwrap_err();
    assert!(nowhere.contains("train-images-idx3-ubyte.gz: "), "{nowhere}");
    // HTTPS is followed where it is built in; where not, the message says so.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let https = reason(&to(format!("https://127.0.0.1:{port}/NAME"))).unwrap_err();
    match cfg!(feature = "https") {
        true => assert!(https.contains("refused"), "{https}"),
        false => {
            let file = format!("at https://127.0.0.1:{port}/train-images-idx3-ubyte.gz");
            assert!(https.contains(&file), "{https}");
            assert!(https.contains("build longhand-mnist with its `https` feature"), "{https}");
        }
    }
}

/// For `https` addresses, a proxy is asked for a tunnel.
#[cfg(feature = "https")]
#[test]
fn https_goes_through_a_tunnel() {
    let folder = tempfile::tempdir().unwrap();
    let (address, requests) = proxy(None);
    let mut download = download(&["https://mirror.example/"], folder.path());
    download.proxies.https = Some(format!("http://{address}"));
    let error = download.run(&mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("403") && error.contains(&address), "{error}");
    download.proxies.https = Some("socks5://host:1".into());
    let error = download.run(&mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("found one for SOCKS5; set https_proxy to another"), "{error}");
    assert_eq!(requests.lock().unwrap()[0], "CONNECT mirror.example:443 HTTP/1.1");
}

/// Kuzushiji-MNIST's checksums are not known: other numbers of images are taken, and told.
#[test]
fn a_set_without_checksums_tells_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let (mirror, _) = serve(Mirror::Sound);
    let mut kmnist = Download::new(Name::Kmnist);
    kmnist.mirrors = vec![mirror];
    kmnist.folder = folder.path().to_owned();
    kmnist.proxies = Proxies::default();
    let dataset = kmnist.run(&mut |_| {}).unwrap();
    assert_eq!(dataset.class_names[0], "o");
    let numbers = ", 40 training and 40 test images where 60000 and 10000 were published";
    assert!(dataset.source.ends_with(numbers), "{}", dataset.source);
}

#[test]
fn known_sets_have_checksums() {
    for name in Name::ALL {
        let download = Download::new(name);
        assert_eq!(download.sha256.is_some(), name != Name::Kmnist);
        let well_formed = |sha256: &String| {
            sha256.len() == 64 && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        assert!(download.sha256.into_iter().flatten().all(|sha256| well_formed(&sha256)));
    }
}

/// MNIST's own files, where they are at hand, in the place of another set's.
#[test]
fn the_files_of_one_set_are_not_taken_for_another() {
    let Some(mnist) = std::env::var_os("LONGHAND_MNIST").map(std::path::PathBuf::from) else {
        return;
    };
    if !mnist.join(format!("{}.gz", NAMES[1])).exists() {
        return;
    }
    for name in [Name::FashionMnist, Name::Kmnist] {
        for file in NAMES {
            let folder = tempfile::tempdir().unwrap();
            // The other three are of the set, as far as can be known.
            let (mirror, _) = serve(Mirror::Sound);
            let mut download = Download::new(name);
            download.mirrors = vec![mirror];
            download.folder = folder.path().to_owned();
            download.proxies = Proxies::default();
            download.sha256 = None;
            download.run(&mut |_| {}).unwrap();
            fs::copy(mnist.join(format!("{file}.gz")), folder.path().join(format!("{file}.gz")))
                .unwrap();
            download.mirrors.clear();
            let error = download.run(&mut |_| {}).unwrap_err().to_string();
            let expected = format!("expected {file} of {name}, found {file} of mnist");
            assert!(error.contains(&expected), "{error}");
        }
    }
}
