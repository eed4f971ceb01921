//! From packages to a layer.
//!
//! Where the essential packages come along, this is what debootstrap(8) does: the base system is unpacked and configured
//! by its own dpkg, then the packages on top of it are; the result is the tree as it is then. A configured base is kept in
//! the cache, and every set of packages starts from a copy of it. Without essential packages, files are only unpacked.

use std::fs::File;
use std::io::{self, BufReader, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;
use tidemark_sdk::layer::{BuildError, Layer, LayerBuilder, Placement, format, open_layer};

use super::archive::{Archive, key_of};
use super::base;
use super::configure::{Guest, Script};
use super::database::{Database, Identity};
use super::deb::{self, ControlData, DebError};
use super::error::DebianError;
use super::packages::Package;
use super::resolution::Resolution;

/// Changes whenever the way in which layers are made does: those made otherwise are built anew.
const PROCEDURE_VERSION: u32 = 3;

impl Archive<'_> {
    /// The layer of a resolution, from the cache if it is there and sound. Its name begins with `title`'s.
    ///
    /// # Errors
    /// [`DebianError`].
    pub(super) fn layer_of(&self, title: &str, resolution: &Resolution) -> Result<PathBuf, DebianError> {
        let Resolution { base, packages } = resolution;
        if base.is_empty() {
            let path = self.cache.layer(&layer_name(title, "unpacked", &[], packages));
            return self.build_once(&path, |file| self.unpack_only(file, packages));
        }
        let all: Vec<&Package> = resolution.all().collect();
        let path = self.cache.layer(&layer_name(title, "configured", &all, packages));
        if self.is_sound(&path) {
            return Ok(path);
        }
        let base_path = self.cache.layer(&layer_name("", "base", &[], base));
        let base_path = self.build_once(&base_path, |file| self.build_base(file, base))?;
        if packages.is_empty() {
            return Ok(base_path);
        }
        self.build_once(&path, |file| self.build_on(&base_path, file, packages))
    }

    /// Finds a sound layer, or has it built; one process at a time does.
    fn build_once(
        &self,
        path: &Path,
        build: impl FnOnce(&mut NamedTempFile) -> Result<(), DebianError>,
    ) -> Result<PathBuf, DebianError> {
        if self.is_sound(path) {
            return Ok(path.to_owned());
        }
        let failed = |error| self.cache_error(path, error);
        let _lock = self
            .cache
            .lock(path, || drop(self.progress.working("Waiting for another process")))
            .map_err(failed)?;
        if !self.is_sound(path) {
            self.cache.store_file(path, failed, build)?;
        }
        Ok(path.to_owned())
    }

    /// Whether the cache has a layer that can be used; it stays there while this process runs.
    fn is_sound(&self, path: &Path) -> bool {
        self.cache.hold(path) && open_layer(path).is_ok()
    }

    /// The packages' files on the bare ground.
    fn unpack_only(&self, file: &mut NamedTempFile, packages: &[Package]) -> Result<(), DebianError> {
        let debs = self.debs(packages)?;
        let _bar = self.progress.working("Unpacking");
        let mut builder =
            LayerBuilder::new(file.as_file()).map_err(|error| self.failed("the base", error))?;
        base::lay(&mut builder, base::Ground::Alone).map_err(|error| self.failed("the base", error))?;
        for (package, deb) in packages.iter().zip(debs) {
            deb::unpack(&mut builder, BufReader::new(deb), &package.to_string(), |_, _| Ok(Placement::Keep))
                .map_err(|error| self.refused(package, error))?;
        }
        self.finish(builder)
    }

    /// A system of essential packages. As they need each other before any is configured, all are unpacked first.
    fn build_base(&self, file: &mut NamedTempFile, packages: &[Package]) -> Result<(), DebianError> {
        let debs = self.read(packages)?;
        let mut builder =
            LayerBuilder::new(file.as_file()).map_err(|error| self.failed("the base", error))?;
        base::lay(&mut builder, base::Ground::Installed).map_err(|error| self.failed("the base", error))?;
        let mut database = Database::default();
        self.unpack(&mut builder, &mut database, &debs)?;
        self.finish(builder)?;
        let guest = self.boot(file)?;
        let preinsts = debs.iter().filter_map(Deb::preinst).collect::<Vec<_>>();
        guest.configure(&preinsts, true)?;
        self.record(guest, file)
    }

    /// Packages on top of a configured base: as dpkg has it, each package's `preinst` runs before it is unpacked, with
    /// what it pre-depends on configured.
    fn build_on(
        &self,
        base: &Path,
        file: &mut NamedTempFile,
        packages: &[Package],
    ) -> Result<(), DebianError> {
        let debs = self.read(packages)?;
        let unwritable = |error: io::Error| self.cache_error(file.path(), error);
        File::open(base).and_then(|mut base| io::copy(&mut base, &mut file.as_file())).map_err(unwritable)?;
        for batch in batches(&debs) {
            let preinsts = batch.iter().filter_map(Deb::preinst).collect::<Vec<_>>();
            if !preinsts.is_empty() {
                let guest = self.boot(file)?;
                guest.configure(&preinsts, false)?;
                self.record(guest, file)?;
            }
            let layer = self.open(file.path())?;
            let mut database =
                Database::read(&layer).map_err(|error| self.cache_error(file.path(), error))?;
            let mut builder = self.resume(file)?;
            self.unpack(&mut builder, &mut database, batch)?;
            self.finish(builder)?;
            let guest = self.boot(file)?;
            guest.configure(&[], true)?;
            self.record(guest, file)?;
        }
        Ok(())
    }

    /// The packages' `.deb`s with their control data.
    fn read<'p>(&self, packages: &'p [Package]) -> Result<Vec<Deb<'p>>, DebianError> {
        let files = self.debs(packages)?;
        let read = |(package, file): (&'p Package, File)| {
            let refused = |error| self.refused(package, error);
            let unreadable = |error: io::Error| refused(DebError::Malformed(error.to_string()));
            let control = deb::control(BufReader::new(&file)).map_err(refused)?;
            let identity = Identity::of(&control).map_err(refused)?;
            (&file).rewind().map_err(unreadable)?;
            Ok(Deb { package, file, control, identity })
        };
        packages.iter().zip(files).map(read).collect()
    }

    fn unpack<W: Write + Seek>(
        &self,
        builder: &mut LayerBuilder<W>,
        database: &mut Database,
        debs: &[Deb<'_>],
    ) -> Result<(), DebianError> {
        let bar = self.progress.working("Unpacking");
        for deb in debs {
            bar.say(&format!("Unpacking {}", deb.package.name));
            database
                .unpack(builder, BufReader::new(&deb.file), &deb.control)
                .map_err(|error| self.refused(deb.package, error))?;
        }
        database.write(builder).map_err(|error| self.failed("the base", error))
    }

    /// A guest with this layer as its root.
    fn boot(&self, file: &NamedTempFile) -> Result<Guest<'_>, DebianError> {
        let layer = self.open(file.path())?;
        Guest::boot(layer, self.progress)
    }

    /// Takes what the guest changed into the layer that it began with.
    fn record(&self, guest: Guest<'_>, file: &mut NamedTempFile) -> Result<(), DebianError> {
        const WHAT: &str = "the configured system";
        let unwritable = |error: io::Error| self.cache_error(file.path(), error);
        let changes = self.cache.scratch().map_err(unwritable)?;
        let out = changes.reopen().map_err(unwritable)?;
        guest.changes(out, |error| self.failed(WHAT, error))?;
        let changes = self.open(changes.path())?;
        let mut builder = self.resume(file)?;
        builder.merge(&changes).map_err(|error| self.failed(WHAT, error))?;
        self.finish(builder)
    }

    fn open(&self, path: &Path) -> Result<Arc<Layer>, DebianError> {
        open_layer(path).map_err(|error| self.cache_error(path, io::Error::other(error)))
    }

    fn resume<'f>(&self, file: &'f NamedTempFile) -> Result<LayerBuilder<&'f File>, DebianError> {
        LayerBuilder::resume(file.as_file()).map_err(|error| self.failed("the base", error))
    }

    fn finish(&self, builder: LayerBuilder<&File>) -> Result<(), DebianError> {
        let (file, len) = builder.finish_sized().map_err(|error| self.failed("the layer", error))?;
        file.set_len(len).map_err(|error| self.failed("the layer", BuildError::Write(error)))
    }

    fn refused(&self, package: &Package, error: DebError) -> DebianError {
        let package = package.to_string();
        match error {
            DebError::Build(source) => self.failed(&package, source),
            DebError::Malformed(reason) => DebianError::Package { package, reason },
            DebError::Overwrites { path, owner } => DebianError::Overwrites { package, path, owner },
        }
    }

    fn failed(&self, package: &str, source: BuildError) -> DebianError {
        match source {
            BuildError::Write(error) => self.cache_error(&self.cache.layer(""), error),
            source => DebianError::Unpack { package: package.to_owned(), source },
        }
    }
}

