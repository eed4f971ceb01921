//! dpkg's database in the tree of a layer (`/var/lib/dpkg`): what is there and which file is whose.
//!
//! Packages enter it as `dpkg --unpack` leaves them: files in place, configuration files under `.dpkg-new`, status
//! "unpacked". To configure them is dpkg's own business, inside a guest.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, BufRead, Seek, Write};

use tidemark_sdk::layer::format::{InodeKind, Meta};
use tidemark_sdk::layer::{
    Attributes, BuildError, EntryKind, Layer, LayerBuilder, LayerPath, Placement, TarEntry, TarKind,
};

use super::deb::{self, ControlData, DebError};
use super::deb822::{self, Stanza};
use super::relation;
use crate::layer_content;

/// Where the database is, below the root.
const FOLDER: &str = "var/lib/dpkg";
/// Where it has who is interested in which trigger.
const TRIGGERS: &str = "triggers";
/// The file there for triggers that are paths.
const WATCHED_PATHS: &str = "File";
/// dpkg's name for a new configuration file until it is configured.
const NEW_CONFFILE: &[u8] = b".dpkg-new";

/// The database, and what has changed since it was read or written.
#[derive(Debug, Default)]
pub(super) struct Database {
    /// Stanzas of the status file, each with its end.
    status: Vec<String>,
    packages: HashMap<String, Known>,
    /// Whose each path is that is no directory.
    owners: HashMap<LayerPath, String>,
    diversions: HashMap<LayerPath, Diversion>,
    /// Paths that configured packages watch.
    interests: Vec<LayerPath>,
    /// Who is interested in what, as the files of `triggers/` have it. `None` in a new system: dpkg collects it itself then.
    triggers: Option<BTreeMap<String, String>>,
    /// What is to be written below `info/`.
    info: BTreeMap<String, (u16, Vec<u8>)>,
    /// Names of triggers that what was unpacked activates.
    activated: Vec<String>,
}

/// What must be known of a package when others are unpacked beside it.
#[derive(Debug)]
struct Known {
    name: String,
    version: String,
    replaces: String,
    /// Paths as its list has them.
    list: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Diversion {
    to: LayerPath,
    by: String,
}

/// What dpkg calls a package in its database, and its fields.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// `name`, or `name:architecture` for one that can be installed for several (Multi-Arch: same).
    pub(super) key: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) architecture: String,
}

impl Identity {
    /// Reads it from a package's control data.
    ///
    /// # Errors
    /// [`DebError::Malformed`] if a field is missing that each package must have.
    pub(super) fn of(control: &ControlData) -> Result<Self, DebError> {
        let text = control.text("control");
        let stanza = deb822::stanzas(&text).next().unwrap_or_default();
        let field = |name: &str| {
            let missing = || DebError::Malformed(format!("its control file has no {name}"));
            stanza.get(name).filter(|value| is_word(value)).map(str::to_owned).ok_or_else(missing)
        };
        let (name, architecture) = (field("Package")?, field("Architecture")?);
        let key = match stanza.get("Multi-Arch") {
            Some("same") => format!("{name}:{architecture}"),
            _ => name.clone(),
        };
        Ok(Self { key, name, version: field("Version")?, architecture })
    }
}

/// Whether a value can be part of a file's name and of a line.
fn is_word(value: &str) -> bool {
    !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/')
}

