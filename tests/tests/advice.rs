//! The library's advice names its calls, for programs. On a terminal, the command shows its verbs in their place.

use std::path::{Path, PathBuf};

use memimage::admin::with_verbs;
use proc_macro2::{TokenStream, TokenTree};

/// The texts in these tokens, except documentation.
fn add_texts(tokens: TokenStream, texts: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let is_doc = group.stream().into_iter().next().is_some_and(|first| first.to_string() == "doc");
                if !is_doc {
                    add_texts(group.stream(), texts);
                }
            }
            TokenTree::Literal(literal) => {
                texts.extend(syn::parse_str::<syn::LitStr>(&literal.to_string()).map(|text| text.value()));
            }
            _ => {}
        }
    }
}

fn add_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => add_files(&path, files),
            false => files.push(path),
        }
    }
}

/// Each text of the library may be a part of a message that the command prints.
#[test]
fn no_text_names_a_call_of_the_library_on_a_terminal() {
    let mut files = Vec::new();
    add_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../memimage/src"), &mut files);
    let is_part = |part: &str| ["testing", "guide"].contains(&part) || part.ends_with("tests.rs");
    files.retain(|path| !path.iter().any(|part| is_part(&part.to_string_lossy())));
    let is_call = |text: &str| text.contains("memimage::admin") || text.contains("RepairAction::");
    let (mut advice, image) = (0, Path::new("bank.image"));
    for path in files {
        let mut texts = Vec::new();
        add_texts(std::fs::read_to_string(&path).unwrap().parse().unwrap(), &mut texts);
        // the prefixes that are looked for
        texts.retain(|text| !["memimage::admin::", "RepairAction::"].contains(&text.as_str()));
        for text in texts {
            advice += usize::from(is_call(&text));
            for (program, is_preset) in [("memimage", false), ("bank admin", true)] {
                let shown = with_verbs(&text, program, Some(image), is_preset);
                assert!(!is_call(&shown), "{}: {shown}", path.display());
            }
        }
    }
    assert!(advice > 20, "{advice} texts name a call");
}
