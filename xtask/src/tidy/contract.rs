//! `doc-tells`, for the host contract: each method of its traits says how it fails, blocks and is abandoned, and which
//! cases of the conformance suite pin that down; each case pins down a method.
//!
//! Owns the comparison of the contract's docs with the suite. What the sections say is for readers to judge.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Expr, File as Syntax, Item, ItemTrait, Lit, Meta, ReturnType, TraitItem, TraitItemFn, Type,
};

use super::Complaint;
use super::tree::{File, Tree};

/// The contract's own files; the suite lies below them.
const CONTRACT: &str = "tidemark-host/src/";
const SUITE: &str = "tidemark-host/src/conformance/";
/// What the suite enters a case's result with; the case's name comes first.
const ENTERED_BY: &str = "record";
/// Traits that a host's user implements, not a host: no suite judges them.
const OF_USERS: &[&str] = &["Turn"];

pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let in_suite = |file: &&File| file.path.starts_with(SUITE) && file.is_rust();
    let in_contract =
        |file: &&File| file.path.starts_with(CONTRACT) && !file.path.starts_with(SUITE) && file.is_rust();
    let mut complaints = Vec::new();
    let mut cases: Vec<Case<'_>> = Vec::new();
    for file in tree.files.iter().filter(in_suite) {
        match file.text.parse() {
            Ok(tokens) => {
                cases.extend(names(tokens).into_iter().map(|name| Case { name, file, named: false }));
            }
            Err(error) => complaints.push(complaint(file, format!("is not Rust: {error}"))),
        }
    }
    for file in tree.files.iter().filter(in_contract) {
        match syn::parse_file(&file.text) {
            Ok(syntax) => complaints.extend(judge(file, &syntax, &mut cases)),
            Err(error) => complaints.push(complaint(file, format!("is not Rust: {error}"))),
        }
    }
    let unnamed = cases.iter().filter(|case| !case.named);
    complaints.extend(
        unnamed.map(|case| complaint(case.file, format!("no method says it is checked by {:?}", case.name))),
    );
    complaints
}

/// A case of the suite.
struct Case<'a> {
    name: String,
    file: &'a File,
    /// Whether a method's docs name it.
    named: bool,
}

fn complaint(file: &File, what: String) -> Complaint {
    Complaint { place: file.path.clone(), rule: "doc-tells", what }
}

/// The names of the cases that a file of the suite enters: `record("NAME", …)`.
fn names(tokens: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    let mut entering = false;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            if entering
                && let Some(TokenTree::Literal(first)) = group.stream().into_iter().next()
                && let Lit::Str(name) = Lit::new(first)
            {
                found.push(name.value());
            }
            found.extend(names(group.stream()));
        }
        entering = matches!(&token, TokenTree::Ident(ident) if ident == ENTERED_BY);
    }
    found
}

