//! The capability report as data, for pages, logs and tools in other languages.
//!
//! Owns the serialised shape, which outlives versions: ids are never renamed, an unknown one is passed over.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Capabilities, Capability, Support};

/// [`Capabilities`] as it is written. Strings are borrowed for writing and owned after reading.
#[derive(Serialize, Deserialize)]
struct Report<'a> {
    host: Cow<'a, str>,
    parallelism: NonZeroUsize,
    capabilities: BTreeMap<Cow<'a, str>, Entry<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    present: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<Cow<'a, str>>,
}

impl Serialize for Capabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = |capability| Entry {
            present: self.has(capability),
            provider: self.provider(capability).map(Cow::Borrowed),
        };
        let entries = Capability::ALL.map(|capability| (Cow::Borrowed(capability.id()), entry(capability)));
        let report = Report {
            host: Cow::Borrowed(self.host()),
            parallelism: self.parallelism(),
            capabilities: BTreeMap::from(entries),
        };
        report.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Capabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let report = Report::deserialize(deserializer)?;
        let mut capabilities = Self::new(report.host.into_owned());
        for (id, entry) in report.capabilities {
            let Some(capability) = Capability::from_id(&id).filter(|known| !known.is_required()) else {
                continue;
            };
            let support = match (entry.present, entry.provider) {
                (true, _) => Support::Present,
                (false, Some(provider)) => Support::AbsentUnless(provider.into_owned().into()),
                (false, None) => continue,
            };
            capabilities.optional.insert(capability, support);
        }
        if capabilities.has(Capability::ParallelWorkers) {
            capabilities.parallelism = report.parallelism;
        }
        Ok(capabilities)
    }
}

impl Serialize for Capability {
    /// Its [`id`](Capability::id).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = Cow::<str>::deserialize(deserializer)?;
        Self::from_id(&id).ok_or_else(|| serde::de::Error::custom(format!("no capability has the id {id:?}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{from_str, json, to_string, to_value};

    use super::*;

    fn some_capabilities() -> impl Strategy<Value = Capabilities> {
        let support = prop_oneof![
            Just(None),
            Just(Some(Support::Present)),
            ".*".prop_map(|provider| Some(Support::AbsentUnless(provider.into()))),
        ];
        let optional = proptest::collection::vec(support, Capability::ALL.len());
        (".*", 1usize.., optional).prop_map(|(host, parallelism, optional)| {
            let mut capabilities = Capabilities::new(host);
            for (capability, support) in Capability::ALL.into_iter().zip(optional) {
                match support {
                    Some(Support::Present) if capability == Capability::ParallelWorkers => {
                        let count = NonZeroUsize::new(parallelism).unwrap_or(NonZeroUsize::MIN);
                        capabilities = capabilities.with_parallel_workers(count);
                    }
                    Some(Support::Present) => capabilities = capabilities.with(capability),
                    Some(Support::AbsentUnless(provider)) => {
                        capabilities = capabilities.without(capability, provider);
                    }
                    None => {}
                }
            }
            capabilities
        })
    }

    proptest! {
        #[test]
        fn every_report_comes_back_as_it_was(capabilities in some_capabilities()) {
            let text = to_string(&capabilities).unwrap();
            prop_assert_eq!(from_str::<Capabilities>(&text).unwrap(), capabilities);
        }
    }

    #[test]
    fn the_shape_is_the_documented_one() {
        let capabilities =
            Capabilities::new("page").with(Capability::Fetch).without(Capability::Code, "a flag");
        let value = to_value(&capabilities).unwrap();
        assert_eq!(value["host"], "page");
        assert_eq!(value["parallelism"], 1);
        assert_eq!(value["capabilities"].as_object().unwrap().len(), Capability::ALL.len());
        assert_eq!(value["capabilities"]["memory"], json!({"present": true}));
        assert_eq!(value["capabilities"]["fetch"], json!({"present": true}));
        assert_eq!(value["capabilities"]["tcpListen"], json!({"present": false}));
        assert_eq!(value["capabilities"]["code"], json!({"present": false, "provider": "a flag"}));
    }

    #[test]
    fn a_reader_of_another_version_understands() {
        let text = r#"{"host": "new", "parallelism": 2, "more": 1,
            "capabilities": {"telepathy": {"present": true}, "fetch": {"present": true, "since": 3}}}"#;
        let capabilities: Capabilities = from_str(text).unwrap();
        assert!(capabilities.has(Capability::Fetch) && capabilities.has(Capability::Memory));
        assert!(!capabilities.has(Capability::WebSocket));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(from_str::<Capabilities>(r#"{"host": "x", "parallelism": 0, "capabilities": {}}"#).is_err());
        assert!(from_str::<Capabilities>(r#"{"parallelism": 1, "capabilities": {}}"#).is_err());
        assert!(from_str::<Capability>(r#""telepathy""#).is_err());
    }
}
