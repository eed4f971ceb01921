//! Stanzas of `Field: value` lines, the format of all of Debian's control files (deb822(5)).

/// One stanza: its fields in order, values as they stand, continuation lines included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stanza<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Stanza<'a> {
    /// A field's value, by its name in any case, without surrounding white space.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// The stanzas of a text. Lines that are neither a field, a continuation nor a comment are passed over.
pub(crate) fn stanzas(text: &str) -> impl Iterator<Item = Stanza<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut stanza = Stanza::default();
        // The value being read, as a range of `rest`'s start: continuation lines extend it.
        let mut open: Option<(&str, usize, usize)> = None;
        let start = rest;
        let mut at = 0;
        while at < start.len() {
            let end = start[at..].find('\n').map_or(start.len(), |len| at + len + 1);
            let line = &start[at..end];
            let blank = line.trim().is_empty();
            if blank && (open.is_some() || !stanza.fields.is_empty()) {
                at = end;
                break;
            }
            if line.starts_with([' ', '\t']) {
                if let Some((_, _, value_end)) = &mut open {
                    *value_end = end;
                }
            } else if !line.starts_with('#')
                && let Some(colon) = line.find(':')
                && let Some((name, from, to)) = open.replace((line[..colon].trim(), at + colon + 1, end))
            {
                stanza.fields.push((name, start[from..to].trim()));
            }
            at = end;
        }
        if let Some((name, from, to)) = open {
            stanza.fields.push((name, start[from..to].trim()));
        }
        rest = &start[at..];
        (!stanza.fields.is_empty()).then_some(stanza)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stanzas_are_told_apart() {
        let text = "\n\nPackage: a\nDepends: b,\n c\n# a comment\nSize: 1\n\n \nPackage: d\nEmpty:\n";
        let stanzas: Vec<_> = stanzas(text).collect();
        assert_eq!(stanzas.len(), 2);
        assert_eq!(stanzas[0].get("package"), Some("a"));
        assert_eq!(stanzas[0].get("Depends"), Some("b,\n c"));
        assert_eq!(stanzas[0].get("Size"), Some("1"));
        assert_eq!(stanzas[1].get("Package"), Some("d"));
        assert_eq!(stanzas[1].get("Empty"), Some(""));
        assert_eq!(stanzas[1].get("Depends"), None);
    }

    #[test]
    fn comments_within_a_value_do_not_end_it() {
        let text = "URIs: http://a\n# old: http://b\n http://c\n";
        let uris: Vec<_> = stanzas(text).next().expect("one").get("URIs").expect("URIs").lines().collect();
        assert_eq!(uris.len(), 3, "the comment's line is in the value: {uris:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "([A-Za-z:# \t\n.é]|\r\n){0,80}") {
            let fields: usize = stanzas(&text).map(|stanza| stanza.fields.len()).sum();
            prop_assert!(fields <= text.lines().count());
        }
    }
}