/// The methods of a file's public traits.
fn judge(file: &File, syntax: &Syntax, cases: &mut [Case<'_>]) -> Vec<Complaint> {
    let traits = syntax.items.iter().filter_map(|item| match item {
        Item::Trait(item) if matches!(item.vis, syn::Visibility::Public(_)) => Some(item),
        _ => None,
    });
    let judged = traits.filter(|item| !OF_USERS.iter().any(|name| item.ident == name));
    judged.flat_map(|item| judge_trait(item, cases)).map(|what| complaint(file, what)).collect()
}

fn judge_trait(item: &ItemTrait, cases: &mut [Case<'_>]) -> Vec<String> {
    let mut complaints = Vec::new();
    for method in item.items.iter().filter_map(|item| match item {
        TraitItem::Fn(method) => Some(method),
        _ => None,
    }) {
        let name = format!("{}::{}", item.ident, method.sig.ident);
        let text = doc(&method.attrs);
        let shape = Shape::of(method);
        let wanted = [
            ("# Errors", shape.fails),
            ("# Blocking", true),
            ("# Cancellation", shape.is_async),
            ("# Checked by", true),
        ];
        for (section, _) in wanted.iter().filter(|(section, wanted)| *wanted && !has(&text, section)) {
            complaints.push(format!("{name} has no section `{section}`"));
        }
        if method.default.is_some() {
            complaints.push(format!("{name} has a default, which a wrapper would forget to forward"));
        }
        for checked in checked_by(&text) {
            match cases.iter_mut().find(|case| case.name == checked) {
                Some(case) => case.named = true,
                None => complaints
                    .push(format!("{name} is checked by {checked:?}, which the suite does not have")),
            }
        }
    }
    complaints
}

/// What a method's signature says about how it ends.
struct Shape {
    fails: bool,
    is_async: bool,
}

impl Shape {
    fn of(method: &TraitItemFn) -> Self {
        let ReturnType::Type(_, answer) = &method.sig.output else {
            return Self { fails: false, is_async: false };
        };
        let tokens = flat(quote_of(answer));
        let has = |name: &str| tokens.iter().any(|token| token == name);
        // `Self::Wait` is the one future that has a name.
        Self {
            fails: has("Result"),
            is_async: has("Future") || has("Wait") || method.sig.asyncness.is_some(),
        }
    }
}

fn quote_of(answer: &Type) -> TokenStream {
    quote::ToTokens::to_token_stream(answer)
}

/// The identifiers in a piece of code.
fn flat(tokens: TokenStream) -> Vec<String> {
    let idents = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Ident(ident) => vec![ident.to_string()],
        TokenTree::Group(group) => flat(group.stream()),
        _ => Vec::new(),
    });
    idents.collect()
}

/// The lines of a doc comment, without the space that they begin with.
fn doc(attributes: &[Attribute]) -> Vec<String> {
    let text = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    text.collect()
}

fn has(text: &[String], section: &str) -> bool {
    text.iter().any(|line| line == section)
}

/// The list under `# Checked by`: a case's name in backquotes on each line.
fn checked_by(text: &[String]) -> Vec<&str> {
    let list = text.iter().skip_while(|line| *line != "# Checked by").skip(1);
    let list = list.take_while(|line| !line.starts_with('#'));
    list.filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE_TEXT: &str = "//! S.\nfn f() { progress.record(\"x: y\", g()).await; call(\"x: no case\"); }";

    fn complaints(contract: &str) -> Vec<String> {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let tree = Tree {
            files: vec![
                file("tidemark-host/src/x.rs", contract),
                file("tidemark-host/src/conformance/x.rs", SUITE_TEXT),
            ],
        };
        check(&tree).into_iter().map(|complaint| complaint.what).collect()
    }

    #[test]
    fn a_method_that_says_all_passes() {
        let contract = "pub trait X {\n/// Does.\n/// # Errors\n/// E.\n/// # Blocking\n/// No.\n\
            /// # Cancellation\n/// Fine.\n/// # Checked by\n/// - `x: y`\n\
            fn x(&self) -> impl Future<Output = Result<(), E>>;\n}\n";
        assert_eq!(complaints(contract), [""; 0]);
    }

    #[test]
    fn what_is_not_said_is_told() {
        let contract = "pub trait X { fn x(&self) -> impl Future<Output = Result<(), E>> { y() } }";
        let told = complaints(contract);
        let sections = ["# Errors", "# Blocking", "# Cancellation", "# Checked by"];
        for section in sections {
            assert!(told.iter().any(|what| what.contains(section)), "{section}: {told:?}");
        }
        assert!(told.iter().any(|what| what.contains("default")), "{told:?}");
        assert!(
            told.iter().any(|what| what.contains("no method says it is checked by \"x: y\"")),
            "{told:?}"
        );
    }

    #[test]
    fn a_case_that_does_not_exist_is_told() {
        let contract = "pub trait X {\n/// # Blocking\n/// No.\n/// # Checked by\n/// - `x: y`\n/// - `x: z`\nfn x(&self);\n}";
        let told = complaints(contract);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("x: z"), "{told:?}");
    }
}
