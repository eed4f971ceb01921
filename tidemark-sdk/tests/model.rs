//! File requests do what a model of a file tree does, whatever their order.

use std::collections::BTreeMap;

use futures::executor::block_on;
use proptest::prelude::*;
use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_sdk::{Batch, Config, FileType, Files, Tidemark};

#[derive(Clone, Debug)]
enum Request {
    Write(usize, Vec<u8>),
    WriteNew(usize, Vec<u8>),
    WriteAt(usize, u16, Vec<u8>),
    Append(usize, Vec<u8>),
    SetLen(usize, u16),
    CreateDir(usize),
    CreateDirAll(usize),
    RemoveFile(usize),
    RemoveDir(usize),
    RemoveAll(usize),
    Rename(usize, usize),
    Batch(Vec<(usize, Vec<u8>)>),
}

const PATHS: [&str; 9] =
    ["/t/a", "/t/b", "/t/a/a", "/t/a/b", "/t/b/a", "/t/a/a/a", "/t/a/b/c", "/t/b/a/a", "/t/c"];

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let path = || 0..PATHS.len();
    // Now and then more than one request moves.
    let bytes = || {
        prop_oneof![
            9 => prop::collection::vec(any::<u8>(), 0..40),
            1 => (any::<u8>(), 0..40_000usize).prop_map(|(byte, len)| vec![byte; len]),
        ]
    };
    let request = prop_oneof![
        (path(), bytes()).prop_map(|(at, content)| Request::Write(at, content)),
        (path(), bytes()).prop_map(|(at, content)| Request::WriteNew(at, content)),
        (path(), any::<u16>(), bytes())
            .prop_map(|(at, offset, content)| Request::WriteAt(at, offset, content)),
        (path(), bytes()).prop_map(|(at, content)| Request::Append(at, content)),
        (path(), any::<u16>()).prop_map(|(at, len)| Request::SetLen(at, len)),
        path().prop_map(Request::CreateDir),
        path().prop_map(Request::CreateDirAll),
        path().prop_map(Request::RemoveFile),
        path().prop_map(Request::RemoveDir),
        path().prop_map(Request::RemoveAll),
        (path(), path()).prop_map(|(from, to)| Request::Rename(from, to)),
        prop::collection::vec((path(), bytes()), 0..12).prop_map(Request::Batch),
    ];
    prop::collection::vec(request, 1..60)
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Node {
    Folder,
    File(Vec<u8>),
}

/// What a tree is: nodes by path.
struct Model(BTreeMap<String, Node>);

impl Model {
    fn parent_is_folder(&self, path: &str) -> bool {
        let (parent, _) = path.rsplit_once('/').unwrap();
        self.0.get(parent) == Some(&Node::Folder)
    }

    fn is_empty(&self, path: &str) -> bool {
        !self.0.keys().any(|other| other.starts_with(&format!("{path}/")))
    }

    fn remove_tree(&mut self, path: &str) {
        self.0.retain(|other, _| other != path && !other.starts_with(&format!("{path}/")));
    }

    fn write(&mut self, path: &str, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        if !self.parent_is_folder(path) {
            return false;
        }
        match self.0.entry(path.to_owned()).or_insert(Node::File(Vec::new())) {
            Node::Folder => false,
            Node::File(content) => {
                change(content);
                true
            }
        }
    }

    fn create_all(&mut self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        for end in ends {
            match self.0.get(&path[..end]) {
                None => _ = self.0.insert(path[..end].to_owned(), Node::Folder),
                Some(Node::Folder) => {}
                Some(Node::File(_)) => return false,
            }
        }
        true
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(moved) = self.0.get(from).cloned() else { return false };
        if from == to {
            return true;
        }
        if !self.parent_is_folder(to) || to.starts_with(&format!("{from}/")) {
            return false;
        }
        match (&moved, self.0.get(to)) {
            (_, None) | (Node::File(_), Some(Node::File(_))) => {}
            (Node::Folder, Some(Node::Folder)) if self.is_empty(to) => {}
            _ => return false,
        }
        let below = format!("{from}/");
        let names: Vec<_> =
            self.0.keys().filter(|name| *name == from || name.starts_with(&below)).cloned().collect();
        for name in names {
            let node = self.0.remove(&name).unwrap();
            self.0.insert(format!("{to}{}", &name[from.len()..]), node);
        }
        true
    }