impl Database {
    /// Reads the database of a configured tree.
    ///
    /// # Errors
    /// If the layer cannot be read.
    pub(super) fn read(layer: &Layer) -> io::Result<Self> {
        let text = |path: &str| layer_content::text(layer, &format!("{FOLDER}/{path}"));
        let mut database = Self::default();
        let diversions = text("diversions")?;
        let mut lines = diversions.lines();
        while let (Some(from), Some(to), Some(by)) = (lines.next(), lines.next(), lines.next()) {
            if let (Some(from), Some(to)) = (guest_path(from.as_bytes()), guest_path(to.as_bytes())) {
                database.diversions.insert(from, Diversion { to, by: by.to_owned() });
            }
        }
        for stanza in text("status")?.split("\n\n").filter(|stanza| !stanza.trim().is_empty()) {
            database.status.push(format!("{}\n\n", stanza.trim_matches('\n')));
            let fields = deb822::stanzas(stanza).next().unwrap_or_default();
            let Some(name) = fields.get("Package") else { continue };
            let architecture = fields.get("Architecture").unwrap_or_default();
            let keys = [format!("{name}:{architecture}"), name.to_owned()];
            for key in keys {
                let list = format!("{FOLDER}/info/{key}.list");
                let Some(number) = layer_content::find(layer, &list) else { continue };
                let list = layer_content::content_of(layer, number)?.unwrap_or_default();
                database.learn(key, &fields, list.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect());
                break;
            }
        }
        database.drop_folders(layer);
        let mut triggers = BTreeMap::new();
        let index = layer.index();
        let folder = layer_content::find(layer, &format!("{FOLDER}/{TRIGGERS}")).unwrap_or(index.root());
        for entry in index.entries(folder, 0).filter(|entry| !matches!(entry.name, b"Lock" | b"Unincorp")) {
            let text = layer_content::content_of(layer, entry.inode)?.unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            triggers.insert(String::from_utf8_lossy(entry.name).into_owned(), text);
        }
        let watched = triggers.get(WATCHED_PATHS).map(String::as_str).unwrap_or_default();
        let paths = watched.lines().filter_map(|line| line.split(' ').next());
        database.interests = paths.filter_map(|path| guest_path(path.as_bytes())).collect();
        database.triggers = Some(triggers);
        Ok(database)
    }

    fn learn(&mut self, key: String, fields: &Stanza<'_>, list: Vec<Vec<u8>>) {
        let field = |name| fields.get(name).unwrap_or_default().to_owned();
        for path in list.iter().filter_map(|path| guest_path(path)) {
            let diversion = self.diversions.get(&path).filter(|diversion| diversion.by != field("Package"));
            let path = diversion.map_or(path, |diversion| diversion.to.clone());
            self.owners.insert(path, key.clone());
        }
        let known =
            Known { name: field("Package"), version: field("Version"), replaces: field("Replaces"), list };
        self.packages.insert(key, known);
    }

    /// Directories are in lists, too, and are everybody's.
    fn drop_folders(&mut self, layer: &Layer) {
        let index = layer.index();
        self.owners.retain(|path, _| {
            let bytes = path.to_bytes();
            let names = bytes.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
            let found = names.into_iter().try_fold(index.root(), |at, name| index.lookup(at, name));
            let inode = found.and_then(|number| index.inode(number));
            !inode.is_some_and(|inode| matches!(inode.kind, InodeKind::Directory { .. }))
        });
    }

    /// Unpacks a package into the tree and enters it.
    ///
    /// # Errors
    /// As [`deb::unpack`]; [`DebError::Overwrites`] if a file is another package's, and neither says that it replaces the
    /// other.
    pub(super) fn unpack<W: Write + Seek>(
        &mut self,
        builder: &mut LayerBuilder<W>,
        deb: impl BufRead,
        control: &ControlData,
    ) -> Result<(), DebError> {
        let identity = Identity::of(control)?;
        let text = control.text("control");
        let fields = deb822::stanzas(&text).next().unwrap_or_default();
        let conffiles = conffiles(&control.text("conffiles"));
        let unpacking = Unpacking {
            identity: &identity,
            replaces: fields.get("Replaces").unwrap_or_default(),
            conffiles: conffiles.iter().filter_map(|path| guest_path(path.as_bytes())).collect(),
        };
        let mut list = Vec::new();
        let what = format!("{} {}", identity.name, identity.version);
        deb::unpack(builder, deb, &what, |builder, entry| {
            let placement = self.place(builder, entry, &unpacking)?;
            // A file that another package keeps is not in the list; a folder that is there already is.
            if placement != Placement::Skip || entry.kind != TarKind::Other {
                list.push(match entry.path.to_bytes() {
                    root if root == b"/" => b"/.".to_vec(),
                    path => path,
                });
            }
            Ok(placement)
        })?;
        self.activate(&list);
        self.watch(&identity.key, &control.text("triggers"));
        self.status.push(status(&text, &conffiles));
        for (name, content) in control.files.iter().filter(|(name, _)| *name != "control") {
            let mode = if is_script(name) { 0o755 } else { 0o644 };
            self.info.insert(format!("{}.{name}", identity.key), (mode, content.clone()));
        }
        self.enter_list(&identity.key, &list);
        let known = Known {
            name: identity.name,
            version: identity.version,
            replaces: fields.get("Replaces").unwrap_or_default().to_owned(),
            list,
        };
        self.packages.insert(identity.key, known);
        Ok(())
    }