/// A package that was downloaded.
struct Deb<'a> {
    package: &'a Package,
    file: File,
    control: ControlData,
    identity: Identity,
}

impl Deb<'_> {
    fn preinst(&self) -> Option<Script<'_>> {
        let has_one = self.control.files.contains_key("preinst");
        has_one.then_some(Script { identity: &self.identity, control: &self.control })
    }
}

/// Cuts a list, dependencies first, so that what a package with a `preinst` pre-depends on is in a batch before its own:
/// it must be configured by then (Debian policy 7.2).
fn batches<'a, 'p>(debs: &'a [Deb<'p>]) -> Vec<&'a [Deb<'p>]> {
    let mut batches = Vec::new();
    let mut start = 0;
    for (at, deb) in debs.iter().enumerate() {
        let in_batch = |name: &String| debs[start..at].iter().any(|other| &other.package.name == name);
        if deb.preinst().is_some() && deb.package.pre_depends.iter().any(in_batch) {
            batches.push(&debs[start..at]);
            start = at;
        }
    }
    if start < debs.len() {
        batches.push(&debs[start..]);
    }
    batches
}

/// A name that tells a person what is in it, and a key of everything that the content depends on.
fn layer_name(title: &str, how: &str, all: &[&Package], packages: &[Package]) -> String {
    let mut parts = vec![format!(
        "format {} base {} procedure {PROCEDURE_VERSION} {how}",
        format::FORMAT_VERSION,
        base::BASE_VERSION
    )];
    let all = if all.is_empty() { packages.iter().collect() } else { all.to_vec() };
    parts.extend(all.iter().map(|package| format!("{package} {}", package.sha256)));
    let key = key_of(&parts.iter().map(String::as_str).collect::<Vec<_>>());
    match all.iter().find(|package| package.name == title) {
        // An epoch's colon is written as in the names of `.deb` files.
        Some(Package { name, version, .. }) => format!("{name}_{}_{key}.layer", version.replace(':', "%3a")),
        None => format!("{how}_{key}.layer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            filename: String::new(),
            size: 0,
            sha256: "0".repeat(64),
            pre_depends: Vec::new(),
        }
    }

    #[test]
    fn a_layer_is_named_by_what_is_in_it() {
        let one = layer_name("app", "unpacked", &[], &[package("lib", "1"), package("app", "2:1-1")]);
        assert!(one.starts_with("app_2%3a1-1_") && one.ends_with(".layer"), "{one}");
        assert_ne!(one, layer_name("app", "unpacked", &[], &[package("lib", "2"), package("app", "2:1-1")]));
        assert_ne!(
            one,
            layer_name("app", "configured", &[], &[package("lib", "1"), package("app", "2:1-1")])
        );
    }

    #[test]
    fn what_is_pre_depended_on_is_configured_first() {
        let packages =
            [("lib", "", false), ("tool", "", true), ("user", "lib", true), ("other", "lib", false)].map(
                |(name, needs, has_preinst)| {
                    let mut package = package(name, "1");
                    package.pre_depends = needs.split_whitespace().map(str::to_owned).collect();
                    (package, has_preinst)
                },
            );
        let debs: Vec<Deb<'_>> = packages
            .iter()
            .map(|(package, has_preinst)| {
                let mut control = ControlData::default();
                if *has_preinst {
                    control.files.insert("preinst".into(), Vec::new());
                }
                let name = package.name.clone();
                let identity =
                    Identity { key: name.clone(), name, version: "1".into(), architecture: "all".into() };
                Deb { package, file: tempfile::tempfile().expect("a file"), control, identity }
            })
            .collect();
        let names: Vec<Vec<&str>> = batches(&debs)
            .into_iter()
            .map(|batch| batch.iter().map(|deb| deb.package.name.as_str()).collect())
            .collect();
        assert_eq!(names, [vec!["lib", "tool"], vec!["user", "other"]]);
    }
}