    /// Whether it is done.
    fn apply(&mut self, request: &Request) -> bool {
        match request {
            Request::Write(at, content) => self.write(PATHS[*at], |file| *file = content.clone()),
            Request::WriteNew(at, content) => {
                !self.0.contains_key(PATHS[*at]) && self.write(PATHS[*at], |file| *file = content.clone())
            }
            Request::Append(at, content) => self.write(PATHS[*at], |file| file.extend_from_slice(content)),
            Request::WriteAt(at, offset, content) => {
                let is_file = matches!(self.0.get(PATHS[*at]), Some(Node::File(_)));
                is_file
                    && self.write(PATHS[*at], |file| {
                        let (start, end) = (usize::from(*offset), usize::from(*offset) + content.len());
                        if !content.is_empty() {
                            file.resize(file.len().max(end), 0);
                            file[start..end].copy_from_slice(content);
                        }
                    })
            }
            Request::SetLen(at, len) => {
                let is_file = matches!(self.0.get(PATHS[*at]), Some(Node::File(_)));
                is_file && self.write(PATHS[*at], |file| file.resize((*len).into(), 0))
            }
            Request::CreateDir(at) => {
                let free = self.parent_is_folder(PATHS[*at]) && !self.0.contains_key(PATHS[*at]);
                free && self.create_all(PATHS[*at])
            }
            Request::CreateDirAll(at) => self.create_all(PATHS[*at]),
            Request::RemoveFile(at) => match self.0.get(PATHS[*at]) {
                Some(Node::File(_)) => self.0.remove(PATHS[*at]).is_some(),
                _ => false,
            },
            Request::RemoveDir(at) => match self.0.get(PATHS[*at]) {
                Some(Node::Folder) if self.is_empty(PATHS[*at]) => self.0.remove(PATHS[*at]).is_some(),
                _ => false,
            },
            Request::RemoveAll(at) => {
                let there = self.0.contains_key(PATHS[*at]);
                self.remove_tree(PATHS[*at]);
                there
            }
            Request::Rename(from, to) => self.rename(PATHS[*from], PATHS[*to]),
            Request::Batch(entries) => entries.iter().all(|(at, content)| {
                let (parent, _) = PATHS[*at].rsplit_once('/').unwrap();
                self.create_all(parent) && self.write(PATHS[*at], |file| *file = content.clone())
            }),
        }
    }
}

async fn ask(files: &Files, request: Request) -> bool {
    let result = match request {
        Request::Write(at, content) => files.write(PATHS[at], content).await,
        Request::WriteNew(at, content) => files.write_new(PATHS[at], content).await,
        Request::WriteAt(at, offset, content) => files.write_at(PATHS[at], offset.into(), content).await,
        Request::Append(at, content) => files.append(PATHS[at], content).await,
        Request::SetLen(at, len) => files.set_len(PATHS[at], len.into()).await,
        Request::CreateDir(at) => files.create_dir(PATHS[at]).await,
        Request::CreateDirAll(at) => files.create_dir_all(PATHS[at]).await,
        Request::RemoveFile(at) => files.remove_file(PATHS[at]).await,
        Request::RemoveDir(at) => files.remove_dir(PATHS[at]).await,
        Request::RemoveAll(at) => files.remove_all(PATHS[at]).await,
        Request::Rename(from, to) => files.rename(PATHS[from], PATHS[to]).await,
        Request::Batch(entries) => {
            let batch = entries
                .into_iter()
                .fold(Batch::new(), |batch, (at, content)| batch.file(PATHS[at], 0o644, content));
            files.write_batch(batch).await
        }
    };
    result.is_ok()
}

/// Everything below a folder, as the guest system has it.
async fn tree(files: &Files) -> BTreeMap<String, Node> {
    let mut found = BTreeMap::from([("/t".to_owned(), Node::Folder)]);
    let mut folders = vec!["/t".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in files.read_dir(&folder).await.unwrap() {
            let path = format!("{folder}/{}", String::from_utf8(entry.name).unwrap());
            let node = match entry.kind {
                FileType::Directory => {
                    folders.push(path.clone());
                    Node::Folder
                }
                _ => Node::File(files.read(&path).await.unwrap()),
            };
            found.insert(path, node);
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_do_what_the_model_does(requests in requests()) {
        let host = NativeHost::new(&NativeConfig::default()).unwrap();
        let tidemark = Tidemark::create(host, Config::default().workers(1)).unwrap();
        let files = tidemark.files();
        let mut model = Model(BTreeMap::from([("/t".to_owned(), Node::Folder)]));
        block_on(async {
            files.create_dir("/t").await.unwrap();
            for request in requests {
                let said = format!("{request:?}");
                let expected = model.apply(&request);
                prop_assert_eq!(ask(&files, request).await, expected, "{}", said);
            }
            prop_assert!(tree(&files).await == model.0);
            while tidemark.usage().await.unwrap().system.open_files > 0 {}
            Ok(())
        })?;
    }
}