    fn place<W: Write + Seek>(
        &mut self,
        builder: &LayerBuilder<W>,
        entry: TarEntry<'_>,
        package: &Unpacking<'_>,
    ) -> Result<Placement, DebError> {
        let there = builder.kind_at(entry.path);
        match (entry.kind, there) {
            // As dpkg does it: a link to a folder stays where a folder comes, a folder where a link to one comes.
            (TarKind::Directory, Some(EntryKind::Symlink(_)))
            | (TarKind::Symlink, Some(EntryKind::Directory)) => {
                return Ok(Placement::Skip);
            }
            (TarKind::Directory, _) => return Ok(Placement::Keep),
            _ => {}
        }
        let key = &package.identity.key;
        let diversion =
            self.diversions.get(entry.path).filter(|diversion| diversion.by != package.identity.name);
        let path = diversion.map_or(entry.path, |diversion| &diversion.to).clone();
        if let Some(owner) = self.owners.get(&path).filter(|owner| *owner != key).cloned() {
            let known = self.packages.get(&owner);
            let replaces = |replaces: &str, name: &str, version: &str| {
                relation::dependencies(replaces)
                    .flatten()
                    .any(|other| other.name == name && other.admits(version))
            };
            if known.is_some_and(|known| replaces(package.replaces, &known.name, &known.version)) {
                self.disown(&owner, &path);
            } else if known.is_some_and(|known| {
                replaces(&known.replaces, &package.identity.name, &package.identity.version)
            }) {
                return Ok(Placement::Skip);
            } else {
                return Err(DebError::Overwrites { path: path.to_string(), owner });
            }
        }
        self.owners.insert(path.clone(), key.clone());
        if package.conffiles.contains(entry.path) {
            let name = [path.name().unwrap_or_default(), NEW_CONFFILE].concat();
            let new = path.parent().unwrap_or_else(LayerPath::root).join(&name).map_err(BuildError::from)?;
            return Ok(Placement::At(new));
        }
        Ok(if &path == entry.path { Placement::Keep } else { Placement::At(path) })
    }

    /// Takes a file out of a package's list: another replaces it.
    fn disown(&mut self, owner: &str, path: &LayerPath) {
        let Some(known) = self.packages.get_mut(owner) else { return };
        known.list.retain(|listed| guest_path(listed).as_ref() != Some(path));
        let list = std::mem::take(&mut known.list);
        self.enter_list(owner, &list);
        if let Some(known) = self.packages.get_mut(owner) {
            known.list = list;
        }
    }

    fn enter_list(&mut self, key: &str, list: &[Vec<u8>]) {
        let mut text = list.join(&b'\n');
        text.push(b'\n');
        self.info.insert(format!("{key}.list"), (0o644, text));
    }

    /// Notes which watched paths something was unpacked under (deb-triggers(5), file triggers).
    fn activate(&mut self, list: &[Vec<u8>]) {
        for interest in &self.interests {
            let watched = interest.to_bytes();
            let is_under = |path: &Vec<u8>| {
                path.strip_prefix(watched.as_slice()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
            };
            if list.iter().any(is_under) {
                self.activated.push(String::from_utf8_lossy(&watched).into_owned());
            }
        }
    }

    /// Notes what a package is interested in (deb-triggers(5)).
    fn watch(&mut self, key: &str, directives: &str) {
        let Some(triggers) = &mut self.triggers else { return };
        for line in directives.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let (Some(directive), Some(name)) = (words.next(), words.next()) else { continue };
            let who = match directive {
                "interest" | "interest-await" => key.to_owned(),
                "interest-noawait" => format!("{key}/noawait"),
                // dpkg activates these as it unpacks. Nobody need await them: all are processed before the end.
                "activate" | "activate-await" | "activate-noawait" if is_word(name) => {
                    self.activated.push(name.to_owned());
                    continue;
                }
                _ => continue,
            };
            // Names that are no paths are names of files.
            let (file, line) = match name.strip_prefix('/') {
                Some(_) => (WATCHED_PATHS, format!("{name} {who}\n")),
                None if is_word(name) => (name, format!("{who}\n")),
                None => continue,
            };
            triggers.entry(file.to_owned()).or_default().push_str(&line);
        }
    }

    /// Writes what has changed into the tree.
    ///
    /// # Errors
    /// [`BuildError`].
    pub(super) fn write<W: Write + Seek>(&mut self, builder: &mut LayerBuilder<W>) -> Result<(), BuildError> {
        let path = |name: &str| LayerPath::new(format!("{FOLDER}/{name}").as_bytes());
        let mut put = |name: &str, mode: u16, content: &[u8]| {
            let attributes = Attributes { meta: Meta { mode, ..Meta::default() }, ..Attributes::default() };
            builder.file(&path(name)?, attributes, &mut { content }).map(drop)
        };
        put("status", 0o644, self.status.concat().as_bytes())?;
        put("info/format", 0o644, b"1\n")?;
        for (name, (mode, content)) in std::mem::take(&mut self.info) {
            put(&format!("info/{name}"), mode, &content)?;
        }
        for (name, text) in self.triggers.iter().flatten() {
            put(&format!("{TRIGGERS}/{name}"), 0o644, text.as_bytes())?;
        }
        let mut activated = std::mem::take(&mut self.activated);
        activated.sort_unstable();
        activated.dedup();
        if !activated.is_empty() {
            let lines: String = activated.iter().map(|name| format!("{name} -\n")).collect();
            put(&format!("{TRIGGERS}/Unincorp"), 0o644, lines.as_bytes())?;
        }
        if !builder.contains(&path("available")?) {
            builder.file(&path("available")?, file_attributes(), &mut [].as_slice())?;
        }
        for folder in ["updates", "parts", "alternatives", "triggers"] {
            if !builder.contains(&path(folder)?) {
                let meta = Meta { mode: 0o755, ..Meta::default() };
                builder.directory(&path(folder)?, Attributes { meta, ..Attributes::default() })?;
            }
        }
        Ok(())
    }
}

/// The package that is being unpacked.
struct Unpacking<'a> {
    identity: &'a Identity,
    replaces: &'a str,
    conffiles: HashSet<LayerPath>,
}

fn file_attributes() -> Attributes {
    Attributes { meta: Meta { mode: 0o644, ..Meta::default() }, ..Attributes::default() }
}

/// Maintainer scripts, and the script that asks questions.
pub(super) fn is_script(name: &str) -> bool {
    matches!(name, "preinst" | "postinst" | "prerm" | "postrm" | "config")
}

/// A path from the guest's root; `None` for what is none.
fn guest_path(path: &[u8]) -> Option<LayerPath> {
    LayerPath::new(path.strip_prefix(b"/")?).ok()
}

/// The configuration files that a package brings; those that it only has removed are marked in front
/// (deb-conffiles(5)).
fn conffiles(text: &str) -> Vec<String> {
    text.lines().map(str::trim_end).filter(|line| line.starts_with('/')).map(str::to_owned).collect()
}

/// A stanza of the status file for a package that is unpacked.
fn status(control: &str, conffiles: &[String]) -> String {
    let mut out = String::new();
    for (number, line) in control.trim_end().lines().enumerate() {
        out += line;
        out.push('\n');
        if number == 0 {
            out += "Status: install ok unpacked\n";
        }
    }
    if !conffiles.is_empty() {
        out += "Conffiles:\n";
        for path in conffiles {
            out += &format!(" {path} newconffile\n");
        }
    }
    out + "\n"
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tidemark_sdk::layer::layer_from_bytes;

    use super::*;
    use crate::debian::deb::tests::{ar, tar_of};

    fn control(fields: &str, others: &[(&str, &str)]) -> ControlData {
        let mut files: BTreeMap<String, Vec<u8>> =
            others.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        files.insert("control".into(), fields.as_bytes().to_vec());
        ControlData { files }
    }

    fn deb(files: &[&str]) -> Vec<u8> {
        let files: Vec<_> = files.iter().map(|path| (*path, *path)).collect();
        ar(&[("debian-binary", b"2.0\n"), ("data.tar", &tar_of(&files))])
    }

    struct Tree {
        database: Database,
        builder: LayerBuilder<Cursor<Vec<u8>>>,
    }

    impl Tree {
        fn new() -> Self {
            let builder = LayerBuilder::new(Cursor::new(Vec::new())).expect("memory");
            Self { database: Database::default(), builder }
        }

        fn unpack(&mut self, fields: &str, others: &[(&str, &str)], files: &[&str]) -> Result<(), DebError> {
            self.database.unpack(&mut self.builder, deb(files).as_slice(), &control(fields, others))
        }

        fn finish(mut self) -> std::sync::Arc<Layer> {
            self.database.write(&mut self.builder).expect("written");
            let bytes = self.builder.finish().expect("finished").into_inner();
            layer_from_bytes(bytes).expect("a layer")
        }
    }

    fn fields(name: &str, more: &str) -> String {
        format!("Package: {name}\nVersion: 1\nArchitecture: riscv64\n{more}")
    }

    #[test]
    fn a_package_is_left_as_dpkg_unpacks_it() {
        let mut tree = Tree::new();
        let others =
            [("conffiles", "/etc/app.conf\nremove-on-upgrade /etc/old\n"), ("postinst", "#!/bin/sh\n")];
        tree.unpack(&fields("app", "Multi-Arch: same\n"), &others, &["./usr/bin/app", "./etc/app.conf"])
            .expect("unpacked");
        let layer = tree.finish();
        let text = |path: &str| layer_content::text(&layer, path).expect("readable");
        assert_eq!(text("etc/app.conf.dpkg-new"), "./etc/app.conf");
        assert!(layer_content::find(&layer, "etc/app.conf").is_none(), "not before it is configured");
        assert_eq!(text("var/lib/dpkg/info/app:riscv64.list"), "/usr/bin/app\n/etc/app.conf\n");
        assert_eq!(
            text("var/lib/dpkg/status"),
            "Package: app\nStatus: install ok unpacked\nVersion: 1\nArchitecture: riscv64\nMulti-Arch: same\n\
             Conffiles:\n /etc/app.conf newconffile\n\n"
        );
        let script = layer_content::find(&layer, "var/lib/dpkg/info/app:riscv64.postinst").expect("there");
        assert_eq!(layer.index().inode(script).expect("there").meta.mode, 0o755);
    }

    #[test]
    fn two_packages_share_no_file_unless_one_replaces_it() {
        let mut tree = Tree::new();
        tree.unpack(&fields("one", ""), &[], &["./usr/bin/tool"]).expect("unpacked");
        let error =
            tree.unpack(&fields("two", ""), &[], &["./usr/bin/tool"]).expect_err("refused").to_string();
        assert_eq!(error, "it has /usr/bin/tool, which one has, too");
        let replaces = fields("three", "Replaces: one (<< 2)\n");
        tree.unpack(&replaces, &[], &["./usr/bin/tool"]).expect("it says so");
        tree.unpack(&fields("late", ""), &[], &["./usr/bin/late"]).expect("unpacked");
        let layer = tree.finish();
        let list = |name: &str| layer_content::text(&layer, &format!("var/lib/dpkg/info/{name}.list"));
        assert_eq!(list("one").expect("readable"), "\n");
        assert_eq!(list("three").expect("readable"), "/usr/bin/tool\n");
    }

    #[test]
    fn what_is_replaced_by_one_already_there_is_left_out() {
        let mut tree = Tree::new();
        tree.unpack(&fields("new", "Replaces: old\n"), &[], &["./usr/bin/tool"]).expect("unpacked");
        tree.unpack(&fields("old", ""), &[], &["./usr/bin/tool", "./usr/bin/other"]).expect("unpacked");
        let layer = tree.finish();
        assert_eq!(
            layer_content::text(&layer, "var/lib/dpkg/info/old.list").expect("readable"),
            "/usr/bin/other\n"
        );
    }

    #[test]
    fn diversions_and_watched_paths_are_honoured() {
        let mut tree = Tree::new();
        tree.unpack(&fields("base", ""), &[], &["./usr/bin/base"]).expect("unpacked");
        tree.database.write(&mut tree.builder).expect("written");
        for (name, text) in [
            ("diversions", "/usr/bin/tool\n/usr/bin/tool.real\nother\n"),
            ("triggers/File", "/usr/share/man man-db/noawait\n/usr/lib/x base\n"),
        ] {
            let path = LayerPath::new(format!("{FOLDER}/{name}").as_bytes()).expect("safe");
            tree.builder.file(&path, file_attributes(), &mut text.as_bytes()).expect("added");
        }
        let bytes = tree.builder.finish().expect("finished").into_inner();
        let layer = layer_from_bytes(bytes.clone()).expect("a layer");
        let database = Database::read(&layer).expect("readable");
        let builder = LayerBuilder::resume(Cursor::new(bytes)).expect("a layer");
        let mut tree = Tree { database, builder };
        let files = ["./usr/bin/tool", "./usr/share/man/man1/tool.1"];
        let triggers = "# who\ninterest-noawait /usr/share/x\ninterest name\nactivate other\ninterest ../y\n";
        tree.unpack(&fields("tools", ""), &[("triggers", triggers)], &files).expect("unpacked");
        let error = tree.unpack(&fields("bad", ""), &[], &["./usr/bin/base"]).expect_err("owned");
        assert!(error.to_string().contains("which base has"), "{error}");
        tree.unpack(&fields("other", ""), &[], &["./usr/bin/tool"]).expect("the diverter's own stays");
        let layer = tree.finish();
        let text = |path: &str| layer_content::text(&layer, path).expect("readable");
        assert_eq!(text("usr/bin/tool.real"), "./usr/bin/tool");
        assert_eq!(text("usr/bin/tool"), "./usr/bin/tool");
        assert_eq!(text("var/lib/dpkg/triggers/Unincorp"), "/usr/share/man -\nother -\n");
        let watched = "/usr/share/man man-db/noawait\n/usr/lib/x base\n/usr/share/x tools/noawait\n";
        assert_eq!(text("var/lib/dpkg/triggers/File"), watched);
        assert_eq!(text("var/lib/dpkg/triggers/name"), "tools\n");
        assert!(layer_content::find(&layer, "var/lib/dpkg/triggers/other").is_none());
        assert!(text("var/lib/dpkg/status").starts_with("Package: base\n"));
    }
}
